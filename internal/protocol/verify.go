package protocol

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// maxPolls is how often the lower ticket looks whether the higher one withdrew.
// A renewal, whose lock is held, looks more often than any announcement does, and
// as long as its lease still runs for renewsPatience: who announced may be on a
// slower link, or may have been stopped for a moment.
const (
	maxPolls       = 8
	maxRenewsPolls = 3 * maxPolls
	renewsPatience = 10 * time.Second
)

// minPause is the shortest interval between two of these looks, latePause after
// many of them. On a slow link it is the time that a swap took, because a
// withdrawal takes as long.
const (
	minPause  = 30 * time.Millisecond
	latePause = 250 * time.Millisecond
)

// maxHidden is how often in a row an acknowledged record may be missing from the
// next look before the arbiter is taken to hide what it accepts.
const maxHidden = 3

func (a *attempt) pause(ctx context.Context, polls int) error {
	shortest := minPause
	if polls >= maxRenewsPolls {
		shortest = latePause
	}
	d := jitter(max(shortest, a.took))
	a.waited += d
	return sleep(ctx, d)
}

// verify looks at all locks until each announced claim is granted or withdrawn.
// It returns lock.ErrLostRace, wrapped, when one is left that is worth another
// attempt.
func (a *attempt) verify(ctx context.Context) error {
	a.waited = 0
	for polls := 0; len(a.announced()) > 0; polls++ {
		if err := a.load(ctx, true); err != nil {
			return err
		}
		var expired []lock.Entry
		wait := false
		for _, c := range a.announced() {
			verdict, over := a.view.Verify(c.q, c.changes, a.s.now())
			var err error
			switch {
			case verdict == lock.Granted:
				err = a.grant(c)
			case verdict == lock.Late:
				a.late(c)
			case !a.patient(c, verdict, polls):
				err = a.giveUp(ctx, c)
			case verdict == lock.Blocked:
				expired = append(expired, over...)
				c.over = append(c.over, locksOf(over)...)
			default:
				wait = true
			}
			if err != nil {
				return err
			}
		}
		if err := a.clear(ctx, expired); err != nil {
			return err
		}
		if wait {
			if err := a.pause(ctx, polls); err != nil {
				return err
			}
		}
	}
	if a.anyOpen() {
		return fmt.Errorf("%w: an overlapping lock was announced, or the lease ended meanwhile", lock.ErrLostRace)
	}
	return nil
}

// announced are the open claims of which something was sent and not withdrawn.
func (a *attempt) announced() (some []*claim) {
	for _, c := range a.claims {
		if c.open() && c.changes != nil {
			some = append(some, c)
		}
	}
	return some
}

// late has a claim whose lease ended before it was verified announced once more:
// the process may have been stopped, or the clock have jumped. When that happens
// again a try takes too long for the lease. A deadline that was given stays what
// it is, and who renews a lock that is held does so once more itself.
func (a *attempt) late(c *claim) {
	if !c.late && !c.renews && c.q.Expires.IsZero() {
		c.late, c.changes = true, nil // what stands of it is replaced
		return
	}
	took := a.s.now().Sub(a.sent)
	c.err = &ShortLeaseError{TTL: c.q.TTL, Took: took, Shortest: (2 * took).Truncate(time.Second) + time.Second}
}

// patient reports whether to look once more before a claim is withdrawn. Of two
// announcements only the one with the lower ticket waits. A lock that is held
// waits for any announcement, which withdraws when it sees the lock; one that
// stays has been granted, after this lock was taken over and before a late copy
// of its create put it back, or its process has been killed.
func (a *attempt) patient(c *claim, verdict lock.Verdict, polls int) bool {
	switch {
	case !c.renews:
		return verdict != lock.Yield && polls < maxPolls
	case !a.view.Made(c.changes):
		return polls == 0
	case polls < maxRenewsPolls:
		return true
	}
	return a.held[c.changes[0].Key].Live(a.s.now()) && a.waited < renewsPatience
}

// clear deletes expired locks of others. One that cannot be deleted was renewed
// meanwhile, which the next look shows.
func (a *attempt) clear(ctx context.Context, expired []lock.Entry) error {
	var changes []lock.Change
	seen := map[string]bool{}
	for _, e := range expired {
		if !seen[e.Key] {
			seen[e.Key] = true
			a.doubtful(e.Lock)
			changes = append(changes, lock.Change{Key: e.Key, Old: e.Version})
		}
	}
	if len(changes) == 0 {
		return nil
	}
	err := swap(ctx, a.s.Store, changes)
	if errors.Is(err, lock.ErrLostRace) || errors.Is(err, lock.ErrUnknown) && ctx.Err() == nil {
		return nil
	}
	return err
}

// grant writes down what was granted, before anybody is told.
func (a *attempt) grant(c *claim) error {
	for _, change := range c.changes {
		if change.New == nil {
			continue
		}
		h := lock.Holding{Lock: *change.New, Version: change.Version, Verify: !c.renews && !a.extends(change)}
		if old := a.held[change.Key]; c.renews && old.Version == h.Version {
			// Nothing was sent: what is under way may still arrive, and a late copy of
			// what made this version may still put it back.
			h.Pending, h.Verify = old.Pending, old.Verify
		}
		if err := a.s.Grants.Put(h); err != nil {
			return err
		}
		delete(c.stands, change.Key) // granted for good, whatever fails after it
		if _, wanted := a.held[change.Key]; wanted {
			a.held[change.Key] = h
		}
	}
	var gone []lock.Lock
	for _, l := range c.over {
		if e, there := a.view.At(l.Resource.Key()); !there || e.Nonce != l.Nonce {
			gone = append(gone, l)
		}
	}
	for i := range c.grants {
		c.grants[i].TakenOver = c.grants[i].Over(gone)
	}
	c.done, c.stands = true, nil
	return nil
}

// giveUp withdraws a claim: an announcement may be tried again, and a lock that
// was thought to be held is lost.
func (a *attempt) giveUp(ctx context.Context, c *claim) error {
	if c.renews {
		key := c.changes[0].Key
		lost := a.view.Gone(a.s.Owner, a.held[key].Lock, a.s.now())
		a.lost, c.err = append(a.lost, lost), lost.Err()
		delete(a.held, key)
		if err := a.s.Grants.Drop(key); err != nil {
			return err
		}
		if a.s.Yield != nil {
			a.s.Yield(lost)
		}
	}
	if a.unseen(c) {
		a.hidden++
	} else {
		a.hidden = 0
	}
	if a.hidden == maxHidden {
		c.err = &HiddenError{Tries: a.hidden}
	}
	c.changes = nil
	return a.withdraw(ctx, c)
}

// unseen reports whether nothing at all stands in the place of an acknowledged
// record whose lease still runs. Breaking it between the two does that, too, but
// not again and again.
func (a *attempt) unseen(c *claim) bool {
	return !c.doubt && !c.renews && slices.ContainsFunc(c.changes, func(change lock.Change) bool {
		return change.New != nil && !a.extends(change) && a.s.now().Before(change.New.Expires) && a.view.Version(change.Key) == ""
	})
}

func locksOf(entries []lock.Entry) (locks []lock.Lock) {
	for _, e := range entries {
		locks = append(locks, e.Lock)
	}
	return locks
}
