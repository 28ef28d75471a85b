package lock

import (
	"context"
	"slices"
	"time"
)

// renewHeld renews what the ledger holds, in one swap and without a look: the
// swap fails when somebody took the lock, because taking it replaces or deletes
// its record. A lease is never shortened, and until the renewal is confirmed the
// old deadline holds.
func (m *Manager) renewHeld(ctx context.Context, resources []Resource, ttl time.Duration) ([]Lock, error) {
	end, err := m.Queue(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	held, missing, err := m.holdings(resources)
	if err != nil {
		return nil, err
	}
	if missing != nil || len(held) == 0 {
		return nil, m.notHeld(ctx, missing)
	}
	now := m.Now()
	sent := map[string]Change{} // repeated as they are when their reply was lost
	look := slices.ContainsFunc(held, func(h Holding) bool { return h.Next != "" })
	for n := (tries{}); ; {
		if look {
			t, err := m.Store.Load(ctx, true)
			if err != nil {
				return nil, err
			}
			if err := m.settle(t, held); err != nil {
				return nil, err
			}
		}
		changes, locks := extendAll(held, now, ttl, sent)
		if len(changes) < len(held) && !look {
			look = true // nothing is sent for some: whether they still stand has to be read
			continue
		}
		if len(changes) == 0 {
			return locks, nil
		}
		if err := m.sendRenewals(ctx, held, changes); !n.again(ctx, err) {
			return locks, err
		}
		look = true
	}
}

// extendAll makes the renewals of holdings, and what they are then.
func extendAll(held []Holding, now time.Time, ttl time.Duration, sent map[string]Change) (changes []Change, locks []Lock) {
	for _, h := range held {
		longer := h.extend(now, ttl)
		locks = append(locks, longer)
		if longer.Expires.Equal(h.Expires) {
			continue
		}
		key := h.Resource.Key()
		if sent[key].Old != h.Version {
			sent[key] = Change{Key: key, Old: h.Version, New: &longer}
		}
		changes = append(changes, sent[key])
	}
	return changes, locks
}

// sendRenewals writes down what is under way, swaps, and writes down that it is
// done.
func (m *Manager) sendRenewals(ctx context.Context, held []Holding, changes []Change) error {
	if err := m.write(ctx, changes); err != nil {
		return err
	}
	for i, h := range held {
		at := slices.IndexFunc(changes, func(c Change) bool { return c.Key == h.Resource.Key() })
		if at < 0 {
			continue
		}
		held[i].Next = changes[at].Version
		if err := m.Ledger.Enter(held[i]); err != nil {
			return err
		}
	}
	if err := m.swap(ctx, changes); err != nil {
		return err
	}
	for _, c := range changes {
		if err := m.Ledger.Enter(Holding{Lock: *c.New, Version: c.Version}); err != nil {
			return err
		}
	}
	return nil
}

// settle brings holdings in line with a fresh table: a renewal under way that
// arrived is done. Locks that were lost are taken out of the ledger, and one of
// them is the error.
func (m *Manager) settle(t *Table, held []Holding) (lost error) {
	for i, h := range held {
		key := h.Resource.Key()
		e, there := t.at(key)
		if !there || !h.stands(e.Version) {
			if err := m.Ledger.Strike(key); err != nil {
				return err
			}
			if lost == nil {
				lost = t.gone(m.Owner, h.Resource, m.Now())
			}
			continue
		}
		if e.Version == h.Next {
			held[i] = Holding{Lock: e.Lock, Version: e.Version}
			if err := m.Ledger.Enter(held[i]); err != nil {
				return err
			}
		}
	}
	return lost
}

// gone tells who has what the owner no longer holds: *HeldError, *BrokenError
// or *NotHeldError.
func (t *Table) gone(owner Owner, r Resource, now time.Time) error {
	if err := t.lost(owner, r, now); err != nil {
		return err
	}
	return &NotHeldError{Resource: r}
}

// holdings picks the wanted locks out of the ledger, all of them when none are
// named. missing is the first resource that is not in it.
func (m *Manager) holdings(wanted []Resource) (held []Holding, missing *Resource, err error) {
	ledger, err := m.Ledger.Held()
	if err != nil {
		return nil, nil, err
	}
	for _, h := range ledger {
		if len(wanted) == 0 || slices.ContainsFunc(wanted, h.Resource.SameAs) {
			held = append(held, h)
		}
	}
	slices.SortFunc(held, func(a, b Holding) int { return byResource(a.Lock, b.Lock) })
	for i, r := range wanted {
		if !slices.ContainsFunc(held, func(h Holding) bool { return h.Resource.SameAs(r) }) {
			return held, &wanted[i], nil
		}
	}
	return held, nil, nil
}

// notHeld is the error for a lock that is not in the ledger.
func (m *Manager) notHeld(ctx context.Context, r *Resource) error {
	if r == nil {
		return &NotHeldError{}
	}
	t, err := m.Store.Load(ctx, true)
	if err != nil {
		return err
	}
	return t.gone(m.Owner, *r, m.Now())
}

// releaseHeld gives up what the ledger holds and whatever else of this owner
// stands on the arbiter. Out of the ledger first: a lock that is given up is not
// held, whether its record could be deleted or not.
func (m *Manager) releaseHeld(ctx context.Context, resources []Resource, nonce string) (released, others []Lock, err error) {
	end, err := m.Queue(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer end()
	held, missing, err := m.holdings(resources)
	if err != nil {
		return nil, nil, err
	}
	var changes []Change
	fresh := missing != nil
	for _, h := range held {
		if nonce != "" && h.Nonce != nonce {
			return nil, nil, &NonceError{Present: h.Lock, Given: nonce}
		}
		fresh = fresh || h.Next != ""
		released = append(released, h.Lock)
		changes = append(changes, Change{Key: h.Resource.Key(), Old: h.Version})
	}
	if fresh || len(resources) == 0 {
		t, err := m.Store.Load(ctx, fresh)
		if err != nil {
			return nil, nil, err
		}
		wanted := resources
		if len(wanted) == 0 {
			wanted = t.mine(m.Owner)
		}
		// What else there is: leftovers of this owner, and the locks of others.
		loose, leftovers, theirs, err := t.Release(m.Owner, wanted, nonce, m.Now())
		if err != nil {
			return nil, nil, err
		}
		for i, c := range loose {
			if at := slices.IndexFunc(changes, func(have Change) bool { return have.Key == c.Key }); at < 0 {
				changes, released = append(changes, c), append(released, leftovers[i])
			} else if fresh {
				changes[at].Old = c.Old
			}
		}
		if fresh { // an old view says nothing of who holds what now
			others = theirs
		}
	}
	for _, h := range held {
		if err := m.Ledger.Strike(h.Resource.Key()); err != nil {
			return nil, nil, err
		}
	}
	for n := (tries{}); len(changes) > 0; {
		err := m.swap(ctx, changes)
		if err == nil {
			break
		}
		if !n.again(ctx, err) {
			return nil, nil, err
		}
		t, err := m.Store.Load(ctx, true)
		if err != nil {
			return nil, nil, err
		}
		changes, released, others = m.stillMine(t, released)
	}
	return released, others, nil
}

// stillMine finds which locks to be given up still stand, under whatever version,
// after a swap that did not do it. Those that others hold now were lost before.
func (m *Manager) stillMine(t *Table, giving []Lock) (changes []Change, released, others []Lock) {
	for _, l := range giving {
		key := l.Resource.Key()
		e, there := t.at(key)
		switch {
		case !there || e.Released():
			released = append(released, l)
		case e.Owner == m.Owner && e.Nonce == l.Nonce:
			released = append(released, l)
			changes = append(changes, Change{Key: key, Old: e.Version})
		case e.Owner != m.Owner && e.Live(m.Now()):
			others = append(others, e.Lock)
		}
	}
	return changes, released, others
}
