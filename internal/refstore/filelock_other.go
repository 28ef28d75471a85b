//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package refstore

import "github.com/gofrs/flock"

// tryLockFile takes an advisory lock when it is free, on a file that it makes
// when needed. It ends with this process: a git that outlives it may still write.
func tryLockFile(path string) (l fileLock, ok bool, err error) {
	f := flock.New(path, flock.SetPermissions(0o666))
	if ok, err = f.TryLock(); !ok || err != nil {
		return l, false, err
	}
	return fileLock{end: func() { _ = f.Unlock() }}, true, nil
}
