package refstore

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// Remote is the store whose arbiter is a git remote: its locks are changed by
// pushes with leases and read by fetching them into a mirror. It is a
// protocol.Store.
type Remote struct {
	repo    *git.Repo
	remote  *git.Remote
	dir     string
	now     func() time.Time
	mirror  recordReader
	local   *Local
	oneOnly bool // the remote cannot change several refs at once
}

// OpenRemote makes the store of a remote; prompts as in [git.Repo.OpenRemote],
// whose errors it returns. local has the locks of this clone that no remote has
// confirmed, which count beside those of the remote.
func OpenRemote(ctx context.Context, repo *git.Repo, name string, prompts bool, local *Local) (*Remote, error) {
	remote, err := repo.OpenRemote(ctx, name, prompts)
	if err != nil {
		return nil, err
	}
	return &Remote{repo: repo, remote: remote, dir: local.dir, now: local.now, local: local, mirror: recordReader{
		repo: repo, now: local.now, prefix: mirrorOf(name), remote: name, cache: filepath.Join(local.dir, "records-"+lock.Key(name)),
		last: &lastRead{},
	}}, nil
}

// Name is the name of the remote.
func (s *Remote) Name() string { return s.remote.Name }

// Git is the remote itself, for what is kept there beside locks.
func (s *Remote) Git() *git.Remote { return s.remote }

// Arbiter is what identifies the remote as the one that granted a lock.
func (s *Remote) Arbiter() Arbiter {
	return Arbiter{Name: s.remote.Name, URL: withoutUser(strings.TrimRight(s.remote.URL(), "/"))}
}

// withoutUser drops the name and the password from a URL: they are no part of the
// place, and have no business in another file.
func withoutUser(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return url
	}
	host, path, _ := strings.Cut(rest, "/")
	return scheme + "://" + host[strings.LastIndexByte(host, '@')+1:] + "/" + path
}

// Load returns the locks of the remote, as it has them now when they have to be
// fresh, else as the mirror has them; and the offline locks of this clone.
func (s *Remote) Load(ctx context.Context, fresh bool) (*lock.View, error) {
	if fresh {
		return s.load(ctx)
	}
	t, err := s.mirror.glance(ctx)
	if err != nil {
		return nil, err
	}
	return s.beside(ctx, &lock.View{Table: *t})
}

// load is a fresh Load that fetches what more refspecs name with the locks.
func (s *Remote) load(ctx context.Context, more ...string) (*lock.View, error) {
	v, err := s.fetch(ctx, more...)
	if err != nil {
		return nil, err
	}
	return s.beside(ctx, v)
}

// beside adds the offline locks of this clone to a view of the remote's.
func (s *Remote) beside(ctx context.Context, v *lock.View) (*lock.View, error) {
	own, err := s.local.read.table(ctx)
	if err != nil {
		return nil, err
	}
	v.DamagedHere = own.Damaged
	for _, l := range own.Entries {
		l.Unconfirmed = true
		switch by := s.inTheWay(&l, v.Entries); {
		case by == nil:
			v.Beside = append(v.Beside, l)
		case by.Nonce != l.Nonce && l.Live(s.now()):
			v.Beaten = append(v.Beaten, lock.Beaten{Lock: l.Lock, By: by.Lock})
		}
	}
	return v, nil
}

// inTheWay finds the running lock of the remote that a local one lost to, or
// the local lock itself: a clone that mirrors the whole remote has it in the
// same place.
func (s *Remote) inTheWay(l *lock.Entry, remote []lock.Entry) *lock.Entry {
	now := s.now()
	for i := range remote {
		r := &remote[i] // among thousands, to copy each takes longer than to compare it
		if r.Key == l.Key && r.Nonce == l.Nonce || r.Owner != l.Owner && now.Before(r.Expires) && r.Resource.Conflicts(l.Resource) {
			return r
		}
	}
	return nil
}

// Write makes the record of a lock in this clone.
func (s *Remote) Write(ctx context.Context, l lock.Lock) (string, error) {
	return write(ctx, s.repo, l, s.local.Sign)
}
