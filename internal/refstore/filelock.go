package refstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
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

// replaceFile writes a file beside its place and renames it, so that no reader
// sees half of it.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
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
	short, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for wait := time.Millisecond; ; wait = min(2*wait, 16*time.Millisecond) {
		ok, err := f.TryLock()
		if err != nil {
			return nil, err
		}
		if ok {
			return func() { _ = f.Unlock() }, nil // closing the file cannot keep the lock
		}
		select {
		case <-time.After(wait/2 + rand.N(wait)):
		case <-short.Done():
			if err := context.Cause(ctx); err != nil {
				return nil, err
			}
			return nil, &BusyError{File: path, Timeout: timeout}
		}
	}
}
