package protocol

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// Backoff is a wait that doubles each time, from Next to Max.
type Backoff struct{ Next, Max time.Duration }

// Wait waits about b.Next, at most as long as most. It returns the cause of ctx
// when that ends first.
func (b *Backoff) Wait(ctx context.Context, most time.Duration) error {
	d := min(jitter(b.Next), most)
	b.Next = min(2*b.Next, b.Max)
	return sleep(ctx, d)
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

// How often one command decides again after a lost race, and after a lost reply.
// Processes of this clone queue up, so that others would have to come first
// every time. A line that breaks is soon tried again; a reply that does not come
// may take a minute to be given up.
const (
	maxTries   = 20
	maxUnknown = 12
	silence    = 4 // of these for a reply that did not come
)

// tries counts them.
type tries struct {
	all, unknown int
	backoff      Backoff
}

// again waits a moment and returns nil when err is a reason to look and decide
// again. Else it returns the error to end with: err itself, the cause of ctx, or
// *ContendedError.
func (n *tries) again(ctx context.Context, err error) error {
	unknown := errors.Is(err, lock.ErrUnknown)
	if !unknown && !errors.Is(err, lock.ErrLostRace) {
		return err
	}
	if unknown && passing(err, false) {
		n.unknown++
	} else if unknown {
		n.unknown += silence
	}
	if n.all++; n.all > maxTries {
		return &ContendedError{Tries: maxTries, Err: err}
	}
	if n.unknown > maxUnknown {
		return err
	}
	if n.backoff.Next == 0 {
		n.backoff = Backoff{Next: 10 * time.Millisecond, Max: 20 * time.Millisecond}
	}
	if unknown {
		n.backoff.Max = time.Second
	}
	return n.backoff.Wait(ctx, n.backoff.Max)
}

// ContendedError is a command that others were ahead of every time.
type ContendedError struct {
	Tries int
	Err   error
}

func (e *ContendedError) Error() string {
	return fmt.Sprintf("others changed the locks first, %d times in a row", e.Tries)
}

func (e *ContendedError) Unwrap() error { return e.Err }

// HiddenError is an arbiter that accepts records and does not show them, so that
// nobody can tell whether a lock was granted.
type HiddenError struct{ Tries int }

func (e *HiddenError) Error() string {
	return fmt.Sprintf("the lock was accepted and could not be read back, %d times in a row: the server hides refs/grite/locks from fetches (uploadpack.hideRefs)", e.Tries)
}

// LeftoverError is an acquire that failed and may have left a lock on the
// arbiter, because it could not be withdrawn.
type LeftoverError struct {
	Cause, Withdrawal error
	TTL               time.Duration // in which what was left ends by itself
}

func (e *LeftoverError) Error() string {
	return fmt.Sprintf("%v; what was sent of it could not be taken back and ends by itself within %s (%v)", e.Cause, e.TTL, e.Withdrawal)
}

func (e *LeftoverError) Unwrap() error { return e.Cause }

// ShortLeaseError is a lease that is over before the arbiter has granted it.
type ShortLeaseError struct {
	TTL      time.Duration // asked for
	Took     time.Duration // one try
	Shortest time.Duration // that is likely to work
}

func (e *ShortLeaseError) Error() string {
	return fmt.Sprintf("a lease of %s is over before it is granted: one try took %s; the shortest that works is about %s",
		e.TTL, e.Took.Round(time.Millisecond), e.Shortest)
}

// asHeld reports whether err is that others hold what was asked for.
func asHeld(err error) (*lock.HeldError, bool) {
	var held *lock.HeldError
	return held, errors.As(err, &held)
}

// passing reports whether err may be gone in a moment. remote counts any failure
// to reach the arbiter, also one that looks permanent.
func passing(err error, remote bool) bool {
	var line interface{ Transient() bool }
	var contended *ContendedError
	return errors.As(err, &line) && (remote || line.Transient()) || errors.As(err, &contended)
}
