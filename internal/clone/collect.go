package clone

import (
	"context"

	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

// Collected is what garbage collection removed, here and on the arbiter.
type Collected struct {
	Report
	Expired []lock.Lock
	Damaged []lock.Damage
}

// Collect removes locks that expired longer than the clock skew ago, and damaged
// records. Nobody needs to be an actor for it.
func (c *Clone) Collect(ctx context.Context) (out Collected, err error) {
	remote, err := c.Arbiter(ctx)
	if err != nil {
		return out, err
	}
	me, err := c.Actor()
	if err != nil {
		me = Identity{}
	}
	done, err := c.solo(me.Actor).Collect(ctx)
	out.Expired, out.Damaged = done.Expired, done.Damaged
	at := c.sight(me, remote)
	if remote == nil {
		at.view = done.View
	} else if err == nil {
		var there protocol.Collected
		s := c.shared(at)
		s.Store = remote // a record that nobody vouches for is somebody's lock all the same
		there, err = s.Collect(ctx)
		out.Expired, out.Damaged = append(out.Expired, there.Expired...), append(out.Damaged, there.Damaged...)
		at.view = there.View
	}
	c.journal.AddAll("expired", out.Expired)
	out.Report = c.report(ctx, at)
	return out, err
}
