package clone

import (
	"context"
	"time"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
)

// SyncRequest says what to bring in line with a remote.
type SyncRequest struct {
	// Remote is the remote whose view is brought up to date, "" for the
	// arbiter. Only the arbiter confirms locks.
	Remote string
	// Actors are those whose offline locks are confirmed.
	Actors []config.Actor
}

// Synced is what came of it.
type Synced struct {
	Report
	Remote    string        // "" where this clone is the arbiter: nothing was done
	AsOf      time.Time     // when the view was true
	Running   int           // locks of the remote that run
	Confirmed []lock.Lock   // granted now
	Expired   []lock.Lock   // ended before they were confirmed
	Lost      []lock.Beaten // held by others, so that they count as not held
}

// Sync reads the remote's locks and asks for those of the actors that were taken
// offline: granted ones leave this clone's own refs, lost ones stay there and
// count as not held.
func (c *Clone) Sync(ctx context.Context, q SyncRequest) (out Synced, err error) {
	remote, err := c.Arbiter(ctx)
	if q.Remote != "" && (remote == nil || remote.Name() != q.Remote) {
		q.Actors = nil
		remote, err = c.open(ctx, q.Remote)
	}
	if err != nil || remote == nil {
		return out, err
	}
	me, err := c.Actor()
	if err != nil {
		me = Identity{}
	}
	view, err := remote.Load(ctx, true)
	if err != nil {
		return out, err
	}
	out.Remote, out.AsOf = remote.Name(), view.Asked
	now := c.now()
	for _, e := range view.Entries {
		if e.Live(now) {
			out.Running++
		}
	}
	for _, a := range q.Actors {
		if err := c.confirm(ctx, remote, view, a, &out); err != nil {
			return out, err
		}
	}
	if remote == c.remote {
		at := c.sight(me, remote)
		at.view = view
		out.Report = c.report(ctx, at)
	}
	return out, nil
}

// confirm asks the arbiter for the offline locks of one actor, all at once.
func (c *Clone) confirm(ctx context.Context, remote *refstore.Remote, view *lock.View, a config.Actor, out *Synced) error {
	for _, b := range view.Beaten {
		if b.Lock.Owner == a.ID {
			out.Lost = append(out.Lost, b)
		}
	}
	now := c.now()
	var asked []lock.Lock
	var done []lock.Change // these leave the refs of this clone
	offline := map[string]lock.Change{}
	for _, e := range view.Beside {
		change := lock.Change{Key: e.Key, Old: e.Version}
		switch {
		case e.Owner != a.ID || e.Released():
		case !e.Live(now):
			out.Expired, done = append(out.Expired, e.Lock), append(done, change)
		default:
			asked, offline[e.Resource.String()] = append(asked, e.Lock), change
		}
	}
	if len(asked) > 0 {
		answer, err := c.shared(c.sight(Identity{Actor: a}, remote)).Confirm(ctx, asked)
		if err != nil {
			return err
		}
		var granted []lock.Grant
		for _, g := range answer.Grants {
			g.Remote = remote.Name()
			granted = append(granted, g)
			out.Confirmed, done = append(out.Confirmed, g.Lock), append(done, offline[g.Resource.String()])
		}
		c.logGrants(granted)
		for _, l := range answer.Lost {
			if l.Cause == lock.Taken {
				out.Lost = append(out.Lost, lock.Beaten{Lock: l.Lock, By: l.By})
			} else {
				out.Expired, done = append(out.Expired, l.Lock), append(done, offline[l.Lock.Resource.String()])
			}
		}
	}
	return c.swapHere(ctx, done)
}

// ConfirmOwn is a look for hooks: it brings the view up to date and confirms the
// actor's own offline locks, within the given time. It does nothing where this
// clone is the arbiter.
func (c *Clone) ConfirmOwn(ctx context.Context, limit time.Duration) error {
	remote, err := c.Arbiter(ctx)
	if err != nil || remote == nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, late(remote, limit))
	defer cancel()
	var own []config.Actor
	if me, err := c.Actor(); err == nil {
		own = []config.Actor{me.Actor}
	}
	_, err = c.Sync(ctx, SyncRequest{Actors: own})
	return inTime(ctx, err)
}
