package clone

import (
	"context"
	"slices"

	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
	"github.com/git-grite/git-grite/internal/refstore"
)

// Collected is what garbage collection removed, here and on the arbiter.
type Collected struct {
	Report
	Expired []lock.Lock
	Damaged []lock.Damage
	Left    []lock.Damage // what only who runs the server can remove
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
		s.Store = refstore.Sparing{Remote: remote} // a record that nobody vouches for is somebody's lock all the same
		there, err = s.Collect(ctx)
		out.Expired, out.Damaged = append(out.Expired, there.Expired...), append(out.Damaged, there.Damaged...)
		at.view = there.View
	}
	if at.view != nil {
		out.Left = slices.DeleteFunc(slices.Clone(at.view.Damaged), func(d lock.Damage) bool { return d.Remedy == "" })
	}
	c.journal.AddAll("expired", out.Expired)
	out.Report = c.report(ctx, at)
	return out, err
}
