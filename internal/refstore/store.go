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
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// Namespace holds the locks that this clone granted itself.
const Namespace = "refs/grite/locks"

// Local is the store whose arbiter is this clone: a file lock in the common git
// directory is held around load, decide and swap, and git's own ref locks
// exclude programs that do not know of it, on the same ref. It is a lock.Store.
type Local struct {
	repo   *git.Repo
	dir    string
	now    func() time.Time
	read   recordReader
	beside *recordReader
}

// NewLocal makes the store of a repository; dir is our own directory in its
// common git directory, made when first needed.
func NewLocal(repo *git.Repo, dir string, now func() time.Time) *Local {
	return &Local{repo: repo, dir: dir, now: now,
		read: recordReader{repo: repo, prefix: Namespace, cache: filepath.Join(dir, "records")}}
}

// Queue takes the clone's file lock. It returns *BusyError.
func (s *Local) Queue(ctx context.Context) (end func(), err error) {
	return lockFile(ctx, filepath.Join(s.dir, "lock"))
}

// Own lists and reads the locks of this clone, and nothing beside them.
func (s *Local) Own(ctx context.Context) (*lock.Table, error) { return s.read.table(ctx) }

// Load lists and reads all locks of this clone. It takes no file lock, and they
// are always fresh.
func (s *Local) Load(ctx context.Context, _ bool) (*lock.Table, error) {
	t, err := s.Own(ctx)
	if err == nil && s.beside != nil {
		var view *lock.Table
		if view, err = s.beside.table(ctx); err == nil {
			t.Beside = view.Entries
		}
	}
	return t, err
}

// Write makes the record of a lock.
func (s *Local) Write(ctx context.Context, l lock.Lock) (string, error) {
	return write(ctx, s.repo, l, s.now())
}

// maxBusy is how often a transaction is repeated that failed although none of
// its refs had moved: then a lock file of git was in the way.
const maxBusy = 5

// Swap makes all changes or none. It returns lock.ErrLostRace when one of the
// records was no longer what its change says.
func (s *Local) Swap(ctx context.Context, changes []lock.Change) error {
	var first, updates []git.RefUpdate
	for _, c := range changes {
		u := update(c)
		if c.Old == "" {
			if err := s.repo.RemoveBrokenRef(u.Name); err != nil {
				return err
			}
			if c.New == nil {
				continue
			}
		}
		// What stands in the way of a ref as its directory, or as the directory
		// of all, has to be gone before git can make the ref.
		if c.Key == "" || strings.Contains(c.Key, "/") {
			first = append(first, u)
		} else {
			updates = append(updates, u)
		}
	}
	if err := s.transact(ctx, first); err != nil {
		return err
	}
	return s.transact(ctx, updates)
}

func (s *Local) transact(ctx context.Context, updates []git.RefUpdate) error {
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
	refs, err := s.repo.Refs(ctx, Namespace)
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

func write(ctx context.Context, repo *git.Repo, l lock.Lock, now time.Time) (string, error) {
	oid, err := repo.WriteCommit(ctx, git.FileCommit{
		Name: recordFile, Content: encode(l), Message: "Lock: " + l.Resource.String(), Time: now,
	})
	return string(oid), err
}

// update is a change as git sees it, here and on a remote.
func update(c lock.Change) git.RefUpdate {
	return git.RefUpdate{Name: refName(c.Key), Old: git.OID(c.Old), New: git.OID(c.Version)}
}

func refName(key string) git.RefName {
	if key == "" {
		return Namespace
	}
	return git.RefName(Namespace + "/" + key)
}
