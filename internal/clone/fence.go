package clone

import (
	"context"
	"errors"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
	"github.com/git-grite/git-grite/internal/refstore"
)

// FenceRequest is a push that shall land only while locks are held.
type FenceRequest struct {
	Resources []lock.Resource
	Release   bool
	Dry       bool   // the push changes nothing
	Push      string // what is pushed where, for the journal
	// Swap pushes, together with the updates of the locks' refs, all or none; see
	// [protocol.FenceRequest].
	Swap func(ctx context.Context, locks []git.RefUpdate) (protocol.Fate, error)
}

// Fenced is what became of it.
type Fenced struct {
	Report
	Locks []lock.Lock // renewed, or given up
	Lost  []lock.Lost // not held any more; then nothing was pushed
}

// ErrNoArbiter is returned where no remote keeps the locks.
var ErrNoArbiter = errors.New("the locks of this clone are its own: no remote keeps them")

// Granted returns the locks that the arbiter granted to the actor of this
// command, after it was asked for those that were taken offline: the hook of a
// fenced push could not ask for them, because that holds the actor's file lock.
// It returns ErrNoArbiter.
func (c *Clone) Granted(ctx context.Context) ([]lock.Lock, error) {
	me, err := c.holder()
	if err != nil {
		return nil, err
	}
	remote, err := c.Arbiter(ctx)
	if err != nil {
		return nil, err
	}
	if remote == nil {
		return nil, ErrNoArbiter
	}
	here, err := c.local.Load(ctx, true)
	if err != nil {
		return nil, err
	}
	for _, e := range here.Entries {
		if e.Owner == me.ID && e.Live(c.now()) {
			if err := c.ConfirmOwn(ctx, c.Config.HookTimeout); err != nil {
				return nil, err
			}
			break
		}
	}
	held, err := c.grants(me.Actor, remote).Held()
	var locks []lock.Lock
	for _, h := range held {
		locks = append(locks, h.Lock)
	}
	lock.Sort(locks)
	return locks, err
}

// Fence pushes while the actor holds locks on the resources; see
// [protocol.Shared.Fence]. It returns ErrNoArbiter.
func (c *Clone) Fence(ctx context.Context, q FenceRequest) (out Fenced, err error) {
	me, err := c.holder()
	if err != nil {
		return out, err
	}
	remote, err := c.Arbiter(ctx)
	if err != nil {
		return out, err
	}
	if remote == nil {
		return out, ErrNoArbiter
	}
	at := c.sight(me, remote)
	done, err := c.shared(at).Fence(ctx, protocol.FenceRequest{
		Resources: q.Resources, TTL: c.Config.TTL, Release: q.Release, Dry: q.Dry,
		Swap: func(ctx context.Context, changes []lock.Change) (protocol.Fate, error) {
			fate, err := q.Swap(ctx, refstore.Updates(changes))
			if fate == protocol.Moved {
				remote.Pushed(ctx, changes)
			}
			return fate, err
		},
	})
	out.Locks, out.Lost = place{remote: remote}.mark(done.Locks), done.Lost
	for _, l := range out.Locks {
		e := journal.Of("fenced", l)
		e.Push = q.Push
		c.journal.Add(e)
	}
	if q.Release {
		c.journal.AddAll("released", out.Locks)
	}
	at.view = done.View
	out.Report = c.report(ctx, at, out.Lost...)
	out.without(nil, out.Lost...)
	return out, err
}

// Grant names a lock, which shares its nonce with those that were acquired with it.
type Grant struct{ Resource, Nonce string }

// FencedAt returns when the last fenced push under each lock was.
func (c *Clone) FencedAt() map[Grant]time.Time {
	at := map[Grant]time.Time{}
	for _, e := range c.journal.Only("fenced") {
		at[Grant{e.Resource, e.Nonce}] = time.UnixMilli(e.TimeUnixMS)
	}
	return at
}
