package lock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// How a lock is taken from an arbiter that other clones change at the same
// time. It swaps records one by one, and overlapping resources live in different
// ones, so that a swap grants nothing: it only announces. Afterwards all locks
// are read again, and the announcement is a grant when no overlapping record of
// another owner stands, expired or not. Of two overlapping announcements the one
// that is verified later sees the other. docs/protocol.md has the whole of it.

// announcement is one acquire on its way.
type announcement struct {
	m *Manager
	q Request
	// stands are the versions made by this acquire that may stand on the
	// arbiter, by key. There are several only after a lost reply.
	stands map[string][]string
	doubt  bool          // a reply was lost: an earlier version may yet appear
	over   [][]Lock      // per grant, what the push whose reply was lost took over
	took   time.Duration // of the last swap
}

// announce makes one attempt at a request. It returns *HeldError when locks of
// others are in the way, after a fresh look.
func (m *Manager) announce(ctx context.Context, q Request, fresh bool) ([]Grant, error) {
	end, err := m.Queue(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	if q.Held, err = m.Ledger.Held(); err != nil {
		return nil, err
	}
	for _, r := range q.Resources {
		_, held := q.Held[r.Key()]
		fresh = fresh || held // "already held" is only said of what was just read
	}
	a := &announcement{m: m, q: q, stands: map[string][]string{}}
	grants, err := a.run(ctx, fresh)
	if err != nil && len(a.stands) > 0 {
		if left := a.withdraw(ctx); left != nil {
			err = &LeftoverError{Cause: err, Withdrawal: left, TTL: q.TTL}
		}
	}
	return grants, err
}

func (a *announcement) run(ctx context.Context, fresh bool) ([]Grant, error) {
	for n := (tries{}); ; {
		t, err := a.m.Store.Load(ctx, fresh)
		if err != nil {
			return nil, err
		}
		if fresh {
			if err := a.strikeLost(t); err != nil {
				return nil, err
			}
		}
		changes, grants, err := t.Acquire(a.q, a.m.Now())
		if (err != nil || len(changes) == 0) && !fresh {
			fresh = true
			continue
		}
		if fresh = true; err != nil || len(changes) == 0 {
			return grants, err
		}
		a.recall(t, grants)
		if err = a.push(ctx, changes); err == nil {
			if err = a.verify(ctx, changes); err == nil {
				return grants, a.enter(changes)
			}
		}
		if errors.Is(err, ErrUnknown) {
			a.note(grants)
		}
		if !n.again(ctx, err) {
			return nil, err
		}
	}
}

// note keeps in mind what a push whose reply was lost took over.
func (a *announcement) note(grants []Grant) {
	a.over = make([][]Lock, len(grants))
	for i, g := range grants {
		a.over[i] = g.TakenOver
	}
}

// recall tells of the locks that such a push took over, where the table shows
// that it arrived: their records are gone, and nobody else could tell.
func (a *announcement) recall(t *Table, grants []Grant) {
	for i, over := range a.over {
		key := grants[i].Resource.Key()
		if len(grants[i].TakenOver) == 0 && slices.Contains(a.stands[key], t.Version(key)) {
			grants[i].TakenOver = over
		}
	}
}

// strikeLost takes wanted locks out of the ledger that a fresh table no longer
// has.
func (a *announcement) strikeLost(t *Table) error {
	for _, r := range a.q.Resources {
		if h, ok := a.q.Held[r.Key()]; ok && !h.stands(t.Version(r.Key())) {
			delete(a.q.Held, r.Key())
			if err := a.m.Ledger.Strike(r.Key()); err != nil {
				return err
			}
		}
	}
	return nil
}

// renews tells whether a change is the renewal of a held lock, which stays held
// whatever becomes of the rest.
func (a *announcement) renews(c Change) bool {
	h, ok := a.q.Held[c.Key]
	return ok && c.New != nil && c.New.Nonce == h.Nonce && h.stands(c.Old)
}

// push announces. Every attempt writes new records: one whose reply was lost is
// never granted, because a copy of it may arrive later and put it back.
func (a *announcement) push(ctx context.Context, changes []Change) error {
	if err := a.m.write(ctx, changes); err != nil {
		return err
	}
	for _, c := range changes {
		if a.renews(c) {
			h := Holding{Lock: a.q.Held[c.Key].Lock, Version: c.Old, Next: c.Version}
			if err := a.m.Ledger.Enter(h); err != nil {
				return err
			}
			a.q.Held[c.Key] = h
		}
	}
	began := a.m.Now()
	err := a.swap(ctx, changes)
	if errors.Is(err, ErrNotAtomic) {
		err = a.oneByOne(ctx, changes)
	}
	a.took = a.m.Now().Sub(began)
	return err
}

// swap makes changes all or none and keeps account of what may stand.
func (a *announcement) swap(ctx context.Context, changes []Change) error {
	err := a.m.Store.Swap(ctx, changes)
	unknown := errors.Is(err, ErrUnknown) || ctx.Err() != nil
	for _, c := range changes {
		if c.New != nil && !a.renews(c) && (err == nil || unknown) {
			a.stands[c.Key] = append(a.stands[c.Key], c.Version)
		}
	}
	a.doubt = a.doubt || unknown
	return err
}

// oneByOne is swap for an arbiter that changes one record at a time, in the
// order of the keys. When it loses one to a later ticket, it waits for that to
// withdraw, as verify would: both would undo what they have for ever otherwise.
func (a *announcement) oneByOne(ctx context.Context, changes []Change) error {
	for _, c := range changes {
		err := a.swap(ctx, []Change{c})
		for poll := 0; errors.Is(err, ErrLostRace) && poll < maxPolls && !a.renews(c); poll++ {
			t, loadErr := a.m.Store.Load(ctx, true)
			if loadErr != nil {
				return loadErr
			}
			e, there := t.at(c.Key)
			switch {
			case !there && c.New == nil:
				err = nil
				continue
			case !there:
				c.Old = t.Version(c.Key)
				err = a.swap(ctx, []Change{c})
				continue
			case !a.q.foreign(e) || !a.q.before(e):
			default:
				if err := a.pause(ctx); err != nil {
					return err
				}
				continue
			}
			break
		}
		if err != nil {
			if errors.Is(err, ErrLostRace) && len(a.stands) > 0 {
				return errors.Join(err, a.withdraw(ctx))
			}
			return err
		}
	}
	return nil
}

// maxPolls is how often the lower ticket looks whether the higher one withdrew.
const maxPolls = 8

// minPause is the shortest interval between two of these looks. On a slow link
// it is the time that a swap took, because a withdrawal takes as long.
const minPause = 30 * time.Millisecond

func (a *announcement) pause(ctx context.Context) error {
	d := max(minPause, a.took)
	return sleep(ctx, d/2+rand.N(d))
}

// verify grants an announcement or withdraws it. It returns ErrLostRace,
// wrapped, after a withdrawal.
func (a *announcement) verify(ctx context.Context, changes []Change) error {
	for polls := 0; ; {
		t, err := a.m.Store.Load(ctx, true)
		if err != nil {
			return err
		}
		verdict, expired := t.verify(a.q, changes, a.m.Now())
		switch verdict {
		case granted:
			return nil
		case blocked:
			// A lease that fails was renewed meanwhile, which the next look shows.
			err := a.m.swap(ctx, expired)
			if err != nil && !errors.Is(err, ErrLostRace) && !errors.Is(err, ErrUnknown) {
				return err
			}
		case first:
			if polls < maxPolls {
				if err := a.pause(ctx); err != nil {
					return err
				}
			}
		}
		if polls++; verdict == yield || polls > maxPolls {
			if err := a.withdraw(ctx); err != nil {
				return err
			}
			return fmt.Errorf("%w: an overlapping lock was announced", ErrLostRace)
		}
	}
}

// enter writes what was granted into the ledger, before anybody is told.
func (a *announcement) enter(changes []Change) error {
	for _, c := range changes {
		if c.New == nil {
			continue
		}
		if err := a.m.Ledger.Enter(Holding{Lock: *c.New, Version: c.Version}); err != nil {
			return err
		}
	}
	a.stands = nil
	return nil
}
