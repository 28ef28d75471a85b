package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
	"github.com/git-grite/git-grite/internal/refstore"
)

// arbiterName is the remote that arbitrates, "" when this clone does: what
// lock.remote names or, for "auto", origin, else the only remote. Never by
// branch: everybody has to ask the same one.
func (s *session) arbiterName(ctx context.Context) (string, error) {
	switch s.config.Remote {
	case "none":
		return "", nil
	case "auto":
	default:
		return s.config.Remote, nil
	}
	remotes, err := s.repo.Remotes(ctx)
	if err != nil || len(remotes) == 0 {
		return "", err
	}
	names := make([]string, 0, len(remotes))
	for _, r := range remotes {
		names = append(names, r.Name)
	}
	switch {
	case slices.Contains(names, "origin"):
		return "origin", nil
	case len(names) == 1:
		return names[0], nil
	}
	return "", &config.Error{File: config.ClonePath(s.dir), Key: "lock.remote",
		Fault: fmt.Sprintf("there are several remotes (%s) and no origin; name the one that everybody's locks are kept on, or \"none\"", strings.Join(names, ", "))}
}

// connect finds the arbiter and opens its store. Nothing is sent.
func (s *session) connect(ctx context.Context) error {
	name, err := s.arbiterName(ctx)
	if err != nil || name == "" {
		return err
	}
	return s.connectTo(ctx, name)
}

func (s *session) connectTo(ctx context.Context, name string) error {
	remote, err := refstore.OpenRemote(ctx, s.repo, name, s.env.Prompts && !s.out.json, s.local)
	if errors.Is(err, git.ErrNoRemote) {
		return &config.Error{File: "lock.remote", Fault: fmt.Sprintf("there is no remote %q in this clone: git remote -v lists them", name)}
	}
	if err != nil {
		return err
	}
	s.remote = remote
	return nil
}

// verbs are what both protocols can do.
type verbs interface {
	Acquire(context.Context, protocol.AcquireRequest) (protocol.Acquired, error)
	Renew(context.Context, []lock.Resource, time.Duration) (protocol.Renewed, error)
	Release(context.Context, []lock.Resource, string) (protocol.Released, error)
	Break(context.Context, lock.BreakRequest) (protocol.Broken, error)
	Collect(context.Context) (protocol.Collected, error)
}

// manager acts on the arbiter's locks for an actor.
func (s *session) manager(a config.Actor) verbs {
	if s.remote == nil {
		return s.offline(a)
	}
	return s.shared(a)
}

func (s *session) shared(a config.Actor) *protocol.Shared {
	grants := s.grants(a)
	return &protocol.Shared{Store: &observed{s.remote, s}, Queue: grants.Queue, Grants: grants, Actor: s.acting(a, s.config.ClockSkew)}
}

func (s *session) acting(a config.Actor, skew time.Duration) protocol.Actor {
	return protocol.Actor{Owner: a.ID, Label: a.Label, Skew: skew, Now: s.env.Now, Nonce: uuid.NewString}
}

func (s *session) grants(a config.Actor) *refstore.Grants {
	arbiter := refstore.Arbiter{}
	if s.remote != nil {
		arbiter = s.remote.Arbiter()
	}
	return refstore.NewGrants(s.dir, a.ID, arbiter)
}

// offline acts on the locks of this clone for an actor: all of them where the
// clone is the arbiter, else those that no sync has confirmed.
func (s *session) offline(a config.Actor) verbs {
	var store protocol.Store = s.local
	if s.remote != nil {
		store = s.local.Beside(s.remote)
	}
	return &protocol.Solo{Store: &observed{store, s}, Queue: s.local.Queue, Actor: s.acting(a, 0)}
}

// firstLoss is the error of a renewal that lost something.
func firstLoss(r protocol.Renewed, err error) ([]lock.Lock, error) {
	if err == nil && len(r.Lost) > 0 {
		err = r.Lost[0].Err()
	}
	return r.Locks, err
}

// observed is a store whose tables the session remembers.
type observed struct {
	protocol.Store
	s *session
}

func (o *observed) Load(ctx context.Context, fresh bool) (*lock.View, error) {
	began := o.s.env.Now()
	t, err := o.Store.Load(ctx, fresh)
	if err == nil {
		if o.s.last, o.s.lastFresh = t, began; !fresh {
			o.s.lastFresh = time.Time{}
		}
	}
	return t, err
}

// store is the arbiter's.
func (s *session) store() protocol.Store {
	if s.remote == nil {
		return &observed{s.local, s}
	}
	return &observed{s.remote, s}
}

// view is all that this clone knows of locks.
type view struct {
	locks   []lock.Lock // that count: of the arbiter, and those taken offline
	damaged []lock.Damage
	fresh   bool
}

// viewTimeout bounds the look at the remote of a command that can do without.
const viewTimeout = 5 * time.Second

// view looks at the locks. With refresh it asks the remote first, for a short
// time; when that does not answer, the last view is returned beside the error.
func (s *session) view(ctx context.Context, refresh bool) (v view, unreachable, err error) {
	v.fresh = refresh || s.remote == nil
	var t *lock.View
	if s.remote != nil && refresh {
		short, cancel := context.WithTimeoutCause(ctx, viewTimeout, fmt.Errorf("remote %q: no answer within %s", s.remote.Name(), viewTimeout))
		t, unreachable = s.store().Load(short, true)
		cancel()
		if ctx.Err() != nil {
			return v, nil, context.Cause(ctx)
		}
		v.fresh = unreachable == nil
	}
	if t == nil {
		if t, err = s.store().Load(ctx, false); err != nil {
			return v, unreachable, err
		}
	}
	for _, e := range slices.Concat(t.Entries, t.Beside) {
		v.locks = append(v.locks, e.Lock)
	}
	v.damaged = t.Damaged
	v.damaged = slices.Concat(v.damaged, t.DamagedHere)
	return v, unreachable, nil
}

// asOf is when the view was true, the zero time for never.
func (s *session) asOf() time.Time {
	if s.remote == nil {
		return s.env.Now()
	}
	return s.remote.AsOf()
}

// unvouched marks an actor's records on the remote that were not granted to it
// here: leftovers of a crash, forgeries, or the locks of another clone of the same
// actor.
func (s *session) unvouched(a config.Actor, locks []lock.Lock) {
	vouched := s.vouched(a)
	for i, l := range locks {
		if l.Owner == a.ID && !vouched(l) {
			locks[i].Unconfirmed = true
		}
	}
}

// vouched reports of a lock in the name of an actor whether this clone holds it:
// it keeps the lock itself, or its ledger has the remote's grant. The ledger is
// read at the first question; one that cannot be read vouches for everything.
func (s *session) vouched(a config.Actor) func(lock.Lock) bool {
	if s.remote == nil {
		return func(lock.Lock) bool { return true }
	}
	held := sync.OnceValues(s.grants(a).Held)
	return func(l lock.Lock) bool {
		if l.Remote == "" {
			return true
		}
		held, err := held()
		h, ok := held[l.Resource.Key()]
		return err != nil || ok && h.Nonce == l.Nonce
	}
}

// apart tells which of the wanted locks of an actor are kept in this clone and
// which on the remote. No resources means all own locks.
func (s *session) apart(ctx context.Context, a config.Actor, wanted []lock.Resource) (here, there []lock.Resource, err error) {
	own, err := s.local.Load(ctx, false)
	if err != nil {
		return nil, nil, err
	}
	held, err := s.grants(a).Held()
	if err != nil {
		return nil, nil, err
	}
	if len(wanted) == 0 {
		for _, e := range own.Entries {
			if e.Owner == a.ID && !e.Tombstone() {
				here = append(here, e.Resource)
			}
		}
		for _, h := range held {
			there = append(there, h.Resource)
		}
		return here, there, nil
	}
	for _, r := range wanted {
		_, offline := own.Own(a.ID, r)
		online := false
		for _, h := range held {
			online = online || h.Resource.SameAs(r)
		}
		if offline {
			here = append(here, r)
		}
		if online || !offline {
			there = append(there, r)
		}
	}
	return here, there, nil
}

// adopt makes locks that another remote granted, before this clone asked its
// present arbiter, locks of this clone that have to be confirmed.
func (s *session) adopt(ctx context.Context, a config.Actor) error {
	stray, err := s.grants(a).Elsewhere()
	if err != nil || len(stray) == 0 {
		return err
	}
	end, err := s.local.Queue(ctx)
	if err != nil {
		return err
	}
	defer end()
	for _, h := range stray {
		if h.Live(s.env.Now()) {
			err := s.local.Swap(ctx, []lock.Change{{Key: h.Resource.Key(), New: &h.Lock, Version: h.Version}})
			if err != nil && !errors.Is(err, lock.ErrLostRace) {
				return err
			}
		}
		if err := refstore.NewGrants(s.dir, a.ID, h.Arbiter).Drop(h.Resource.Key()); err != nil {
			return err
		}
	}
	return nil
}
