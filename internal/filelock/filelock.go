// Package filelock keeps other processes of this program out while one is at work.
package filelock

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/protocol"
	"github.com/git-grite/git-grite/internal/signals"
)

// BusyError is a file lock that another process did not give up in time.
type BusyError struct {
	File    string
	Timeout time.Duration
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("another git-grite process has held %s for %s; is it stopped?", e.File, e.Timeout)
}

// Lock is an advisory lock that this process has.
type Lock struct {
	File *os.File // that a child needs to keep it, see git.Under; nil where none can
	End  func()
}

// Take takes an advisory lock on a file that it makes when needed, with
// its directory. The kernel frees it when the process ends, however that
// happens, and with it all children that were given the file. It returns
// *BusyError.
func Take(ctx context.Context, path string, timeout time.Duration) (l Lock, err error) {
	signals.Caught(ctx)
	if err := atomicfile.Mkdir(filepath.Dir(path)); err != nil {
		return l, err
	}
	backoff := protocol.Backoff{Next: time.Millisecond, Max: 16 * time.Millisecond}
	short, cancel := context.WithTimeoutCause(ctx, timeout, &BusyError{File: path, Timeout: timeout})
	defer cancel()
	for {
		l, ok, err := Try(path)
		if ok || err != nil {
			return l, err
		}
		if err := backoff.Wait(short, backoff.Max); err != nil {
			return l, err
		}
	}
}

// Try takes the advisory lock only when it is free. The file can be read,
// and so locked, by those alone who may write where it is.
func Try(path string) (l Lock, ok bool, err error) {
	if err := atomicfile.NoLinks(path); err != nil {
		return l, false, err
	}
	mode := atomicfile.LockMode(filepath.Dir(path))
	if l, ok, err = lockNow(path, mode); !ok || err != nil {
		return l, ok, err
	}
	if st, err := os.Lstat(path); err == nil && st.Mode().Perm() != mode {
		_ = os.Chmod(path, mode) // the umask, or an older version, made it so; only its owner can
	}
	return l, true, nil
}
