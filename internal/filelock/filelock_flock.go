//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// lockNow takes an advisory lock when it is free, on a file that it makes
// when needed. flock(2) needs no right to write; where NFS has it as a lock of
// fcntl(2), it does.
func lockNow(path string, mode os.FileMode) (l Lock, ok bool, err error) {
	for _, access := range []int{os.O_RDONLY, os.O_RDWR} {
		f, err := os.OpenFile(path, os.O_CREATE|access, mode)
		if err != nil {
			return l, false, err
		}
		for err = syscall.EINTR; err == syscall.EINTR; {
			err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		}
		if err == nil {
			return Lock{File: f, End: func() {
				_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) // also where a child process has inherited the file
				_ = f.Close()
			}}, true, nil
		}
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return l, false, nil
		}
		if access == os.O_RDWR || !errors.Is(err, syscall.EBADF) && !errors.Is(err, syscall.EIO) {
			return l, false, &os.PathError{Op: "flock", Path: path, Err: err}
		}
	}
	return l, false, nil
}
