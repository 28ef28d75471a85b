package clone

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
)

// Report is what a verb noticed beside its result.
type Report struct {
	Actor  Identity
	Losses []lock.Lost // locks that the actor no longer has, and leases that ended unnoticed
	Soon   []lock.Lock // that the actor holds and that end soon
	Clocks []lock.ClockDoubt
}

// soon is how much of a lease is left when it ends soon: a fifth, and no more
// than a few minutes.
func soon(ttl time.Duration) time.Duration { return min(ttl/5, 5*time.Minute) }

// without drops what a verb has just dealt with from what ends soon.
func (r *Report) without(locks []lock.Lock) {
	r.Soon = slices.DeleteFunc(r.Soon, func(s lock.Lock) bool {
		return slices.ContainsFunc(locks, func(l lock.Lock) bool { return l.Nonce == s.Nonce })
	})
}

// Form is how the caller tells what is reported to it. Every loss is reported
// once in each form, so that neither a person nor a program misses it because
// the other one was told.
type Form string

// The forms.
const (
	Silent Form = "" // whatever is reported is thrown away
	Text   Form = "text"
	JSON   Form = "json"
)

// lossLife is how long a loss is worth telling.
const lossLife = 24 * time.Hour

// report compares what the actor holds with a view of the arbiter. remote is
// that arbiter, nil where this clone is; the view is nil when nobody looked.
func (c *Clone) report(me Identity, remote *refstore.Remote, view *lock.View) Report {
	r := Report{Actor: me}
	if me.ID == "" {
		return r
	}
	var lost []lock.Lost
	if view != nil {
		r.Clocks = append(slices.Clip(view.Clocks), c.ahead(remote, view)...)
		lost = append(c.gone(me, remote, view), beaten(me, view)...)
		for _, l := range c.standing(me, remote, view) {
			switch left := l.Expires.Sub(c.now()); {
			case left > 0 && left < soon(l.TTL):
				r.Soon = append(r.Soon, l)
			case left <= 0 && left > -lossLife:
				lost = append(lost, lock.Lost{Lock: l, Cause: lock.Ended})
			}
		}
		if remote == nil {
			lost = append(lost, c.broken(me, view)...)
		}
	}
	r.Losses = c.tell(me, lost)
	return r
}

// standing lists the locks of the actor whose record stands, ended or not: those
// of the arbiter that it was granted, and those taken offline.
func (c *Clone) standing(me Identity, remote *refstore.Remote, view *lock.View) (own []lock.Lock) {
	granted := sync.OnceValues(c.grants(me.Actor, remote).Held)
	for _, e := range slices.Concat(view.Entries, view.Beside) {
		if e.Owner != me.ID || e.Released() {
			continue
		}
		if remote != nil && !e.Unconfirmed {
			held, err := granted()
			h, known := held[e.Key]
			if err != nil || !known || h.Nonce != e.Nonce {
				continue
			}
			if h.Expires.After(e.Expires) { // renewed since this view
				e.Lock = h.Lock
			}
		}
		own = append(own, e.Lock)
	}
	return own
}

// ahead lists locks that were acquired in the future, as this clock has it.
func (c *Clone) ahead(remote *refstore.Remote, view *lock.View) (doubts []lock.ClockDoubt) {
	for _, e := range view.Entries {
		if ahead := e.Acquired.Sub(c.now()); remote != nil && ahead > c.Config.ClockSkew && e.Live(c.now()) {
			doubts = append(doubts, lock.ClockDoubt{Lock: e.Lock, Ahead: ahead})
		}
	}
	return doubts
}

// add adds what a later look of the same verb reported.
func (r *Report) add(more Report) {
	r.Actor, r.Clocks, r.Soon = more.Actor, more.Clocks, more.Soon
	r.Losses = append(r.Losses, more.Losses...)
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
func (c *Clone) gone(me Identity, remote *refstore.Remote, view *lock.View) (lost []lock.Lost) {
	if remote == nil || view.Asked.IsZero() {
		return nil
	}
	held, err := c.grants(me.Actor, remote).Held()
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
		if l := view.Gone(me.ID, h.Lock, c.now()); l.Cause == lock.Broken || h.Acquired.Before(view.Asked) {
			lost = append(lost, l)
		}
	}
	return lost
}

// broken lists locks of this clone that somebody broke, where the clone is the
// arbiter and keeps no book of what it granted but its journal. A tombstone that
// names a lock which was never granted here is a forgery.
func (c *Clone) broken(me Identity, view *lock.View) (lost []lock.Lost) {
	var granted map[string]bool
	for _, e := range view.Entries {
		if !e.Tombstone() || e.BrokenOwner != me.ID || e.Owner == me.ID || c.now().After(e.Acquired.Add(lock.TombstoneLife)) {
			continue
		}
		if granted == nil {
			granted = map[string]bool{}
			for _, event := range c.journal.read() {
				granted[event.Nonce] = granted[event.Nonce] || event.Event == "granted"
			}
		}
		if granted[e.BrokenNonce] {
			was := lock.Lock{Owner: me.ID, Nonce: e.BrokenNonce, Resource: e.Resource}
			lost = append(lost, lock.Lost{Lock: was, Cause: lock.Broken, By: e.Lock})
		}
	}
	return lost
}

// nameGrants fills in which grants were lost, by which each loss is told once. A
// clone that is its own arbiter has no other record of them than its journal.
func (c *Clone) nameGrants(me Identity, lost []lock.Lost) {
	for i, l := range lost {
		if l.Lock.Nonce != "" || l.Cause == lock.NotHeld || l.By.Owner == "" {
			continue
		}
		for _, e := range c.journal.read() {
			if e.Event == "granted" && e.Actor == me.ID && e.Resource == l.Lock.Resource.String() {
				lost[i].Lock.Nonce = e.Nonce
			}
		}
	}
}

// tell enters losses into the journal, and returns those of the actor that were
// not told yet in the caller's form. A marker file says that there are any, so
// that other commands need not read the journal.
func (c *Clone) tell(me Identity, lost []lock.Lost) (untold []lock.Lost) {
	marker := c.files.untold(me.ID)
	if _, err := os.Lstat(marker); err != nil && len(lost) == 0 {
		return nil
	}
	known, told := map[string]lock.Lost{}, map[Form]map[string]bool{Text: {}, JSON: {}}
	var order []string
	for _, e := range c.journal.read() {
		switch {
		case e.Actor != me.ID:
		case e.Event == "told":
			told[e.Form][e.Nonce] = true
		case (e.Event == "lost" || e.Event == "expired" && e.Cause != "") && c.now().Sub(time.UnixMilli(e.TimeUnixMS)) < lossLife:
			l := e.loss()
			known[lossKey(l)], order = l, append(order, lossKey(l))
		}
	}
	var events []Event
	for _, l := range lost {
		if _, had := known[lossKey(l)]; !had {
			known[lossKey(l)], order = l, append(order, lossKey(l))
			events = append(events, lossEvent(me, l))
		}
	}
	pending := false
	for _, key := range order {
		if c.form != Silent && !told[c.form][key] {
			untold, told[c.form][key] = append(untold, known[key]), true
			events = append(events, Event{Event: "told", Actor: me.ID, Nonce: key, Form: c.form})
		}
		pending = pending || !told[Text][key] || !told[JSON][key]
	}
	c.journal.add(events...)
	if _, err := os.Lstat(marker); pending && err != nil {
		_ = atomicfile.Write(marker, nil, 0o666)
	} else if !pending {
		_ = os.Remove(marker)
	}
	return slices.Clip(untold)
}

// lossKey distinguishes what is told: a lock is lost once, and its lease can end
// several times.
func lossKey(l lock.Lost) string {
	if l.Cause == lock.Ended {
		return fmt.Sprintf("%s@%d", l.Lock.Nonce, l.Lock.Expires.UnixMilli())
	}
	return l.Lock.Nonce
}
