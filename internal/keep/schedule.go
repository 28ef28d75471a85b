// Package keep renews locks in the background: for the time that a command
// runs (Run), or that a process lives or a while lasts (Serve). It knows when
// to renew, when to give up, and how to stop a command and all that it started.
// What a renewal is, it leaves to its callers.
package keep

import (
	"errors"
	"time"
)

// ErrLost is wrapped by the error of a renewal that nothing can come after: the
// lock was broken, taken over or removed. Any other error is worth another try.
var ErrLost = errors.New("the lock is lost")

// MinTTL is the shortest lease that can be kept through a remote: a renewal
// needs seconds, and the command has to be stopped before the lease ends.
const MinTTL = 15 * time.Second

// Reading is one reading of both clocks. The monotonic clock stands still while
// the machine sleeps, and the wall clock can be set: neither alone says how much
// of a lease is gone.
type Reading struct {
	Wall time.Time
	Mono time.Duration // since any fixed moment
}

// Clock reads both clocks.
type Clock func() Reading

// NewClock makes a Clock of a function that tells the time of day. Setting that
// does not move the monotonic clock.
func NewClock(now func() time.Time) Clock {
	start := now()
	return func() Reading { return Reading{Wall: now().Round(0), Mono: time.Since(start)} }
}

// Steady is a time of day that does not go back when it is set back: a lease that
// was renewed by such a clock would be over already for everybody else.
func Steady(now func() time.Time) func() time.Time {
	clock := NewClock(now)
	start := clock()
	return func() time.Time {
		r := clock()
		return start.Wall.Add(r.Since(start))
	}
}

// Since is how much time has passed since o, by the clock that says more. A
// clock that was set forward makes a lease end early, which is safe.
func (r Reading) Since(o Reading) time.Duration {
	return max(r.Mono-o.Mono, r.Wall.Sub(o.Wall))
}

// after is the moment d later.
func (r Reading) after(d time.Duration) *Reading {
	return &Reading{Wall: r.Wall.Add(d), Mono: r.Mono + d}
}

// Action is what a schedule asks for.
type Action int

// The actions of a schedule, each asked for once.
const (
	Wait  Action = iota
	Renew        // send a renewal now
	Half         // say that half of the lease has passed without a renewal
	Late         // say that two thirds have
	Stop         // ask the command to end
	Kill         // end it: the lease ends one grace later
	anEnd        // for the size of arrays
)

// Schedule says when to renew a lease, and when it has to be given up. It
// counts from the start of the last good request: the lease may have begun at
// any moment after that.
type Schedule struct {
	ttl    time.Duration
	random func() float64 // in [0, 1)
	start  Reading
	due    time.Duration // of the next renewal, since start
	asking bool
	fails  int
	asked  [anEnd]bool
}

// NewSchedule starts a schedule with the request that granted the lease, which
// was sent at start.
func NewSchedule(ttl time.Duration, start Reading, random func() float64) *Schedule {
	s := &Schedule{ttl: ttl, random: random}
	s.Good(start)
	return s
}

// Grace is the time between asking a command to end and ending it, and again
// between that and the end of the lease.
func Grace(ttl time.Duration) time.Duration { return min(10*time.Second, ttl/6) }

// renewAfter is when a lease is renewed, since the start of the last request: a
// third of the TTL, give or take a tenth, so that clients drift apart.
func renewAfter(ttl time.Duration, random float64) time.Duration {
	return time.Duration(float64(ttl) / 3 * (0.9 + 0.2*random))
}

// retryAfter is how long the n-th failure in a row is waited after.
func retryAfter(ttl time.Duration, n int) time.Duration {
	first, most := min(ttl/30, 5*time.Second), ttl/10
	for ; n > 1 && first < most; n-- {
		first *= 2
	}
	return min(first, most)
}

// attemptLimit is how long one renewal may take: a request on a dead connection
// must not keep the next one from being sent.
func attemptLimit(ttl time.Duration) time.Duration { return ttl / 4 }

// Good says that a request was granted that was sent at start.
func (s *Schedule) Good(start Reading) {
	s.start, s.due = start, renewAfter(s.ttl, s.random())
	s.asking, s.fails, s.asked = false, 0, [anEnd]bool{}
}

// Failed says that the renewal under way failed.
func (s *Schedule) Failed(now Reading) {
	s.fails++
	s.asking, s.due = false, now.Since(s.start)+retryAfter(s.ttl, s.fails)
}

// Left is how much of the lease is left, and less than nothing after its end.
func (s *Schedule) Left(now Reading) time.Duration { return s.ttl - now.Since(s.start) }

// Next returns what is to be done now, or Wait and how long at most until
// something is. Ending the command comes before all else, so that a machine that
// slept through the end of the lease ends it first.
func (s *Schedule) Next(now Reading) (Action, time.Duration) {
	gone, g := now.Since(s.start), Grace(s.ttl)
	failing := s.asking || s.fails > 0 // who slept past half of a lease has not failed to renew it
	wait := s.ttl
	for _, step := range []struct {
		Action
		at  time.Duration
		may bool
	}{
		{Kill, s.ttl - g, !s.asked[Kill]},
		{Stop, s.ttl - 2*g, !s.asked[Stop] && !s.asked[Kill]},
		{Late, s.ttl * 2 / 3, failing && !s.asked[Late]},
		{Half, s.ttl / 2, failing && !s.asked[Half] && !s.asked[Late]},
		{Renew, s.due, !s.asking},
	} {
		switch {
		case !step.may:
		case gone >= step.at:
			s.asked[step.Action] = true
			s.asking = s.asking || step.Action == Renew
			return step.Action, 0
		default:
			wait = min(wait, step.at-gone)
		}
	}
	return Wait, wait
}
