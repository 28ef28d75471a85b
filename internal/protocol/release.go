package protocol

import (
	"context"
	"slices"

	"github.com/git-grite/git-grite/internal/lock"
)

// Release gives up the owner's locks on the given resources, all that it holds
// when none are named, and whatever else of this owner stands there. A nonce
// other than "" must be that of the lock, else *lock.NonceError. A lock that is
// given up is not held any more, whether its record could be deleted or not.
func (s *Shared) Release(ctx context.Context, resources []lock.Resource, nonce string) (r Released, err error) {
	end, err := s.Queue(ctx)
	if err != nil {
		return r, err
	}
	defer end()
	resources = lock.Distinct(resources)
	held, missing, err := s.holdings(resources)
	if err != nil {
		return r, err
	}
	fresh := len(missing) > 0
	var changes []lock.Change
	for key, h := range held {
		if nonce != "" && h.Nonce != nonce {
			return r, &lock.NonceError{Present: h.Lock, Given: nonce}
		}
		fresh = fresh || len(h.Pending) > 0
		r.Locks = append(r.Locks, h.Lock)
		changes = append(changes, lock.Change{Key: key, Old: h.Version})
	}
	if fresh || len(resources) == 0 {
		if changes, err = s.leftovers(ctx, &r, changes, resources, nonce, fresh); err != nil {
			return Released{View: r.View}, err
		}
	}
	for key := range held {
		if err := s.Grants.Drop(key); err != nil {
			return Released{View: r.View}, err
		}
	}
	err = s.giveBack(ctx, &r, changes)
	lock.Sort(r.Locks)
	if err != nil {
		return Released{View: r.View}, err
	}
	return r, nil
}

// leftovers adds what else of this owner stands on the arbiter, by a look that is
// fresh or not, and finds the locks of others on the same resources.
func (s *Shared) leftovers(ctx context.Context, r *Released, changes []lock.Change, resources []lock.Resource, nonce string, fresh bool) ([]lock.Change, error) {
	v, err := s.Store.Load(ctx, fresh)
	if err != nil {
		return nil, err
	}
	r.View = v
	if len(resources) == 0 {
		resources = v.Mine(s.Owner)
	}
	loose, locks, others, err := v.Release(s.Owner, resources, nonce, s.now())
	if err != nil {
		return nil, err
	}
	for i, c := range loose {
		if at := slices.IndexFunc(changes, func(have lock.Change) bool { return have.Key == c.Key }); at < 0 {
			changes, r.Locks = append(changes, c), append(r.Locks, locks[i])
		} else if fresh {
			changes[at].Old = c.Old
		}
	}
	if fresh { // an old view says nothing about who holds what now
		r.Others = others
	}
	return changes, nil
}

// giveBack deletes records until they are gone, under whatever version.
func (s *Shared) giveBack(ctx context.Context, r *Released, changes []lock.Change) error {
	giving := r.Locks
	for n := (tries{}); len(changes) > 0; {
		err := swap(ctx, s.Store, changes)
		if err == nil {
			return nil
		}
		if err := n.again(ctx, err); err != nil {
			return err
		}
		v, err := s.Store.Load(ctx, true)
		if err != nil {
			return err
		}
		r.View = v
		changes, r.Locks, r.Others = nil, nil, nil
		for _, l := range giving {
			key := l.Resource.Key()
			e, there := v.At(key)
			switch {
			case !there || e.Released():
				r.Locks = append(r.Locks, l)
			case e.Owner == s.Owner && e.Nonce == l.Nonce:
				r.Locks = append(r.Locks, l)
				changes = append(changes, lock.Change{Key: key, Old: e.Version})
			case e.Owner != s.Owner && e.Live(s.now()):
				r.Others = append(r.Others, e.Lock) // lost before
			}
		}
	}
	return nil
}
