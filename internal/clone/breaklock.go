package clone

import (
	"context"
	"errors"

	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/lock"
)

// Broken is what came of breaking a lock.
type Broken struct {
	Report
	Lock lock.Lock
}

// Break removes somebody's lock where it is kept: one taken offline in this
// clone can be broken here. It returns *lock.NotHeldError when there is none and
// *lock.NonceError when it is not the one that was meant.
func (c *Clone) Break(ctx context.Context, r lock.Resource, nonce, reason string) (out Broken, err error) {
	remote, err := c.Arbiter(ctx)
	if err != nil {
		return out, err
	}
	me, err := c.ActorOrDefault(ctx)
	if err != nil {
		return out, err
	}
	q := lock.BreakRequest{Resource: r, Nonce: nonce, Reason: reason}
	at, breakAt := c.sight(me, remote), c.solo(me.Actor).Break
	if remote != nil {
		s := c.shared(at)
		s.Store = remote
		breakAt = s.Break
	}
	done, err := breakAt(ctx, q)
	at.view = done.View
	out.Lock, out.Report = done.Lock, c.report(ctx, at)
	var other *lock.NonceError
	var none *lock.NotHeldError
	if remote != nil && (errors.As(err, &other) || errors.As(err, &none)) {
		if offline, offlineErr := c.solo(me.Actor).Break(ctx, q); offlineErr == nil {
			out.Lock, err = offline.Lock, nil
		}
	}
	if err == nil {
		e := journal.Of("broken", out.Lock)
		e.Other, e.OtherLabel, e.Reason = me.ID, me.Label, reason
		c.journal.Add(e)
	}
	return out, err
}
