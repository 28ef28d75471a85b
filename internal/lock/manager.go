package lock

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Store is where the table of locks is kept and who arbitrates it.
type Store interface {
	// Begin keeps every other process of this program from deciding on the
	// same table until end is called. It waits until ctx is done.
	Begin(ctx context.Context) (end func(), err error)
	// Load returns the table as it stands. Without Begin it may be outdated at
	// once.
	Load(ctx context.Context) (*Table, error)
	// Swap makes all changes or none; ErrLostRace when one of the records was
	// no longer what its change says. Records that it wrote for New are
	// readable by the next Load.
	Swap(ctx context.Context, changes []Change) error
}

// Manager changes locks on behalf of one owner.
type Manager struct {
	Store Store
	Owner Owner
	Label string
	Now   func() time.Time
	Nonce func() string // makes a nonce that nobody else makes
}

// maxRaces is how often a change is decided anew after a lost race. Processes
// of this program queue up behind Begin, so that only other programs can win
// one; they would have to do so every time.
const maxRaces = 20

// update loads, decides and swaps until nobody else came in between.
func (m *Manager) update(ctx context.Context, decide func(t *Table, now time.Time) ([]Change, error)) error {
	end, err := m.Store.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	for race := 0; ; race++ {
		t, err := m.Store.Load(ctx)
		if err != nil {
			return err
		}
		changes, err := decide(t, m.Now())
		if err != nil || len(changes) == 0 {
			return err
		}
		err = m.Store.Swap(ctx, changes)
		if !errors.Is(err, ErrLostRace) || race == maxRaces {
			return err
		}
		if err := sleep(ctx, rand.N(20*time.Millisecond)); err != nil {
			return err
		}
	}
}

// AcquireOptions says what to acquire and how.
type AcquireOptions struct {
	Resources []Resource
	TTL       time.Duration
	Reason    string
	Exclusive bool
	// Wait is how long to try. Waiting, when not nil, is called once, before
	// the first wait.
	Wait    time.Duration
	Waiting func(*HeldError)
}

// The interval between two tries of a waiting acquire grows from minPoll to
// maxPoll.
const (
	minPoll = 25 * time.Millisecond
	maxPoll = time.Second
)

// Acquire takes locks on all resources or none. It returns *HeldError when
// locks of others are in the way, after at least o.Wait; nothing is left behind
// then, nor when ctx ends it.
func (m *Manager) Acquire(ctx context.Context, o AcquireOptions) ([]Grant, error) {
	q := Request{
		Owner: m.Owner, Label: m.Label, Reason: o.Reason, Resources: distinct(o.Resources),
		TTL: o.TTL, Exclusive: o.Exclusive, Nonce: m.Nonce(), Ticket: m.Now(),
	}
	deadline := m.Now().Add(o.Wait)
	poll := minPoll
	for {
		var grants []Grant
		err := m.update(ctx, func(t *Table, now time.Time) (changes []Change, err error) {
			changes, grants, err = t.Acquire(q, now)
			return changes, err
		})
		var held *HeldError
		if err == nil || !errors.As(err, &held) {
			return grants, err
		}
		left := deadline.Sub(m.Now())
		if left <= 0 {
			return nil, err
		}
		if o.Waiting != nil {
			o.Waiting(held)
			o.Waiting = nil
		}
		// Half to one and a half of the interval, so that waiters spread out.
		if err := sleep(ctx, min(left, poll/2+rand.N(poll))); err != nil {
			return nil, err
		}
		poll = min(2*poll, maxPoll)
	}
}

// Renew extends the owner's locks on the given resources to ttl from now, all
// or none; see [Table.Renew] for its errors. No resources means all own locks.
func (m *Manager) Renew(ctx context.Context, resources []Resource, ttl time.Duration) (locks []Lock, err error) {
	err = m.update(ctx, func(t *Table, now time.Time) (changes []Change, err error) {
		wanted := resources
		if len(wanted) == 0 {
			if wanted = t.mine(m.Owner); len(wanted) == 0 {
				return nil, &NotHeldError{}
			}
		}
		changes, locks, err = t.Renew(m.Owner, distinct(wanted), ttl, now)
		return changes, err
	})
	return locks, err
}

// Release gives up the owner's locks on the given resources and returns them,
// beside running locks of others on the same resources, which it leaves alone.
// A nonce other than "" must be that of the lock, else *NonceError. No
// resources means all own locks.
func (m *Manager) Release(ctx context.Context, resources []Resource, nonce string) (released, others []Lock, err error) {
	err = m.update(ctx, func(t *Table, now time.Time) (changes []Change, err error) {
		wanted := resources
		if len(wanted) == 0 {
			wanted = t.mine(m.Owner)
		}
		changes, released, others, err = t.Release(m.Owner, distinct(wanted), nonce, now)
		return changes, err
	})
	return released, others, err
}

// Break removes somebody's lock and returns it; see [Table.Break] for its errors.
func (m *Manager) Break(ctx context.Context, r Resource, nonce, reason string) (broken Lock, err error) {
	q := BreakRequest{By: m.Owner, Label: m.Label, Resource: r, Nonce: nonce, Reason: reason, Mark: m.Nonce()}
	err = m.update(ctx, func(t *Table, now time.Time) (changes []Change, err error) {
		changes, broken, err = t.Break(q, now)
		return changes, err
	})
	return broken, err
}

// Collected is what garbage collection removed.
type Collected struct {
	Expired []Lock
	Damaged []Damage
	Records int // all of them, with released ones and old tombstones
}

// Collect removes what nobody needs any more; see [Table.Collect].
func (m *Manager) Collect(ctx context.Context) (c Collected, err error) {
	err = m.update(ctx, func(t *Table, now time.Time) ([]Change, error) {
		changes, expired := t.Collect(0, now)
		c = Collected{Expired: expired, Damaged: t.Damaged, Records: len(changes)}
		return changes, nil
	})
	return c, err
}

// mine lists the resources of the owner's records.
func (t *Table) mine(owner Owner) []Resource {
	var resources []Resource
	for _, e := range t.Entries {
		if e.Owner == owner && !e.Tombstone() {
			resources = append(resources, e.Resource)
		}
	}
	return resources
}

// distinct drops repeated resources.
func distinct(resources []Resource) []Resource {
	seen := map[string]bool{}
	var out []Resource
	for _, r := range resources {
		if !seen[r.String()] {
			seen[r.String()] = true
			out = append(out, r)
		}
	}
	return out
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
