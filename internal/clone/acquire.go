package clone

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

// AcquireRequest asks for locks on all resources or none.
type AcquireRequest struct {
	Resources []lock.Resource
	TTL       time.Duration // 0 for lock.ttl
	Reason    string
	Exclusive bool // conflict with the locks that the actor holds already, too
	Offline   bool // ask only this clone and its last view of the arbiter
	Online    bool // never fall back to that, whatever lock.offline says
	// Wait is how long to try. Waiting, when not nil, is called before the first
	// wait, and again when a holder gives another reason; Heard for notes that
	// come meanwhile.
	Wait    time.Duration
	Waiting func(*lock.HeldError)
	Heard   func(Report)
	// Doubt, when not nil, is called before a lock is taken over from an owner
	// whose clock and this one disagree.
	Doubt func(lock.ClockDoubt)
}

// Acquired is what came of an AcquireRequest.
type Acquired struct {
	Report
	Grants []lock.Grant
	Absent []lock.Resource // paths at which nothing is in the index or the work tree
	// Fallback is why the locks were taken offline although that was not asked
	// for: the arbiter could not be reached, and lock.offline allows it.
	Fallback error
}

// UnreachableError is an acquire that did not reach the remote.
type UnreachableError struct {
	Cause     *git.RemoteError
	Resources []lock.Resource
	Left      *protocol.LeftoverError // what may stand there, nil for nothing
}

func (e *UnreachableError) Error() string { return e.Cause.Error() }
func (e *UnreachableError) Unwrap() error { return e.Cause }

// Acquire takes locks on all resources or none, for an actor that it creates
// where there is none. It returns *lock.HeldError when others are in the way,
// *UnreachableError, and the errors of [Clone.Arbiter] and [Clone.ActorOrNew].
// The result is valid beside an error as far as its Report goes.
func (c *Clone) Acquire(ctx context.Context, q AcquireRequest) (out Acquired, err error) {
	remote, err := c.Arbiter(ctx)
	if err != nil {
		return out, err
	}
	if q.TTL == 0 {
		q.TTL = c.Config.TTL
	}
	if q.Resources, out.Absent, err = c.directories(ctx, q.Resources); err != nil {
		return out, err
	}
	for _, r := range q.Resources {
		if r.Namespace() == lock.Path {
			if err := c.Repo.CheckPath(ctx, r.Name()); err != nil {
				return out, err
			}
		}
	}
	me, err := c.ActorOrNew(ctx)
	if err != nil {
		return out, err
	}
	out.Actor = me
	defer func() {
		var held *lock.HeldError
		if errors.As(err, &held) && len(held.Conflicts) > 0 {
			c.journal.Add(journal.InTheWay("refused", me.ID, me.Label, held))
		}
	}()
	waiting := func(held *lock.HeldError) {
		c.journal.Add(journal.InTheWay("waiting", me.ID, me.Label, held))
		if q.Waiting != nil {
			q.Waiting(held)
		}
	}
	request := protocol.AcquireRequest{Resources: q.Resources, TTL: q.TTL, Reason: q.Reason, Exclusive: q.Exclusive, Wait: q.Wait, Waiting: waiting,
		Blocked: c.blocked(ctx, sight{me: me, remote: remote}, q), Doubt: q.Doubt}
	if remote != nil && !q.Offline {
		at := c.sight(me, remote)
		done, err := c.shared(at).Acquire(ctx, request)
		at.view = done.View
		out.Report = c.report(ctx, at, done.Lost...)
		if err == nil {
			out.Grants = done.Grants
			for i := range out.Grants {
				out.Grants[i].Remote = remote.Name()
			}
			c.logGrants(out.Grants)
			c.record(ctx, me)
			out.without(locksOf(out.Grants))
			return out, c.dropOffline(ctx, at, out.Grants)
		}
		var unreachable *git.RemoteError
		if !errors.As(err, &unreachable) {
			return out, err
		}
		if c.Config.Offline != "allow" || q.Online || unreachable.Local() {
			lost := &UnreachableError{Cause: unreachable, Resources: q.Resources}
			errors.As(err, &lost.Left)
			return out, lost
		}
		out.Fallback = unreachable
	}
	done, err := c.solo(me.Actor).Acquire(ctx, request)
	if remote == nil {
		out.Report = c.report(ctx, sight{me: me, view: done.View})
	}
	if err != nil {
		return out, err
	}
	out.Grants = done.Grants
	for i := range out.Grants {
		out.Grants[i].Unconfirmed = remote != nil
	}
	c.logGrants(out.Grants)
	c.record(ctx, me)
	out.without(locksOf(out.Grants))
	return out, nil
}

// blocked returns what is called before each wait of an acquire: it tells what the
// holders say meanwhile.
func (c *Clone) blocked(ctx context.Context, at sight, q AcquireRequest) func(*lock.HeldError) {
	reasons := map[string]string{} // by nonce
	return func(held *lock.HeldError) {
		news := false
		for _, l := range held.Conflicts {
			known, seen := reasons[l.Nonce]
			news = news || seen && l.Reason != known && l.Reason != ""
			reasons[l.Nonce] = l.Reason
		}
		if q.Waiting != nil && news {
			q.Waiting(held)
		}
		if q.Heard != nil {
			me := Identity{Actor: at.me.Actor} // that it was made is told in the end
			q.Heard(Report{Actor: me, Notes: c.hear(ctx, at, nil)})
		}
	}
}

func locksOf(grants []lock.Grant) (locks []lock.Lock) {
	for _, g := range grants {
		locks = append(locks, g.Lock)
	}
	return locks
}

// directories gives plain paths that are directories here their slash, so that
// "src" and "src/" are one lock, and lists the paths at which there is nothing.
func (c *Clone) directories(ctx context.Context, resources []lock.Resource) (all, absent []lock.Resource, err error) {
	all = slices.Clone(resources)
	for i, r := range all {
		if r.Namespace() != lock.Path {
			continue
		}
		found, dir, err := c.Repo.Find(ctx, strings.TrimSuffix(r.Name(), "/"))
		switch {
		case err != nil:
			return nil, nil, err
		case dir && !strings.HasSuffix(r.Name(), "/"):
			all[i] = r.AsDirectory()
		case !found:
			absent = append(absent, r)
		}
	}
	return all, absent, nil
}

// dropOffline removes offline locks of the actor in whose place a granted one
// stands now.
func (c *Clone) dropOffline(ctx context.Context, at sight, grants []lock.Grant) error {
	var changes []lock.Change
	for _, e := range at.view.Beside {
		if e.Owner == at.me.ID && slices.ContainsFunc(grants, func(g lock.Grant) bool { return g.Resource.SameAs(e.Resource) }) {
			changes = append(changes, lock.Change{Key: e.Key, Old: e.Version})
		}
	}
	return c.swapHere(ctx, changes)
}

// swapHere changes locks of this clone; one that somebody else changed first
// stays as that left it.
func (c *Clone) swapHere(ctx context.Context, changes []lock.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := c.local.Swap(ctx, changes); err != nil && !errors.Is(err, lock.ErrLostRace) {
		return err
	}
	return nil
}

// logGrants writes grants, and what gave way to them, into the journal.
func (c *Clone) logGrants(grants []lock.Grant) {
	var events []journal.Event
	for _, g := range grants {
		if !g.AlreadyHeld {
			e := journal.Of("granted", g.Lock)
			if len(g.TakenOver) > 0 {
				e.Other, e.OtherLabel = g.TakenOver[0].Owner, g.TakenOver[0].Label
			}
			events = append(events, e)
		}
		for _, l := range g.TakenOver {
			e := journal.Of("expired", l)
			e.Other, e.OtherLabel = g.Owner, g.Label
			events = append(events, e)
		}
	}
	c.journal.Add(events...)
}
