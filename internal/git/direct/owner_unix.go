//go:build unix

package direct

import (
	"io/fs"
	"os"
	"syscall"
)

// owned reports whether a path itself, not what it links to, belongs to the
// caller. For anything else git is asked, which knows safe.directory and accepts
// from root what belongs to the user who called sudo.
func owned(path string) bool {
	st, err := os.Lstat(path)
	if err != nil {
		return false
	}
	stat, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// sameDevice reports whether two directories are on one file system, which git
// does not leave when it looks for a repository.
func sameDevice(a, b fs.FileInfo) bool {
	sa, ok := a.Sys().(*syscall.Stat_t)
	sb, okB := b.Sys().(*syscall.Stat_t)
	return ok && okB && sa.Dev == sb.Dev
}
