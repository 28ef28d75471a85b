// Package ask lets somebody who wants a locked resource ask its holder, and lets
// the holder answer. What is asked is a note; where it is kept, and who is told
// of it by whatever command comes next, is clone's.
package ask

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/note"
	"github.com/git-grite/git-grite/internal/protocol"
)

// maxHolders is how many holders one question may go to.
const maxHolders = 10

// lookTimeout is how long the arbiter may take to show its locks.
const lookTimeout = 30 * time.Second

// Request asks the holders of everything that is in the way of a resource.
type Request struct {
	Resource lock.Resource
	Message  string
	Wait     time.Duration // how long to wait for answers
	// Waiting, when not nil, is called before the first wait with what was asked.
	Waiting func([]note.Note)
}

// Asked is what became of a Request.
type Asked struct {
	clone.Report
	Notes   []note.Note // as they stand, one for each holder
	Replies []Reply
}

// Reply is how a holder reacted.
type Reply struct {
	Note note.Note
	// Lock is the asked lock with its new reason when that is the reaction; its
	// Owner is "" else. Without it and without an answer in the Note, the lock is
	// gone.
	Lock lock.Lock
}

// NobodyError is a question about a resource that nobody else holds.
type NobodyError struct{ Resource lock.Resource }

func (e *NobodyError) Error() string { return fmt.Sprintf("nobody else holds %s", e.Resource) }

// ManyError is a question that would go to too many holders.
type ManyError struct {
	Resource lock.Resource
	Locks    int
}

func (e *ManyError) Error() string {
	return fmt.Sprintf("%d locks of others are in the way of %s; ask about one of them", e.Locks, e.Resource)
}

// SilenceError is a question that was not answered in time. Free is when the locks
// that it is about make way by themselves.
type SilenceError struct {
	Asked Asked
	Free  time.Time
}

func (e *SilenceError) Error() string {
	n := e.Asked.Notes[0]
	return fmt.Sprintf("%s has not answered about %s yet", Name(n.Holder, n.HolderLabel), n.Resource)
}

// Name names an actor of a note.
func Name(id lock.Owner, label string) string { return lock.Lock{Owner: id, Label: label}.Holder() }

// Ask asks. It returns *NobodyError and *ManyError, *SilenceError for a Request
// that waits, *RefusedError and *HiddenError for an arbiter that does not keep
// notes, and *git.RemoteError for one that cannot be reached.
func Ask(ctx context.Context, c *clone.Clone, q Request) (out Asked, err error) {
	me, err := c.ActorOrDefault(ctx)
	if err != nil {
		return out, err
	}
	s, err := open(ctx, c, me)
	if err != nil {
		return out, err
	}
	asked := c.Now().Truncate(time.Millisecond)
	var held []lock.Lock
	out.Notes, err = s.settle(ctx, func(v clone.View) (notes []note.Note, err error) {
		out.Report.Actor = v.Report.Actor
		now := inTheWay(v, me.ID, q.Resource, c.Now())
		switch {
		case len(now) == 0 && len(held) == 0:
			return nil, &NobodyError{q.Resource}
		case len(now) > maxHolders:
			return nil, &ManyError{q.Resource, len(now)}
		case len(now) > 0: // else all was given up since it was asked about
			held = now
		}
		for _, l := range held {
			notes = append(notes, note.Note{
				Resource: l.Resource, Nonce: l.Nonce, Wanted: q.Resource, Holder: l.Owner, HolderLabel: l.Label,
				Asker: me.ID, AskerLabel: me.Label, Message: q.Message, Asked: asked,
			})
		}
		return notes, nil
	})
	out.Report = s.report
	if err != nil || q.Wait == 0 {
		return out, err
	}
	if q.Waiting != nil {
		q.Waiting(out.Notes)
	}
	return out, s.wait(ctx, &out, held, q.Wait)
}

// inTheWay lists the running locks of others that a resource conflicts with.
func inTheWay(v clone.View, me lock.Owner, r lock.Resource, now time.Time) (held []lock.Lock) {
	for _, l := range v.Locks {
		if l.Owner != me && l.Live(now) && l.Resource.Conflicts(r) {
			held = append(held, l)
		}
	}
	lock.Sort(held)
	return held
}

// The interval between two looks for an answer.
const (
	minLook = time.Second
	maxLook = 5 * time.Second
)

// wait waits until every holder has reacted. That the arbiter cannot be asked
// meanwhile is a reason to look once more.
func (s *store) wait(ctx context.Context, out *Asked, held []lock.Lock, limit time.Duration) error {
	end := s.c.Now().Add(limit)
	interval := protocol.Backoff{Next: minLook, Max: maxLook}
	free := s.free(held)
	for open := out.Notes; ; {
		left := end.Sub(s.c.Now())
		if left <= 0 {
			return &SilenceError{*out, free}
		}
		if err := interval.Wait(ctx, left); err != nil {
			return err
		}
		v, err := s.look(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			continue
		}
		free = s.free(inTheWay(v, out.Notes[0].Asker, out.Notes[0].Wanted, s.c.Now()))
		var still []note.Note
		for _, n := range open {
			if r, ok := s.reply(ctx, v, n, held); ok {
				out.Replies = append(out.Replies, r)
			} else {
				still = append(still, n)
			}
		}
		if open = still; len(open) == 0 {
			out.Report = s.report
			return nil
		}
	}
}

// reply finds out how a holder reacted to a note.
func (s *store) reply(ctx context.Context, v clone.View, n note.Note, held []lock.Lock) (Reply, bool) {
	stands, _, _ := s.read(ctx, n)
	if stands.SameQuestion(n) && stands.Answer != "" {
		return Reply{Note: stands}, true
	}
	for _, l := range v.Locks {
		if !n.About(l) || !l.Live(s.c.Now()) {
			continue
		}
		for _, was := range held {
			if was.Nonce == l.Nonce && l.Reason != was.Reason && l.Reason != "" {
				return Reply{Note: n, Lock: l}, true
			}
		}
		return Reply{}, false
	}
	return Reply{Note: n}, true
}

// Answer is a holder's answer to what was asked about its lock on a resource.
type Answer struct {
	Resource lock.Resource
	Message  string
	To       func(n note.Note) bool // whom, nil for everybody who has no answer yet
}

// Answered is what became of an Answer.
type Answered struct {
	clone.Report
	Notes []note.Note
}

// UnaskedError is an answer to nothing.
type UnaskedError struct{ Resource lock.Resource }

func (e *UnaskedError) Error() string {
	return fmt.Sprintf("nobody waits for an answer about %s", e.Resource)
}

// Reply answers the notes about a lock of this clone's actor. It returns
// *lock.NotHeldError when it is not held, *UnaskedError, and the errors of Ask.
func (a Answer) Reply(ctx context.Context, c *clone.Clone) (out Answered, err error) {
	me, err := c.Actor()
	if err != nil {
		return out, err
	}
	s, err := open(ctx, c, me)
	if err != nil {
		return out, err
	}
	answered := c.Now().Truncate(time.Millisecond)
	var picked map[string]note.Note // by name; the answerer has not seen what comes later
	out.Notes, err = s.settle(ctx, func(v clone.View) (notes []note.Note, err error) {
		own, ok := mine(v, me.ID, a.Resource, c.Now())
		if !ok {
			return nil, &lock.NotHeldError{Resource: a.Resource, Own: true}
		}
		about, _, err := s.box.Read(ctx, func(key, _ string) bool { return key == own.Resource.Key() })
		if err != nil {
			return nil, err
		}
		first := picked == nil
		if first {
			picked = map[string]note.Note{}
		}
		for _, n := range about {
			if first && n.About(own) && n.Holder == me.ID && (a.To != nil && a.To(n) || a.To == nil && n.Answer == "") {
				picked[n.Name()] = n
			}
			if q, ok := picked[n.Name()]; ok && n.SameQuestion(q) {
				n.Answer, n.Answered = a.Message, answered
				notes = append(notes, n)
			}
		}
		if len(notes) == 0 {
			return nil, &UnaskedError{a.Resource}
		}
		return notes, nil
	})
	out.Report = s.report
	return out, err
}

// mine finds the actor's running lock on a resource.
func mine(v clone.View, me lock.Owner, r lock.Resource, now time.Time) (own lock.Lock, ok bool) {
	for _, l := range v.Locks {
		if l.Owner == me && l.Live(now) && l.Resource.SameAs(r) {
			return l, true
		}
	}
	return own, false
}

// Collect removes notes whose lock is gone and refs that are none, as a fresh
// look has shown them. It returns how many.
func Collect(ctx context.Context, c *clone.Clone) (int, error) {
	me, err := c.Actor()
	if err != nil {
		me = clone.Identity{}
	}
	s, err := open(ctx, c, me)
	if err != nil {
		return 0, err
	}
	v, err := s.look(ctx)
	if err != nil {
		return 0, err
	}
	removed := 0
	for {
		n, err := s.sweep(ctx, v, false)
		removed += n
		if n < maxSwept || err != nil {
			var refused *RefusedError
			if errors.As(err, &refused) {
				err = nil // others may be allowed to remove them
			}
			return removed, err
		}
		if v, err = s.look(ctx); err != nil {
			return removed, err
		}
	}
}
