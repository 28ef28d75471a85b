// Package protocol moves a table of locks from one state to the next while other
// processes move it too. There are two ways. Solo is for a table that only this
// clone changes: queue, load, decide, swap. Shared is for one that many clones
// change at once: announce, verify, withdraw, renew. What is legal is decided by
// lock; where the table is kept is behind Store; docs/protocol.md has the reasons.
package protocol

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// Store is where a table of locks is kept. Its arbiter is either this clone or a
// remote that many clones change at once.
type Store interface {
	// Load returns the locks: as the arbiter has them now when they have to be
	// fresh, else as they were last seen.
	Load(ctx context.Context, fresh bool) (*lock.View, error)
	// Write makes the record of a lock and returns its version: the same for the
	// same lock, and another for any other. Nobody sees the record before it is
	// swapped in.
	Write(ctx context.Context, l lock.Lock) (version string, err error)
	// Swap makes all changes or none; see lock.ErrLostRace, lock.ErrUnknown and
	// lock.ErrNotAtomic.
	Swap(ctx context.Context, changes []lock.Change) error
}

// Grants remembers what one arbiter granted to one owner.
type Grants interface {
	// Held returns what was granted and neither given up nor lost since, by key.
	Held() (map[string]lock.Holding, error)
	// Put writes a holding in the place of an older one with its key.
	Put(lock.Holding) error
	// Drop takes one out. It is no error when there is none.
	Drop(key string) error
}

// Actor is on whose behalf locks are changed.
type Actor struct {
	Owner lock.Owner
	Label string
	Skew  time.Duration // how long past its expiry a lock of another owner is left alone
	Now   func() time.Time
	Nonce func() string // makes a nonce that nobody else makes
}

// AcquireRequest says what to acquire and how.
type AcquireRequest struct {
	Resources []lock.Resource
	TTL       time.Duration
	Reason    string
	Exclusive bool
	// Wait is how long to try. Waiting, when not nil, is called once, before
	// the first wait; Blocked before each.
	Wait    time.Duration
	Waiting func(*lock.HeldError)
	Blocked func(*lock.HeldError)
	// Doubt, when not nil, is called before a lock is taken over from an owner
	// whose clock and this one disagree by more than Skew.
	Doubt func(lock.ClockDoubt)
}

// Acquired is what became of an acquire. Lost are locks that were found to be
// lost on the way, also of those that were acquired again.
type Acquired struct {
	Grants []lock.Grant
	Lost   []lock.Lost
	View   *lock.View // of the last look; nil when there was none, here and below
}

// Renewed is what became of a renewal, lock by lock.
type Renewed struct {
	Locks []lock.Lock
	Lost  []lock.Lost
	View  *lock.View
}

// Released is what became of a release. Others are running locks of other owners
// on the same resources, which were left alone.
type Released struct {
	Locks, Others []lock.Lock
	View          *lock.View
}

// Broken is the lock that was broken.
type Broken struct {
	Lock lock.Lock
	View *lock.View
}

// Collected is what a collection removed.
type Collected struct {
	lock.Collected
	View *lock.View
}

// Confirmed is what became of locks that were taken without the arbiter, each by
// itself.
type Confirmed struct {
	Grants []lock.Grant
	Lost   []lock.Lost
	View   *lock.View
}

// request makes the request of an acquire.
func (a *Actor) request(q AcquireRequest) lock.Request {
	return lock.Request{
		Owner: a.Owner, Label: a.Label, Reason: q.Reason, Resources: lock.Distinct(q.Resources), Skew: a.Skew,
		TTL: q.TTL, Exclusive: q.Exclusive, Nonce: a.Nonce(), Ticket: a.Now(),
	}
}

// breaking completes the request of a break.
func (a *Actor) breaking(q lock.BreakRequest) lock.BreakRequest {
	q.By, q.Label, q.Mark = a.Owner, a.Label, a.Nonce()
	return q
}

// The interval between two tries of a waiting acquire grows from minPoll to
// maxPoll or, where a look takes long, to a few times that.
const (
	minPoll = 25 * time.Millisecond
	maxPoll = time.Second
)

// wait tries until try succeeds, fails for good, or the wait is over. While it
// waits, that the arbiter cannot be asked is a reason to try once more.
func (a *Actor) wait(ctx context.Context, q AcquireRequest, try func(fresh bool) error) error {
	deadline := a.Now().Add(q.Wait)
	interval := Backoff{Next: minPoll, Max: maxPoll}
	waiting := false
	for fresh := false; ; fresh = true {
		began := a.Now()
		err := try(fresh)
		left := deadline.Sub(a.Now())
		held, isHeld := asHeld(err)
		if err == nil || left <= 0 || !isHeld && !passing(err, waiting) || ctx.Err() != nil {
			return err
		}
		waiting = waiting || isHeld
		if isHeld && q.Waiting != nil {
			q.Waiting(held)
			q.Waiting = nil
		}
		if isHeld && q.Blocked != nil {
			q.Blocked(held)
		}
		interval.Max = max(maxPoll, 4*a.Now().Sub(began))
		if isHeld {
			if until := held.Free.Sub(a.Now()); until > 0 { // the moment when it may be taken
				left = min(left, until)
			}
		}
		if err := interval.Wait(ctx, left); err != nil {
			return err
		}
	}
}

// jitter is half to one and a half of d, so that those who wait spread out.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(max(d, 1)) }
