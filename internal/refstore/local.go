// Package refstore keeps locks as git refs: it names the refs, encodes and
// decodes the records that they point to, and changes them by compare-and-swap,
// in this clone and on a remote; and it keeps the files that say what a remote
// granted. It decides nothing about locks; lock and protocol do.
//
// A lock is the ref refs/grite/locks/<key>, which points to a commit without
// parents whose tree holds lock.json. docs/protocol.md is the format.
package refstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/filelock"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

// Namespace holds the locks that this clone granted itself.
const Namespace = "refs/grite/locks"

// busyTimeout is how long a file lock is waited for. Processes of this program
// hold one for as long as git talks to the disk, or to a remote; only one that
// was stopped holds it for longer.
const (
	busyTimeout   = 10 * time.Second
	remoteTimeout = 3 * time.Minute
)

// BusyError is a file lock that another process did not give up in time.
type BusyError = filelock.BusyError

// Local is the store whose arbiter is this clone: a file lock in the common git
// directory is held around load, decide and swap, and git's own ref locks
// exclude programs that do not know of it, on the same ref. It is a
// protocol.Store.
type Local struct {
	Sign git.Sign // signs the records that are written, on the remotes too; nil for none

	repo *git.Repo
	dir  string
	now  func() time.Time
	read recordReader
	held atomic.Pointer[os.File] // the clone's file lock, while it is taken
}

// NewLocal makes the store of a repository; dir is our own directory in its
// common git directory, made when first needed.
func NewLocal(repo *git.Repo, dir string, now func() time.Time) *Local {
	return &Local{repo: repo, dir: dir, now: now,
		read: recordReader{repo: repo, now: now, prefix: Namespace, cache: filepath.Join(dir, "records"), last: &lastRead{}}}
}

// Queue takes the clone's file lock, which a git that Swap starts holds as well:
// it may outlive this process. It returns *BusyError.
func (s *Local) Queue(ctx context.Context) (end func(), err error) {
	l, err := filelock.Take(ctx, filepath.Join(s.dir, "lock"), busyTimeout)
	if err != nil {
		return nil, err
	}
	s.held.Store(l.File)
	return func() {
		s.held.Store(nil)
		l.End()
	}, nil
}

// Load lists and reads the locks of this clone. It takes no file lock, and they are
// always as they stand now: not asked for fresh ones it takes them from the cache,
// where nothing has changed since that was written.
func (s *Local) Load(ctx context.Context, fresh bool) (*lock.View, error) {
	asked := s.now()
	read := s.read.glance
	if fresh {
		read = s.read.table
	}
	t, err := read(ctx)
	if err != nil {
		return nil, err
	}
	return &lock.View{Table: *t, Asked: asked}, nil
}

// Offline is the store of a clone that cannot or shall not ask its arbiter: its
// own records, with the last view of the arbiter's beside them.
type Offline struct {
	*Local
	mirror recordReader
}

// Beside is this clone's own store with the last view of a remote beside it.
func (s *Local) Beside(r *Remote) *Offline { return &Offline{s, r.mirror} }

// Load reads both; the arbiter is not asked.
func (s *Offline) Load(ctx context.Context, fresh bool) (*lock.View, error) {
	v, err := s.Local.Load(ctx, fresh)
	if err != nil {
		return nil, err
	}
	t, err := s.mirror.glance(ctx)
	if err != nil {
		return nil, err
	}
	v.Beside, v.Asked = t.Entries, time.Time{}
	return v, nil
}

// Write makes the record of a lock.
func (s *Local) Write(ctx context.Context, l lock.Lock) (string, error) {
	return write(ctx, s.repo, l, s.Sign)
}

// maxBusy is how often a change is repeated that failed although none of its refs
// had moved: then a lock file of git was in the way.
const maxBusy = 5

// busyBackoff spreads these repeats.
func busyBackoff() protocol.Backoff {
	return protocol.Backoff{Next: 20 * time.Millisecond, Max: 300 * time.Millisecond}
}

// Swap makes all changes or none. It returns lock.ErrLostRace when one of the
// records was no longer what its change says.
func (s *Local) Swap(ctx context.Context, changes []lock.Change) error {
	ctx = git.Under(ctx, s.held.Load())
	for _, c := range changes {
		if c.Old == "" {
			if err := s.repo.RemoveBrokenRef(refName(c.Key)); err != nil {
				return err
			}
		}
	}
	first, rest := apart(changes)
	if err := s.transact(ctx, first); err != nil {
		return err
	}
	return s.transact(ctx, rest)
}

// apart separates the changes that have to be made first: what stands in the way
// of a ref as its directory, or as the directory of all, has to be gone before
// git can make the ref.
func apart(changes []lock.Change) (first, rest []git.RefUpdate) {
	for _, c := range changes {
		switch u := update(c); {
		case c.Old == "" && c.New == nil: // a broken ref, which is gone
		case c.Key == "" || strings.Contains(c.Key, "/"):
			first = append(first, u)
		default:
			rest = append(rest, u)
		}
	}
	return first, rest
}

func (s *Local) transact(ctx context.Context, updates []git.RefUpdate) error {
	change := func() error { return s.repo.UpdateRefs(ctx, updates) }
	if len(updates) == 1 {
		change = func() error { return s.repo.UpdateRef(ctx, updates[0]) }
	}
	backoff := busyBackoff()
	for try := 0; ; try++ {
		err := change()
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
		if err := atomicfile.CheckWritable(s.repo.CommonDir); err != nil {
			return err
		}
		if try == maxBusy {
			return s.repo.Diagnose(ctx, err)
		}
		if err := backoff.Wait(ctx, backoff.Max); err != nil {
			return err
		}
	}
}

// moved reports whether a ref is no longer at its old value.
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

// write makes the commit of a record. Its time comes from the record, so that the
// same lock is the same commit whenever it is written: a repeated request has to
// be the same request.
func write(ctx context.Context, repo *git.Repo, l lock.Lock, sign git.Sign) (string, error) {
	made := l.Acquired
	if l.TTL > 0 && !l.Released() {
		made = l.Expires.Add(-l.TTL) // when it was acquired or last renewed
	}
	if made.Unix() < 0 {
		made = time.Unix(0, 0)
	}
	oid, err := repo.WriteCommit(ctx, git.FileCommit{
		Name: RecordFile, Content: Encode(l), Message: "Lock: " + l.Resource.String(), Time: made, Sign: sign,
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
