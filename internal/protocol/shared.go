package protocol

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// Shared changes a table whose arbiter many clones change at once. It swaps
// records one by one, and overlapping resources live in different ones, so that a
// swap grants nothing: it only announces. Afterwards all locks are read again,
// and the announcement is a grant when no overlapping record of another owner
// stands, expired or not. Of two overlapping announcements the one that is
// verified later sees the other.
type Shared struct {
	Actor
	Store  Store
	Grants Grants // of this arbiter to this owner
	// Queue keeps other processes of the same owner in this clone from deciding
	// until end is called, so that they never see each other half-way. It waits
	// until ctx is done.
	Queue func(ctx context.Context) (end func(), err error)
	Line  Line // of those who wait; nil for an arbiter without one
	// Yield, when not nil, is called when a lock is lost whose record still keeps
	// others out, before that is removed.
	Yield func(lock.Lost)
}

// Acquire takes locks on all resources or none. It returns *lock.HeldError when
// locks of others are in the way, after a fresh look and at least q.Wait, and
// *ShortLeaseError when the lease is over before it can be granted. Nothing is
// left behind then, nor when ctx ends it, unless the error is *LeftoverError.
func (s *Shared) Acquire(ctx context.Context, q AcquireRequest) (got Acquired, err error) {
	c := &claim{q: s.request(q)}
	try := func(fresh bool) error {
		c.reset()
		a, err := s.announce(ctx, []*claim{c}, fresh, q.Doubt)
		got.View, got.Lost = a.view, append(got.Lost, a.lost...)
		if err == nil {
			err = c.err
		}
		return err
	}
	if s.Line == nil || q.Wait == 0 {
		err = s.wait(ctx, q, try)
	} else if err = try(false); err != nil {
		if held, isHeld := asHeld(err); isHeld {
			if q.Waiting != nil {
				q.Waiting(held)
				q.Waiting = nil
			}
			err = s.waitInLine(ctx, q, c.q, held, try)
		}
	}
	if err == nil {
		got.Grants = c.grants
	}
	return got, err
}

// Confirm asks for locks of this owner that were taken without the arbiter, each
// by itself, with the nonce, the ticket and the deadline that it has. Uncontended,
// that is one push and the read that verifies, however many there are, where the
// caller has looked just before.
func (s *Shared) Confirm(ctx context.Context, locks []lock.Lock) (got Confirmed, err error) {
	claims := make([]*claim, 0, len(locks))
	for _, l := range locks {
		claims = append(claims, &claim{q: lock.Request{
			Owner: s.Owner, Label: l.Label, Reason: l.Reason, Resources: []lock.Resource{l.Resource}, Skew: s.Skew,
			TTL: l.TTL, Expires: l.Expires, Nonce: l.Nonce, Ticket: l.Ticket,
		}})
	}
	a, err := s.announce(ctx, claims, false, nil)
	got.View = a.view
	for i, c := range claims {
		held, isHeld := asHeld(c.err)
		var short *ShortLeaseError
		switch {
		case c.done:
			got.Grants = append(got.Grants, c.grants...)
		case isHeld:
			got.Lost = append(got.Lost, lock.Lost{Lock: locks[i], Cause: lock.Taken, By: held.Conflicts[0]})
		case errors.As(c.err, &short): // its deadline passed meanwhile
			got.Lost = append(got.Lost, lock.Lost{Lock: locks[i], Cause: lock.NotHeld})
		case err == nil:
			err = c.err
		}
	}
	return got, err
}

// Break removes somebody's lock; see [lock.Table.Break] for its errors. Who
// breaks it is filled in.
func (s *Shared) Break(ctx context.Context, q lock.BreakRequest) (b Broken, err error) {
	b.View, b.Lock, err = breakLock(ctx, s.update, s.breaking(q))
	if err == nil && b.Lock.Owner == s.Owner {
		err = s.Grants.Drop(b.Lock.Resource.Key())
	}
	return b, err
}

// Collect removes what nobody needs any more; see [lock.Table.Collect].
func (s *Shared) Collect(ctx context.Context) (Collected, error) {
	return collect(ctx, s.update, s.Skew)
}

func (s *Shared) update(ctx context.Context, d decide) (*lock.View, error) {
	end, err := s.Queue(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	return update(ctx, s.Store, s.now, d)
}

// settle brings holdings in line with a fresh view, which is read once more when
// it lacks one: listing a directory can miss an entry that is just being renamed
// over. What is lost leaves held and the grants.
func (s *Shared) settle(ctx context.Context, v *lock.View, held map[string]lock.Holding) (*lock.View, []lock.Lost, error) {
	missing := func() (keys []string) {
		for key, h := range held {
			if !h.Stands(v.Version(key)) {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		return keys
	}
	if len(missing()) > 0 {
		again, err := s.Store.Load(ctx, true)
		if err != nil {
			return v, nil, err
		}
		v = again
	}
	var lost []lock.Lost
	for _, key := range missing() {
		lost = append(lost, v.Gone(s.Owner, held[key].Lock, s.now()))
		delete(held, key)
		if err := s.Grants.Drop(key); err != nil {
			return v, lost, err
		}
	}
	for key, h := range held {
		e, _ := v.At(key)
		held[key] = h.Settle(e)
		if e.Version == h.Version {
			continue
		}
		known := held[key]
		if h.Verify { // until it is verified the old deadline holds
			known.Pending = []lock.Pending{{Version: e.Version, Expires: e.Expires, TTL: e.TTL}}
			known.Expires, known.TTL = h.Expires, h.TTL
		}
		if err := s.Grants.Put(known); err != nil {
			return v, lost, err
		}
	}
	return v, lost, nil
}

// sending writes down that a renewal of a holding is under way, before it is sent.
func (s *Shared) sending(h lock.Holding, c lock.Change) (lock.Holding, error) {
	h.Verify = h.Verify || !h.Live(s.now())
	if slices.ContainsFunc(h.Pending, func(p lock.Pending) bool { return p.Version == c.Version }) {
		return h, nil
	}
	h.Pending = append(slices.Clone(h.Pending), lock.Pending{Version: c.Version, Expires: c.New.Expires, TTL: c.New.TTL})
	return h, s.Grants.Put(h)
}

// now is the time in the precision of records.
func (a *Actor) now() time.Time { return a.Now().Truncate(time.Millisecond) }
