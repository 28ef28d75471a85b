package protocol

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// FenceRequest is something that shall happen only while locks are held, such as
// the move of a branch: on the arbiter, all or none, together with the change of
// the records of these locks.
type FenceRequest struct {
	Resources []lock.Resource
	TTL       time.Duration
	Release   bool // give the locks up with it instead of renewing them
	Dry       bool // Swap changes nothing
	// Swap makes the changes and what they fence. The error is for a Fate that is
	// not Moved and has more to say than that.
	Swap func(ctx context.Context, changes []lock.Change) (Fate, error)
}

// Fate is what became of changes and of what they fence.
type Fate int

// The fates.
const (
	Unknown Fate = iota // all was done, or nothing; nobody knows yet
	Moved               // all was done
	Kept                // nothing was done, and not because of the locks
	Beaten              // nothing was done, because a record is not what it was
)

// Fenced is what became of the locks: those that were renewed or given up, and
// those that are not held any more, for which nothing was done.
type Fenced struct {
	Locks []lock.Lock
	Lost  []lock.Lost
	View  *lock.View
}

// fencing is a FenceRequest at work.
type fencing struct {
	s    *Shared
	q    FenceRequest
	held map[string]lock.Holding
	out  Fenced
}

// Fence makes something happen only while the owner holds locks on all of the
// resources. Their records must move with it, and to versions that were never
// sent before: a record that is at its new version already proves nothing, because
// git does not send it. A lock of which no renewal was verified yet is renewed
// first, since a late copy of its create could put the record back between a look
// and the swap; so is one whose lease has ended.
//
// The grants have the new versions from before the swap until it is known what
// became of it. Other processes of the owner wait meanwhile.
func (s *Shared) Fence(ctx context.Context, q FenceRequest) (Fenced, error) {
	end, err := s.Queue(ctx)
	if err != nil {
		return Fenced{}, err
	}
	defer end()
	held, missing, err := s.holdings(lock.Distinct(q.Resources))
	if err != nil {
		return Fenced{}, err
	}
	f := &fencing{s: s, q: q, held: held}
	if err := f.prepare(ctx, missing); err != nil || len(f.out.Lost) > 0 {
		return f.out, err
	}
	for n := (tries{}); ; {
		changes, err := f.changes(ctx)
		if err != nil {
			return f.out, err
		}
		fate, err := q.Swap(ctx, changes)
		switch {
		case fate == Moved:
			return f.out, f.settled(changes)
		case fate == Beaten && err == nil:
			// Perhaps by an earlier renewal of this owner that arrived late.
			if err := f.look(ctx); err != nil || len(f.out.Lost) > 0 {
				return f.out, err
			}
			if err := n.again(ctx, lock.ErrLostRace); err != nil {
				return f.out, err
			}
		case fate == Unknown && err == nil && !q.Dry:
			return f.out, lock.ErrUnknown
		default:
			return f.out, err
		}
	}
}

// prepare sees to it that each lock is held and verified.
func (f *fencing) prepare(ctx context.Context, missing []lock.Resource) error {
	look := len(missing) > 0
	unsure := map[string]lock.Holding{}
	for _, h := range f.held {
		look = look || len(h.Pending) > 0
	}
	if look {
		if err := f.look(ctx); err != nil {
			return err
		}
		for _, m := range missing {
			f.out.Lost = append(f.out.Lost, f.out.View.Gone(f.s.Owner, lock.Lock{Resource: m}, f.s.now()))
		}
	}
	for key, h := range f.held {
		if h.Verify || !h.Live(f.s.now()) {
			unsure[key] = h
			delete(f.held, key)
		}
	}
	if len(unsure) == 0 || len(f.out.Lost) > 0 || f.q.Dry {
		maps.Copy(f.held, unsure)
		return nil
	}
	r, err := f.s.renew(ctx, unsure, nil, f.q.TTL, "")
	f.out.Lost = append(f.out.Lost, r.out.Lost...)
	if r.out.View != nil {
		f.out.View = r.out.View
	}
	maps.Copy(f.held, r.held)
	return err
}

// look brings what is held in line with what stands.
func (f *fencing) look(ctx context.Context) error {
	v, err := f.s.Store.Load(ctx, true)
	if err != nil {
		return err
	}
	v, lost, err := f.s.settle(ctx, v, f.held)
	f.out.View, f.out.Lost = v, append(f.out.Lost, lost...)
	return err
}

// changes are those of the records. They are among the grants when it returns.
func (f *fencing) changes(ctx context.Context) (changes []lock.Change, err error) {
	now := f.s.now()
	for _, key := range slices.Sorted(maps.Keys(f.held)) {
		h := f.held[key]
		c := lock.Change{Key: key, Old: h.Version}
		if !f.q.Release {
			next := h.Next(now, f.q.TTL)
			c.New = &next
		}
		changes = append(changes, c)
	}
	if err := write(ctx, f.s.Store, changes); err != nil {
		return nil, err
	}
	for _, c := range changes {
		if c.New == nil || f.q.Dry {
			continue
		}
		if f.held[c.Key], err = f.s.sending(f.held[c.Key], c); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// settled writes down what was done.
func (f *fencing) settled(changes []lock.Change) error {
	for _, c := range changes {
		h := f.held[c.Key]
		if c.New == nil {
			f.out.Locks = append(f.out.Locks, h.Lock)
			if err := f.s.Grants.Drop(c.Key); err != nil {
				return err
			}
			continue
		}
		f.out.Locks = append(f.out.Locks, *c.New)
		if err := f.s.Grants.Put(lock.Holding{Lock: *c.New, Version: c.Version}); err != nil {
			return err
		}
	}
	return nil
}
