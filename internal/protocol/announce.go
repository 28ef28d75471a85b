package protocol

import (
	"context"
	"errors"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// claim is one request on its way to the arbiter, granted or not by itself.
type claim struct {
	q       lock.Request
	changes []lock.Change // of the present attempt
	grants  []lock.Grant
	// stands are the versions made for this claim that may stand on the arbiter,
	// by key. There are several only after a lost reply.
	stands map[string][]string
	doubt  bool        // a reply was lost: an earlier version may yet appear
	over   []lock.Lock // what was, or may have been, taken over on the way
	renews bool        // a lock that is held already
	late   bool        // its lease was over once before it was verified
	done   bool
	err    error // why it will not be granted
}

// reset prepares a claim for being asked for once more.
func (c *claim) reset() { *c = claim{q: c.q} }

func (c *claim) open() bool { return !c.done && c.err == nil }

// attempt takes claims of one owner through one announcement.
type attempt struct {
	s      *Shared
	claims []*claim
	held   map[string]lock.Holding // of what the claims want
	view   *lock.View
	lost   []lock.Lost
	warn   func(lock.ClockDoubt)
	sent   time.Time     // when the records of the last announcement were made
	took   time.Duration // by the last swap
	waited time.Duration // between the looks that verify
	hidden int           // how often in a row an acknowledged record could not be read back
}

// announce makes one attempt at claims: when it returns nil, each of them is
// done or has its error.
func (s *Shared) announce(ctx context.Context, claims []*claim, fresh bool, warn func(lock.ClockDoubt)) (*attempt, error) {
	a := &attempt{s: s, claims: claims, held: map[string]lock.Holding{}, warn: warn}
	end, err := s.Queue(ctx)
	if err != nil {
		return a, err
	}
	defer end()
	all, err := s.Grants.Held()
	if err != nil {
		return a, err
	}
	for _, c := range claims {
		for _, r := range c.q.Resources {
			if h, held := all[r.Key()]; held {
				a.held[r.Key()] = h
				fresh = true // "already held" is only said of what was just read
			}
		}
		c.q.Held = a.held
	}
	err = a.run(ctx, fresh)
	var left []*claim
	for _, c := range claims {
		if !c.done && len(c.stands) > 0 {
			left = append(left, c)
		}
	}
	if withdrawal := a.withdraw(ctx, left...); withdrawal != nil {
		if err == nil {
			err = left[0].err
		}
		return a, &LeftoverError{Cause: err, Withdrawal: withdrawal, TTL: left[0].q.TTL}
	}
	return a, err
}

func (a *attempt) run(ctx context.Context, fresh bool) error {
	for n := (tries{}); ; {
		if err := a.load(ctx, fresh); err != nil {
			return err
		}
		if fresh {
			v, lost, err := a.s.settle(ctx, a.view, a.held)
			a.view, a.lost = v, append(a.lost, lost...)
			if err != nil {
				return err
			}
		}
		certain, err := a.decide(fresh)
		if err != nil {
			return err
		}
		fresh = true
		if !certain {
			continue
		}
		if !a.anyOpen() {
			return nil
		}
		err = a.send(ctx)
		if err == nil {
			err = a.verify(ctx)
		}
		if err == nil {
			return nil
		}
		if err := n.again(ctx, err); err != nil {
			return err
		}
	}
}

func (a *attempt) load(ctx context.Context, fresh bool) error {
	v, err := a.s.Store.Load(ctx, fresh)
	if err == nil {
		a.view = v
	}
	return err
}

func (a *attempt) anyOpen() bool {
	for _, c := range a.claims {
		if c.open() {
			return true
		}
	}
	return false
}

// decide works out what to change for each open claim. A refusal, and that there
// is nothing to change, is only believed of a fresh view: false asks for one.
func (a *attempt) decide(fresh bool) (certain bool, err error) {
	// Every attempt makes other records, also within one tick of the clock: one
	// whose reply was lost is never granted, because a copy of it may arrive later
	// and put it back.
	if now := a.s.now(); now.After(a.sent) {
		a.sent = now
	} else {
		a.sent = a.sent.Add(time.Millisecond)
	}
	for _, c := range a.claims {
		if !c.open() {
			continue
		}
		changes, grants, err := a.view.Acquire(c.q, a.sent)
		nothing := err != nil || len(changes) == 0
		if nothing && !fresh {
			return false, nil
		}
		c.changes, c.grants = changes, grants
		c.err, c.done = err, err == nil && nothing
		if !c.done {
			continue
		}
		for _, r := range c.q.Resources { // the view has verified what was left to be verified
			if h := a.held[r.Key()]; h.Verify {
				if err := a.s.Grants.Put(h); err != nil {
					return false, err
				}
			}
		}
	}
	return true, nil
}

// extends reports whether a change only renews a lock that is held, which stays
// held whatever becomes of the claim.
func (a *attempt) extends(c lock.Change) bool {
	h, held := a.held[c.Key]
	return held && c.New != nil && c.New.Nonce == h.Nonce && h.Stands(c.Old)
}

// send announces the open claims.
func (a *attempt) send(ctx context.Context) error {
	var all []lock.Change
	seen := map[string]bool{}
	for _, c := range a.claims {
		if !c.open() {
			continue
		}
		if err := write(ctx, a.s.Store, c.changes); err != nil {
			return err
		}
		a.doubts(c)
		for _, change := range c.changes {
			if a.extends(change) {
				h, err := a.s.sending(a.held[change.Key], change)
				if err != nil {
					return err
				}
				a.held[change.Key] = h
			}
			if !seen[change.Key] { // two claims may be in need of the same deletion
				seen[change.Key] = true
				all = append(all, change)
			}
		}
	}
	began := a.s.Now()
	defer func() { a.took = a.s.Now().Sub(began) }()
	err := a.s.Store.Swap(ctx, all)
	if !errors.Is(err, lock.ErrNotAtomic) {
		for _, c := range a.claims {
			if c.open() {
				a.account(ctx, c, c.changes, err)
			}
		}
		return err
	}
	for _, c := range a.claims {
		for i := range c.changes {
			if !c.open() {
				break
			}
			if err := a.sendOne(ctx, c, c.changes[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// sendOne makes one change on an arbiter that cannot make several at once. When
// it loses to a later ticket it waits for that to withdraw, as in verify: else
// both would undo what they have, again and again.
func (a *attempt) sendOne(ctx context.Context, c *claim, change lock.Change) error {
	for polls := 0; ; polls++ {
		err := a.s.Store.Swap(ctx, []lock.Change{change})
		a.account(ctx, c, []lock.Change{change}, err)
		if !errors.Is(err, lock.ErrLostRace) || polls == maxPolls || a.extends(change) {
			return err
		}
		if err := a.load(ctx, true); err != nil {
			return err
		}
		e, there := a.view.At(change.Key)
		switch {
		case !there && change.New == nil:
			return nil // somebody else deleted it
		case !there:
			change.Old = a.view.Version(change.Key)
		case !c.q.Foreign(&e) || !c.q.Before(&e):
			return err
		default:
			if err := a.pause(ctx, polls); err != nil {
				return err
			}
		}
	}
}

// account keeps track of what may stand and of what may be gone after a swap.
func (a *attempt) account(ctx context.Context, c *claim, changes []lock.Change, err error) {
	unknown := errors.Is(err, lock.ErrUnknown) || err != nil && ctx.Err() != nil
	if err != nil && !unknown {
		return
	}
	c.doubt = c.doubt || unknown
	if c.stands == nil {
		c.stands = map[string][]string{}
	}
	for _, change := range changes {
		if change.New != nil && !a.extends(change) {
			c.stands[change.Key] = append(c.stands[change.Key], change.Version)
		}
	}
	for _, g := range c.grants {
		c.over = append(c.over, g.TakenOver...)
	}
}

// doubts warns of locks to be taken over whose owner's clock differs from this one.
func (a *attempt) doubts(c *claim) {
	for _, g := range c.grants {
		for _, l := range g.TakenOver {
			a.doubtful(l)
		}
	}
}

func (a *attempt) doubtful(l lock.Lock) {
	for _, d := range a.view.Clocks {
		if a.warn != nil && d.Lock.Owner == l.Owner && max(d.Ahead, -d.Ahead) > a.s.Skew {
			a.warn(d)
		}
	}
}
