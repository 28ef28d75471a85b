//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package filelock

import (
	"os"

	"github.com/gofrs/flock"
)

// lockNow takes an advisory lock when it is free, on a file that it makes
// when needed. It ends with this process: a git that outlives it may still write.
func lockNow(path string, mode os.FileMode) (l Lock, ok bool, err error) {
	f := flock.New(path, flock.SetPermissions(mode))
	if ok, err = f.TryLock(); !ok || err != nil {
		return l, false, err
	}
	return Lock{End: func() { _ = f.Unlock() }}, true, nil
}
