// Package stamp tells that a directory has not changed, by what the system says of
// it, so that what was read of its files once need not be read again.
package stamp

import (
	"os"
	"slices"
)

// Flat reports whether a directory holds nothing but files: only then no name at or
// below it changes without a change of its stamp.
func Flat(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !e.Type().IsRegular() })
}
