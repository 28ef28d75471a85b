// Package refstore keeps locks as git refs: it names the refs, encodes and
// decodes the records that they point to, and changes them by compare-and-swap.
// It knows nothing of policy and decides nothing about locks; lock does.
//
// A lock is the ref refs/grite/locks/<key>, which points to a commit without
// parents whose tree holds lock.json. docs/protocol.md is the format.
package refstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// namespace holds the locks that this clone arbitrates.
const namespace = "refs/grite/locks"

// Local is the store whose arbiter is this clone: a file lock in the common git
// directory is held around load, decide and swap, and git's own ref locks
// exclude programs that do not know of it, on the same ref. It is a lock.Store.
type Local struct {
	repo *git.Repo
	dir  string
	now  func() time.Time
	read recordReader
}

// NewLocal makes the store of a repository; dir is our own directory in its
// common git directory, made when first needed.
func NewLocal(repo *git.Repo, dir string, now func() time.Time) *Local {
	return &Local{repo: repo, dir: dir, now: now, read: recordReader{repo: repo, cache: filepath.Join(dir, "records")}}
}

// busyTimeout is how long Begin waits for another process of this program. One
// holds the file lock for a few milliseconds; only one that was stopped or
// hangs on its disk holds it for longer.
const busyTimeout = 10 * time.Second

// BusyError is a file lock that another process did not give up in time.
type BusyError struct{ File string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("another git-grite process has held %s for %s; is it stopped?", e.File, busyTimeout)
}

// Begin takes the clone's file lock. It returns *BusyError.
func (s *Local) Begin(ctx context.Context) (end func(), err error) {
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return nil, err
	}
	return lockFile(ctx, filepath.Join(s.dir, "lock"))
}

// lockFile takes an advisory lock on a file that it makes when needed.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f := flock.New(path, flock.SetPermissions(0o666))
	short, cancel := context.WithTimeout(ctx, busyTimeout)
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
			return nil, &BusyError{File: path}
		}
	}
}

// Load lists and reads all locks of this clone. It takes no file lock.
func (s *Local) Load(ctx context.Context) (*lock.Table, error) {
	return s.read.table(ctx, namespace)
}

// maxBusy is how often a transaction is repeated that failed although none of
// its refs had moved: then a lock file of git was in the way.
const maxBusy = 5

// Swap makes all changes or none. It returns lock.ErrLostRace when one of the
// records was no longer what its change says.
func (s *Local) Swap(ctx context.Context, changes []lock.Change) error {
	var first, updates []git.RefUpdate
	for _, c := range changes {
		u := git.RefUpdate{Name: refName(c.Key), Old: git.OID(c.Old)}
		if c.Old == "" {
			if err := s.repo.RemoveBrokenRef(u.Name); err != nil {
				return err
			}
			if c.New == nil {
				continue
			}
		}
		if c.New != nil {
			oid, err := s.write(ctx, *c.New)
			if err != nil {
				return err
			}
			u.New = oid
		}
		// What stands in the way of a ref as its directory, or as the directory
		// of all, has to be gone before git can make the ref.
		if c.Key == "" || strings.Contains(c.Key, "/") {
			first = append(first, u)
		} else {
			updates = append(updates, u)
		}
	}
	if err := s.update(ctx, first); err != nil {
		return err
	}
	return s.update(ctx, updates)
}

func (s *Local) update(ctx context.Context, updates []git.RefUpdate) error {
	for try := 0; ; try++ {
		err := s.repo.UpdateRefs(ctx, updates)
		var failed *git.Error
		if err == nil || !errors.As(err, &failed) {
			return err
		}
		moved, listErr := s.moved(ctx, updates)
		switch {
		case listErr != nil:
			return listErr
		case moved:
			return lock.ErrLostRace
		}
		if err := s.repo.CheckWritable(); err != nil {
			return err
		}
		if try == maxBusy {
			return s.repo.Diagnose(ctx, err)
		}
		select {
		case <-time.After(10*time.Millisecond + rand.N(40*time.Millisecond)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// moved tells whether a ref is no longer at its old value.
func (s *Local) moved(ctx context.Context, updates []git.RefUpdate) (bool, error) {
	refs, err := s.repo.Refs(ctx, namespace)
	if err != nil {
		return false, err
	}
	at := make(map[git.RefName]git.OID, len(refs))
	for _, ref := range refs {
		at[ref.Name] = ref.OID
	}
	for _, u := range updates {
		if at[u.Name] != u.Old {
			return true, nil
		}
	}
	return false, nil
}

func (s *Local) write(ctx context.Context, l lock.Lock) (git.OID, error) {
	return s.repo.WriteCommit(ctx, git.FileCommit{
		Name: recordFile, Content: encode(l), Message: "Lock: " + l.Resource.String(), Time: s.now(),
	})
}

func refName(key string) git.RefName {
	if key == "" {
		return namespace
	}
	return git.RefName(namespace + "/" + key)
}
