package clone

import (
	"context"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/note"
)

// Report is what a verb noticed beside its result.
type Report struct {
	Actor  Identity
	Losses []lock.Lost // locks that the actor no longer has, and leases that ended unnoticed
	Soon   []lock.Lock // that the actor holds and that end soon
	Clocks []lock.ClockDoubt
	Notes  []note.Note // what others ask about its locks, and what holders answered it
}

// soon is how much of a lease is left when it ends soon: a fifth, and no more
// than a few minutes.
func soon(ttl time.Duration) time.Duration { return min(ttl/5, 5*time.Minute) }

// without drops what the result of a verb says by itself: the locks that it has
// just dealt with, and those that it found lost.
func (r *Report) without(locks []lock.Lock, lost ...lock.Lost) {
	same := func(a, b lock.Lock) bool { return a.Nonce == b.Nonce && a.Resource.SameAs(b.Resource) }
	r.Losses = slices.DeleteFunc(r.Losses, func(n lock.Lost) bool {
		return slices.ContainsFunc(lost, func(l lock.Lost) bool { return same(l.Lock, n.Lock) })
	})
	r.Soon = slices.DeleteFunc(r.Soon, func(s lock.Lock) bool {
		return slices.ContainsFunc(locks, func(l lock.Lock) bool { return same(l, s) })
	})
}

// report compares what the actor holds with what it saw of the arbiter. lost is
// what the verb found to be lost by itself.
func (c *Clone) report(ctx context.Context, at sight, lost ...lock.Lost) Report {
	me, view := at.me, at.view
	r := Report{Actor: me}
	if me.ID == "" {
		return r
	}
	lost = slices.DeleteFunc(slices.Clone(lost), func(l lock.Lost) bool { // what never was held
		return l.Cause == lock.NotHeld || l.Cause == lock.Taken && l.Lock.Nonce == ""
	})
	if view != nil {
		r.Clocks = append(slices.Clip(view.Clocks), c.ahead(at)...)
		lost = slices.Concat(lost, c.gone(at), beaten(me, view))
		own := at.standing()
		r.Notes = c.hear(ctx, at, own)
		for _, l := range own {
			switch left := l.Expires.Sub(c.now()); {
			case left > 0 && left < soon(l.TTL):
				r.Soon = append(r.Soon, l)
			case left <= 0 && left > -journal.LossLife:
				lost = append(lost, lock.Lost{Lock: l, Cause: lock.Ended})
			}
		}
		if at.remote == nil {
			lost = append(lost, c.broken(me, view)...)
		}
	}
	r.Losses = c.tell(me, lost)
	return r
}

// standing lists the locks of the actor whose record stands, ended or not: those
// of the arbiter that it was granted, and those taken offline.
func (s sight) standing() (own []lock.Lock) {
	granted := sync.OnceValues(s.grants.Held)
	for _, entries := range [][]lock.Entry{s.view.Entries, s.view.Beside} {
		for i := range entries {
			e := &entries[i]
			if e.Owner != s.me.ID || e.Released() {
				continue
			}
			l := e.Lock
			if s.remote != nil && !e.Unconfirmed {
				held, err := granted()
				h, known := held[e.Key]
				if err != nil || !known || h.Nonce != e.Nonce {
					continue
				}
				if h.Expires.After(e.Expires) { // renewed since this view
					l = h.Lock
				}
			}
			own = append(own, l)
		}
	}
	return own
}

// ahead lists locks that were acquired in the future, as this clock has it.
func (c *Clone) ahead(at sight) (doubts []lock.ClockDoubt) {
	if at.remote == nil {
		return nil
	}
	now := c.now()
	for i := range at.view.Entries {
		e := &at.view.Entries[i]
		if ahead := e.Acquired.Sub(now); ahead > c.Config.ClockSkew && e.Live(now) {
			doubts = append(doubts, lock.ClockDoubt{Lock: e.Lock, Ahead: ahead})
		}
	}
	return doubts
}

// beaten lists the locks of the actor that were taken offline and lost.
func beaten(me Identity, view *lock.View) (lost []lock.Lost) {
	for _, b := range view.Beaten {
		if b.Lock.Owner == me.ID {
			lost = append(lost, lock.Lost{Lock: b.Lock, Cause: lock.Taken, By: b.By})
		}
	}
	return lost
}

// gone lists granted locks whose record the arbiter no longer has. Those granted
// since the look began are not in it yet, and a look that asked nobody says
// nothing.
func (c *Clone) gone(at sight) (lost []lock.Lost) {
	view := at.view
	if at.remote == nil || view.Asked.IsZero() {
		return nil
	}
	held, err := at.grants.Held()
	if err != nil {
		return nil
	}
	there := make(map[string]string, len(view.Entries))
	for _, e := range view.Entries {
		there[e.Key] = e.Nonce
	}
	for key, h := range held {
		if there[key] == h.Nonce {
			continue
		}
		if l := view.Gone(at.me.ID, h.Lock, c.now()); l.Cause == lock.Broken || h.Acquired.Before(view.Asked) {
			lost = append(lost, l)
		}
	}
	return lost
}

// broken lists locks of this clone that somebody broke, where the clone is the
// arbiter and has no record of what it granted but its journal. A tombstone that
// names a lock which was never granted here is a forgery.
func (c *Clone) broken(me Identity, view *lock.View) (lost []lock.Lost) {
	granted := sync.OnceValue(c.journal.Grants)
	for i := range view.Entries {
		e := &view.Entries[i]
		if !e.Tombstone() || e.BrokenOwner != me.ID || e.Owner == me.ID || c.now().After(e.Acquired.Add(lock.TombstoneLife)) {
			continue
		}
		if slices.ContainsFunc(granted(), func(g journal.Event) bool { return g.Nonce == e.BrokenNonce }) {
			was := lock.Lock{Owner: me.ID, Nonce: e.BrokenNonce, Resource: e.Resource}
			lost = append(lost, lock.Lost{Lock: was, Cause: lock.Broken, By: e.Lock})
		}
	}
	return lost
}

// nameGrants fills in which grants were lost, by which each loss is told once. A
// clone that is its own arbiter has no other record of them than its journal.
func (c *Clone) nameGrants(me Identity, lost []lock.Lost) {
	granted := sync.OnceValue(c.journal.Grants)
	for i, l := range lost {
		if l.Lock.Nonce != "" || l.Cause == lock.NotHeld || l.By.Owner == "" {
			continue
		}
		for _, g := range granted() {
			if g.Actor == me.ID && g.Resource == l.Lock.Resource.String() {
				lost[i].Lock.Nonce = g.Nonce
			}
		}
	}
}

// tell enters losses into the journal, and returns those of the actor that were
// not told yet in the caller's form. A marker file says that there are any, so
// that other commands need not read the journal.
func (c *Clone) tell(me Identity, lost []lock.Lost) []lock.Lost {
	marker := c.files.untold(me.ID)
	_, err := os.Lstat(marker)
	if err != nil && len(lost) == 0 {
		return nil
	}
	untold, pending := c.journal.Tell(me.ID, me.Label, c.form, lost)
	switch {
	case pending && err != nil:
		_ = atomicfile.Write(marker, nil, 0o666)
	case !pending && err == nil:
		_ = os.Remove(marker)
	}
	return untold
}
