package protocol

import (
	"context"
	"errors"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// Solo changes a table whose arbiter is this clone: what it stores is granted.
type Solo struct {
	Actor
	Store Store
	// Queue keeps all other processes of this clone from deciding until end is
	// called. It waits until ctx is done.
	Queue func(ctx context.Context) (end func(), err error)
}

// Acquire takes locks on all resources or none. It returns *lock.HeldError when
// locks of others are in the way, after at least q.Wait.
func (s *Solo) Acquire(ctx context.Context, q AcquireRequest) (a Acquired, err error) {
	request := s.request(q)
	err = s.wait(ctx, q, func(bool) (err error) {
		a.View, err = s.update(ctx, func(t *lock.Table, now time.Time) (changes []lock.Change, err error) {
			changes, a.Grants, err = t.Acquire(request, now)
			return changes, err
		})
		return err
	})
	if err != nil {
		a.Grants = nil
	}
	return a, err
}

// Renew extends the owner's locks on the given resources to ttl from now, each
// by itself, all that it has when none are named, and replaces their reason unless
// that is "". It returns *lock.NotHeldError when there are none at all.
func (s *Solo) Renew(ctx context.Context, resources []lock.Resource, ttl time.Duration, reason string) (r Renewed, err error) {
	r.View, err = s.update(ctx, func(t *lock.Table, now time.Time) (changes []lock.Change, err error) {
		wanted := resources
		if len(wanted) == 0 {
			if wanted = t.Mine(s.Owner); len(wanted) == 0 {
				return nil, &lock.NotHeldError{}
			}
		}
		changes, r.Locks, r.Lost = t.Renew(s.Owner, lock.Distinct(wanted), ttl, reason, now)
		return changes, nil
	})
	return r, err
}

// Release gives up the owner's locks on the given resources, all that it has
// when none are named. A nonce other than "" must be that of the lock, else
// *lock.NonceError.
func (s *Solo) Release(ctx context.Context, resources []lock.Resource, nonce string) (r Released, err error) {
	r.View, err = s.update(ctx, func(t *lock.Table, now time.Time) (changes []lock.Change, err error) {
		wanted := resources
		if len(wanted) == 0 {
			wanted = t.Mine(s.Owner)
		}
		changes, r.Locks, r.Others, err = t.Release(s.Owner, lock.Distinct(wanted), nonce, now)
		return changes, err
	})
	return r, err
}

// Break removes somebody's lock; see [lock.Table.Break] for its errors. Who
// breaks it is filled in.
func (s *Solo) Break(ctx context.Context, q lock.BreakRequest) (b Broken, err error) {
	b.View, b.Lock, err = breakLock(ctx, s.update, s.breaking(q))
	return b, err
}

// Collect removes what nobody needs any more; see [lock.Table.Collect].
func (s *Solo) Collect(ctx context.Context) (Collected, error) {
	return collect(ctx, s.update, s.Skew)
}

func (s *Solo) update(ctx context.Context, d decide) (*lock.View, error) {
	end, err := s.Queue(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	return update(ctx, s.Store, s.Now, d)
}

// decide decides what to change; it may be called several times.
type decide func(t *lock.Table, now time.Time) ([]lock.Change, error)

// update loads, decides and swaps until nobody else came in between. The view is
// that of the last look, also with an error.
func update(ctx context.Context, store Store, clock func() time.Time, d decide) (v *lock.View, err error) {
	var doubt []lock.Change // asked for, with an unknown outcome
	for n := (tries{}); ; {
		fresh, err := store.Load(ctx, true)
		if err != nil {
			return v, err
		}
		v = fresh
		if doubt != nil && v.Made(doubt) {
			return v, nil
		}
		changes, err := d(&v.Table, clock())
		if err != nil || len(changes) == 0 {
			return v, err
		}
		if err := write(ctx, store, changes); err != nil {
			return v, err
		}
		err = swap(ctx, store, changes)
		if err == nil {
			return v, nil
		}
		doubt = nil
		if errors.Is(err, lock.ErrUnknown) {
			doubt = changes
		}
		if err := n.again(ctx, err); err != nil {
			return v, err
		}
	}
}

// write makes the records of changes that have none yet.
func write(ctx context.Context, store Store, changes []lock.Change) (err error) {
	for i, c := range changes {
		if c.New == nil || c.Version != "" {
			continue
		}
		if changes[i].Version, err = store.Write(ctx, *c.New); err != nil {
			return err
		}
	}
	return nil
}

// swap makes changes that need not be made at once one by one where the store
// cannot make them so.
func swap(ctx context.Context, store Store, changes []lock.Change) error {
	err := store.Swap(ctx, changes)
	if !errors.Is(err, lock.ErrNotAtomic) {
		return err
	}
	for i := range changes {
		if err := store.Swap(ctx, changes[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// updater is the update of Solo or Shared.
type updater func(context.Context, decide) (*lock.View, error)

func breakLock(ctx context.Context, update updater, q lock.BreakRequest) (v *lock.View, broken lock.Lock, err error) {
	v, err = update(ctx, func(t *lock.Table, now time.Time) (changes []lock.Change, err error) {
		changes, broken, err = t.Break(q, now)
		return changes, err
	})
	return v, broken, err
}

// collect removes in steps.
func collect(ctx context.Context, update updater, skew time.Duration) (all Collected, err error) {
	for {
		var c lock.Collected
		v, err := update(ctx, func(t *lock.Table, now time.Time) (changes []lock.Change, err error) {
			changes, c = t.Collect(skew, now)
			return changes, nil
		})
		if v != nil {
			all.View = v
		}
		if err != nil || c.Records == 0 {
			return all, err
		}
		all.Expired, all.Damaged = append(all.Expired, c.Expired...), append(all.Damaged, c.Damaged...)
		all.Records += c.Records
	}
}
