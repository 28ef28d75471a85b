package refstore

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/git-grite/git-grite/internal/protocol"
)

// busyTimeout is how long a file lock is waited for. Processes of this program
// hold one for as long as git talks to the disk, or to a remote; only one that
// was stopped holds it for longer.
const (
	busyTimeout   = 10 * time.Second
	remoteTimeout = 3 * time.Minute
)

// BusyError is a file lock that another process did not give up in time.
type BusyError struct {
	File    string
	Timeout time.Duration
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("another git-grite process has held %s for %s; is it stopped?", e.File, e.Timeout)
}

// lockFile takes the clone's short file lock.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	return lockFileFor(ctx, path, busyTimeout)
}

// lockFileFor takes an advisory lock on a file that it makes when needed, with
// its directory. The kernel frees it when the process ends, however that
// happens. It returns *BusyError.
func lockFileFor(ctx context.Context, path string, timeout time.Duration) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	f := flock.New(path, flock.SetPermissions(0o666))
	backoff := protocol.Backoff{Next: time.Millisecond, Max: 16 * time.Millisecond}
	short, cancel := context.WithTimeoutCause(ctx, timeout, &BusyError{File: path, Timeout: timeout})
	defer cancel()
	for {
		ok, err := f.TryLock()
		if err != nil {
			return nil, err
		}
		if ok {
			return func() { _ = f.Unlock() }, nil // closing the file cannot keep the lock
		}
		if err := backoff.Wait(short, backoff.Max); err != nil {
			return nil, err
		}
	}
}

// tryLockFile takes the advisory lock only when it is free.
func tryLockFile(path string) (unlock func(), ok bool) {
	f := flock.New(path, flock.SetPermissions(0o666))
	if ok, err := f.TryLock(); err != nil || !ok {
		return nil, false
	}
	return func() { _ = f.Unlock() }, true
}
