package lock

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// How often something is decided anew after a lost race, and after a lost reply.
// Processes of this clone queue up, so that others would have to be in the way
// every time; a reply may take a minute to be given up.
const (
	maxTries   = 20
	maxUnknown = 3
)

// tries counts them.
type tries struct{ all, unknown int }

// again tells whether to look once more and decide anew, and waits a moment.
func (n *tries) again(ctx context.Context, err error) bool {
	switch {
	case errors.Is(err, ErrUnknown):
		n.unknown++
	case !errors.Is(err, ErrLostRace):
		return false
	}
	n.all++
	return n.all <= maxTries && n.unknown <= maxUnknown && sleep(ctx, rand.N(20*time.Millisecond)) == nil
}

// update loads, decides and swaps until nobody else came in between. decide may
// be called several times.
func (m *Manager) update(ctx context.Context, decide func(t *Table, now time.Time) ([]Change, error)) error {
	end, err := m.Queue(ctx)
	if err != nil {
		return err
	}
	defer end()
	var doubt []Change // asked for, with an unknown outcome
	for n := (tries{}); ; {
		t, err := m.Store.Load(ctx, true)
		if err != nil {
			return err
		}
		if doubt != nil && t.has(doubt) {
			return nil
		}
		changes, err := decide(t, m.Now())
		if err != nil || len(changes) == 0 {
			return err
		}
		if err := m.write(ctx, changes); err != nil {
			return err
		}
		err = m.swap(ctx, changes)
		if !n.again(ctx, err) {
			return err
		}
		doubt = nil
		if errors.Is(err, ErrUnknown) {
			doubt = changes
		}
	}
}

// write makes the records of changes.
func (m *Manager) write(ctx context.Context, changes []Change) (err error) {
	for i, c := range changes {
		if c.New == nil || c.Version != "" {
			continue
		}
		if changes[i].Version, err = m.Store.Write(ctx, *c.New); err != nil {
			return err
		}
	}
	return nil
}

// swap makes changes that need not be made at once one by one where the store
// cannot make them so.
func (m *Manager) swap(ctx context.Context, changes []Change) error {
	err := m.Store.Swap(ctx, changes)
	if !errors.Is(err, ErrNotAtomic) {
		return err
	}
	for i := range changes {
		if err := m.Store.Swap(ctx, changes[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// has tells whether all changes are made.
func (t *Table) has(changes []Change) bool {
	for _, c := range changes {
		if t.Version(c.Key) != c.Version {
			return false
		}
	}
	return true
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
