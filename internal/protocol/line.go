package protocol

import (
	"context"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// Line is where those who wait for the locks of an arbiter write themselves down,
// so that all of them see who came first.
type Line interface {
	// Join writes an entry down.
	Join(ctx context.Context, w lock.Waiter) error
	// Leave removes it. It is no error when it is gone.
	Leave(ctx context.Context, w lock.Waiter) error
	// Look returns the locks as the arbiter has them now and everybody in line.
	Look(ctx context.Context) (*lock.View, []lock.Waiter, error)
}

// The interval between two looks of somebody in line grows from minLook to
// maxLook or, where a look takes long, to a few times that.
const (
	minLook = time.Second
	maxLook = 5 * time.Second
)

// minSlot is the shortest time that a client gives the one before it in the line: what a look and a push take differs from one try to the next.
const minSlot = 500 * time.Millisecond

// leaveTimeout bounds leaving the line, which happens even when the command was
// stopped. An entry that stays is removed by others when its wait is over.
const leaveTimeout = 5 * time.Second

// waitInLine waits until nobody holds what is asked for and nobody who stands
// before is about to take it, and then tries, until that is granted or the wait is
// over. A client that cannot join the line waits without a place in it.
func (s *Shared) waitInLine(ctx context.Context, q AcquireRequest, r lock.Request, held *lock.HeldError, try func(fresh bool) error) error {
	end := s.Now().Add(q.Wait)
	me := lock.Waiter{Owner: s.Owner, Nonce: r.Nonce, Ticket: r.Ticket, Until: end, Resources: r.Resources, Exclusive: q.Exclusive}
	if err := s.Line.Join(ctx, me); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return s.wait(ctx, q, try)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
		defer cancel()
		_ = s.Line.Leave(ctx, me)
	}()
	p := place{s: s, q: r, me: me, interval: Backoff{Next: minLook, Max: maxLook}, told: q.Blocked}
	p.blocked(held)
	for {
		left := end.Sub(s.Now())
		if left <= 0 {
			return p.held
		}
		if err := sleep(ctx, min(left, p.pause())); err != nil {
			return err
		}
		mine, err := p.look(ctx)
		if err == nil && mine {
			err = try(true)
			if err == nil {
				return nil
			}
			if held, isHeld := asHeld(err); isHeld {
				p.blocked(held)
				continue
			}
		}
		if err != nil && (!passing(err, true) || ctx.Err() != nil) {
			return err
		}
	}
}

// place is a place in the line.
type place struct {
	s        *Shared
	q        lock.Request
	me       lock.Waiter
	interval Backoff
	held     *lock.HeldError // who was in the way last
	free     time.Time       // when what is wanted became free, zero while it is held
	turn     time.Time       // when it may be announced then
	ahead    int             // how many stand before
	took     time.Duration   // by the last look
	told     func(*lock.HeldError)
}

func (p *place) blocked(by *lock.HeldError) {
	p.held, p.free = by, time.Time{}
	if p.told != nil {
		p.told(by)
	}
}

// pause is how long to wait until the next look: about the interval, but not
// beyond the moment when a lease that is in the way may be taken over, nor beyond
// the own turn.
func (p *place) pause() time.Duration {
	p.interval.Max = max(maxLook, 4*p.took)
	d := jitter(p.interval.Next)
	p.interval.Next = min(2*p.interval.Next, p.interval.Max)
	moment := p.turn
	if p.free.IsZero() {
		moment = p.held.Free
	}
	if until := moment.Sub(p.s.Now()); until > 0 {
		d = min(d, until)
	}
	return d
}

// look reports whether it is this waiter's turn.
func (p *place) look(ctx context.Context) (mine bool, err error) {
	began := p.s.Now()
	v, line, err := p.s.Line.Look(ctx)
	now := p.s.Now()
	p.took = now.Sub(began)
	if err != nil {
		return false, err
	}
	if held := v.InTheWay(p.q, now); held != nil {
		p.blocked(held)
		return false, nil
	}
	// Everybody knew beforehand when a lease would end, so that a look and a push
	// are all that somebody ahead needs; a release is noticed at the next look,
	// which may be as far away as the longest interval with its jitter.
	slot := max(minSlot, 4*p.took)
	if ended := v.EndedFor(p.q); !ended.IsZero() {
		p.free = ended
	} else {
		slot += p.interval.Max + p.interval.Max/2
		// Somebody who stood before and is gone may have held it for a moment.
		if ahead := p.me.Ahead(line, now, p.q.Skew); p.free.IsZero() || ahead != p.ahead {
			p.free, p.ahead = now, ahead
		}
	}
	p.turn = p.me.Turn(line, p.free, now, slot, p.q.Skew)
	return !now.Before(p.turn), nil
}
