package refstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// mirrors holds, below the name of each remote, the exact mirror of its locks as
// they were last read. It is not below refs/grite, because other programs push
// everything there.
const mirrors = "refs/git-grite/remotes/"

// Remote is the store whose arbiter is a git remote: its locks are changed by
// pushes with leases and read by fetching them into a mirror. It is a
// lock.Store.
type Remote struct {
	repo    *git.Repo
	remote  *git.Remote
	dir     string
	now     func() time.Time
	mirror  recordReader
	local   *Local
	oneOnly bool // the remote cannot change several refs at once

	// Of the last look:
	damaged     []lock.Damage
	damagedHere []lock.Damage
	overruled   []Overruled
}

// OpenRemote makes the store of a remote; prompts as in [git.Repo.OpenRemote],
// whose errors it returns. local are the locks of this clone that
// no remote has confirmed, which are beside those of the remote; they see its
// mirror beside theirs from now on.
func OpenRemote(ctx context.Context, repo *git.Repo, name string, prompts bool, local *Local) (*Remote, error) {
	remote, err := repo.OpenRemote(ctx, name, prompts)
	if err != nil {
		return nil, err
	}
	s := &Remote{repo: repo, remote: remote, dir: local.dir, now: local.now, local: local, mirror: recordReader{
		repo: repo, prefix: mirrors + name, remote: name, cache: filepath.Join(local.dir, "records-"+lock.Key(name)),
	}}
	local.beside = &s.mirror
	return s, nil
}

// Name is the name of the remote.
func (s *Remote) Name() string { return s.remote.Name }

// Load returns the locks of the remote: as it has them now when they have to be
// fresh, else as the mirror has them.
func (s *Remote) Load(ctx context.Context, fresh bool) (*lock.Table, error) {
	view, err := s.look(ctx, fresh)
	if err != nil {
		return nil, err
	}
	own, err := s.local.Own(ctx)
	if err != nil {
		return nil, err
	}
	t := *view
	t.Beside, s.overruled, s.damagedHere = nil, nil, own.Damaged
	for _, l := range own.Entries {
		l.Unconfirmed = true
		switch by, overruled := s.inTheWay(l, view.Entries); {
		case !overruled:
			t.Beside = append(t.Beside, l)
		case by.Nonce != l.Nonce && l.Live(s.now()):
			s.overruled = append(s.overruled, Overruled{Lock: l.Lock, By: by.Lock})
		}
	}
	return &t, nil
}

// Overruled is a lock that was taken offline and lost: it counts as not held.
type Overruled struct {
	Lock lock.Lock
	By   lock.Lock // the lock of the remote that is in its way
}

// DamagedHere returns the damaged records of this clone itself, as of the last
// Load.
func (s *Remote) DamagedHere() []lock.Damage { return s.damagedHere }

// Overruled returns the locks of this clone that lost, as of the last Load.
func (s *Remote) Overruled() []Overruled { return s.overruled }

// inTheWay finds the running lock of the remote that a local one lost to, or
// the local lock itself: a clone that mirrors the whole remote has it in the
// same place.
func (s *Remote) inTheWay(l lock.Entry, remote []lock.Entry) (lock.Entry, bool) {
	at := slices.IndexFunc(remote, func(r lock.Entry) bool {
		return r.Key == l.Key && r.Nonce == l.Nonce ||
			r.Owner != l.Owner && r.Live(s.now()) && r.Resource.Conflicts(l.Resource)
	})
	if at < 0 {
		return lock.Entry{}, false
	}
	return remote[at], true
}

func (s *Remote) look(ctx context.Context, fresh bool) (t *lock.Table, err error) {
	if fresh {
		t, err = s.fetch(ctx)
	} else {
		t, err = s.mirror.table(ctx)
	}
	if err == nil {
		s.damaged = t.Damaged
	}
	return t, err
}

// fetch brings the mirror up to date and lists it before anybody else can: an
// older fetch of another process would prune what this one has just seen.
func (s *Remote) fetch(ctx context.Context) (*lock.Table, error) {
	end, err := lockFileFor(ctx, s.lockPath(), remoteTimeout)
	if err != nil {
		return nil, err
	}
	defer end()
	refspec := "+" + Namespace + "/*:" + s.mirror.prefix + "/*"
	sent := s.now()
	err = s.remote.Fetch(ctx, refspec)
	var unreachable *git.RemoteError
	if errors.As(err, &unreachable) && ctx.Err() == nil && transient(err) {
		// A server that lists its refs while others delete some dies of it.
		err = s.remote.Fetch(ctx, refspec)
	}
	if err != nil {
		return nil, err
	}
	// For people only: who reads "as of" must not be kept from locking.
	_ = os.WriteFile(s.lockPath(), fmt.Appendf(nil, "%s %d\n", s.remote.Name, sent.UnixMilli()), 0o666)
	return s.mirror.table(ctx)
}

// transient tells whether a fetch failed in the way that one does while refs
// are being deleted, or on a ref lock in this clone.
func transient(err error) bool {
	var failed *git.Error
	if !errors.As(err, &failed) {
		return false
	}
	return strings.Contains(failed.Stderr, "not our ref") || strings.Contains(failed.Stderr, "cannot lock ref") || failed.ExitCode == 1
}

func (s *Remote) lockPath() string { return filepath.Join(s.dir, "mirror.lock") }

// AsOf returns when the mirror was last brought up to date, the zero time for
// never.
func (s *Remote) AsOf() time.Time {
	text, err := os.ReadFile(s.lockPath())
	name, ms, ok := strings.Cut(strings.TrimSpace(string(text)), " ")
	n, numErr := strconv.ParseInt(ms, 10, 64)
	if err != nil || numErr != nil || !ok || name != s.remote.Name {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

// RemoveMirror deletes the refs of the mirror.
func (s *Remote) RemoveMirror(ctx context.Context) error {
	refs, err := s.repo.Refs(ctx, s.mirror.prefix)
	if err != nil {
		return err
	}
	var updates []git.RefUpdate
	for _, ref := range refs {
		if ref.Broken {
			if err := s.repo.RemoveBrokenRef(ref.Name); err != nil {
				return err
			}
			continue
		}
		updates = append(updates, git.RefUpdate{Name: ref.Name, Old: ref.OID})
	}
	return s.repo.UpdateRefs(ctx, updates)
}

// Write makes the record of a lock in this clone.
func (s *Remote) Write(ctx context.Context, l lock.Lock) (string, error) {
	return write(ctx, s.repo, l, s.now())
}
