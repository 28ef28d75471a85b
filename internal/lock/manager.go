package lock

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Store is where the table of locks is kept. Its arbiter is either this clone,
// where the Queue of a Manager keeps everybody else from deciding at the same
// time, or a remote that many clones change at once.
type Store interface {
	// Load returns the table: as the arbiter has it now when it has to be
	// fresh, else as it was last seen.
	Load(ctx context.Context, fresh bool) (*Table, error)
	// Write makes the record of a lock and returns its version, which no other
	// record has. Nobody sees the record before it is swapped in.
	Write(ctx context.Context, l Lock) (version string, err error)
	// Swap makes all changes or none; see ErrLostRace, ErrUnknown, ErrNotAtomic.
	Swap(ctx context.Context, changes []Change) error
}

// Manager changes locks on behalf of one owner.
type Manager struct {
	Store Store
	// Queue keeps other processes from deciding until end is called: all of
	// this clone where the clone is the arbiter, else those of the same owner.
	// It waits until ctx is done.
	Queue func(ctx context.Context) (end func(), err error)
	// Ledger is nil where this clone is the arbiter: what it stores is granted.
	Ledger Ledger
	Owner  Owner
	Label  string
	Skew   time.Duration // how long past its expiry a lock of another owner is left alone
	Now    func() time.Time
	Nonce  func() string // makes a nonce that nobody else makes
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
// maxPoll or, where a look takes long, to a few times that.
const (
	minPoll = 25 * time.Millisecond
	maxPoll = time.Second
)

// Acquire takes locks on all resources or none. It returns *HeldError when
// locks of others are in the way, after at least o.Wait; nothing is left behind
// then, nor when ctx ends it.
func (m *Manager) Acquire(ctx context.Context, o AcquireOptions) ([]Grant, error) {
	q := Request{
		Owner: m.Owner, Label: m.Label, Reason: o.Reason, Resources: distinct(o.Resources), Skew: m.Skew,
		TTL: o.TTL, Exclusive: o.Exclusive, Nonce: m.Nonce(), Ticket: m.Now(),
	}
	deadline := m.Now().Add(o.Wait)
	poll := minPoll
	for fresh := false; ; fresh = true {
		began := m.Now()
		grants, err := m.try(ctx, q, fresh)
		took := m.Now().Sub(began)
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
		poll = min(2*poll, max(maxPoll, 4*took))
	}
}

// try makes one attempt at a request.
func (m *Manager) try(ctx context.Context, q Request, fresh bool) (grants []Grant, err error) {
	if m.Ledger != nil {
		return m.announce(ctx, q, fresh)
	}
	err = m.update(ctx, func(t *Table, now time.Time) (changes []Change, err error) {
		changes, grants, err = t.Acquire(q, now)
		return changes, err
	})
	return grants, err
}

// Confirm asks for a lock that was taken without the arbiter: the same nonce,
// ticket and deadline. It returns *HeldError when somebody is in its way.
func (m *Manager) Confirm(ctx context.Context, l Lock) ([]Grant, error) {
	return m.try(ctx, Request{
		Owner: m.Owner, Label: l.Label, Reason: l.Reason, Resources: []Resource{l.Resource}, Skew: m.Skew,
		TTL: l.TTL, Expires: l.Expires, Nonce: l.Nonce, Ticket: l.Ticket,
	}, true)
}

// Renew extends the owner's locks on the given resources to ttl from now, all
// or none; see [Table.Renew] for its errors. No resources means all own locks.
func (m *Manager) Renew(ctx context.Context, resources []Resource, ttl time.Duration) (locks []Lock, err error) {
	if m.Ledger != nil {
		return m.renewHeld(ctx, distinct(resources), ttl)
	}
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
	if m.Ledger != nil {
		return m.releaseHeld(ctx, distinct(resources), nonce)
	}
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
	if err == nil && broken.Owner == m.Owner && m.Ledger != nil {
		err = m.Ledger.Strike(broken.Resource.Key())
	}
	return broken, err
}

// Collect removes what nobody needs any more; see [Table.Collect].
func (m *Manager) Collect(ctx context.Context) (all Collected, err error) {
	for {
		var c Collected
		err := m.update(ctx, func(t *Table, now time.Time) (changes []Change, err error) {
			changes, c = t.Collect(m.Skew, now)
			return changes, nil
		})
		if err != nil || c.Records == 0 {
			return all, err
		}
		all.Expired, all.Damaged = append(all.Expired, c.Expired...), append(all.Damaged, c.Damaged...)
		all.Records += c.Records
	}
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
