package clone

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
	"github.com/git-grite/git-grite/internal/refstore"
)

// keeper changes locks where they are kept: protocol.Solo and protocol.Shared.
type keeper interface {
	Renew(ctx context.Context, resources []lock.Resource, ttl time.Duration, reason string) (protocol.Renewed, error)
	Release(ctx context.Context, resources []lock.Resource, nonce string) (protocol.Released, error)
}

// place is where some of the actor's locks are kept.
type place struct {
	keeper
	remote    *refstore.Remote // nil for this clone
	resources []lock.Resource  // none for all that is kept there
	arbiter   bool             // it is the present arbiter
}

// mark notes in locks where they are kept.
func (p place) mark(locks []lock.Lock) []lock.Lock {
	for i := range locks {
		if p.remote != nil {
			locks[i].Remote = p.remote.Name()
		}
		locks[i].Unconfirmed = p.remote == nil && !p.arbiter
	}
	return locks
}

// holding is what a verb about locks that exist works with.
type holding struct {
	sight
	places []place
}

// holding finds the actor of a verb about locks that exist, and where those
// that it names are kept; no resources means all that the actor holds. The
// arbiter is among the places when it holds one of them, when nobody is known
// to, and with everywhere in any case.
func (c *Clone) holding(ctx context.Context, wanted []lock.Resource, everywhere bool) (h holding, err error) {
	me, err := c.holder()
	if err != nil {
		return h, err
	}
	remote, err := c.Arbiter(ctx)
	if err != nil {
		return h, err
	}
	h.sight = c.sight(me, remote)
	arbiter := place{keeper: c.solo(h.me.Actor), arbiter: true}
	if h.remote != nil {
		arbiter.keeper, arbiter.remote = c.shared(h.sight), h.remote
	}
	found := map[string]bool{} // wanted resources that are kept somewhere
	pick := func(kept lock.Lock) (picked []lock.Resource) {
		if len(wanted) == 0 {
			return []lock.Resource{kept.Resource}
		}
		for _, r := range wanted {
			if r.SameAs(kept.Resource) {
				found[r.String()], picked = true, append(picked, r)
			}
		}
		return picked
	}
	var offline []lock.Resource
	if h.me.ID != "" {
		if err := c.former(ctx, &h, pick); err != nil {
			return h, err
		}
		if h.remote != nil {
			held, err := h.grants.Held()
			if err != nil {
				return h, err
			}
			for _, g := range held {
				arbiter.resources = append(arbiter.resources, pick(g.Lock)...)
			}
			own, err := c.local.Load(ctx, true)
			if err != nil {
				return h, err
			}
			for _, e := range own.Entries {
				if e.Owner == h.me.ID && !e.Tombstone() {
					offline = append(offline, pick(e.Lock)...)
				}
			}
		}
	}
	for _, r := range wanted {
		if !found[r.String()] {
			arbiter.resources = append(arbiter.resources, r)
		}
	}
	if len(offline) > 0 {
		h.places = append(h.places, place{keeper: c.solo(h.me.Actor), resources: offline})
	}
	if len(arbiter.resources) > 0 || len(h.places) == 0 || everywhere && len(wanted) == 0 {
		h.places = append(h.places, arbiter)
	}
	return h, nil
}

// former adds the places of locks that other arbiters granted, before this
// clone asked its present one. They stay with those: nobody else can renew them.
func (c *Clone) former(ctx context.Context, h *holding, pick func(lock.Lock) []lock.Resource) error {
	elsewhere, err := h.grants.Elsewhere()
	if err != nil {
		return err
	}
	resources := map[refstore.Arbiter][]lock.Resource{}
	for _, e := range elsewhere {
		if picked := pick(e.Lock); len(picked) > 0 {
			resources[e.Arbiter] = append(resources[e.Arbiter], picked...)
		}
	}
	for arbiter, wanted := range resources {
		remote, err := c.remoteAt(ctx, arbiter)
		if err != nil {
			return err
		}
		if remote == nil {
			return &ArbiterGoneError{Arbiter: arbiter, Resources: wanted}
		}
		h.places = append(h.places, place{keeper: c.shared(c.sight(h.me, remote)), remote: remote, resources: wanted})
	}
	return nil
}

// ArbiterGoneError is a lock that another arbiter than the present one granted
// and that no remote of this clone leads to any more.
type ArbiterGoneError struct {
	Arbiter   refstore.Arbiter
	Resources []lock.Resource
}

func (e *ArbiterGoneError) Error() string {
	where := e.Arbiter.URL
	if where == "" {
		where = fmt.Sprintf("remote %q", e.Arbiter.Name)
	}
	return fmt.Sprintf("the lock on %s was granted by %s, and no remote of this clone leads there any more; it ends by itself", e.Resources[0], where)
}

// remoteAt opens the remote that is an arbiter, whatever its name is now; nil
// when there is none. Older versions wrote down the name alone.
func (c *Clone) remoteAt(ctx context.Context, arbiter refstore.Arbiter) (*refstore.Remote, error) {
	remotes, err := c.Repo.Remotes(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range remotes {
		remote, err := c.open(ctx, r.Name)
		if err == nil && (remote.Arbiter().URL == arbiter.URL || arbiter.URL == "" && r.Name == arbiter.Name) {
			return remote, nil
		}
	}
	return nil, nil
}

// Renewed is what came of a renewal.
type Renewed struct {
	Report
	Locks []lock.Lock
	Lost  []lock.Lost // what could not be renewed, because the actor no longer has it

	asked  time.Time // the end that was asked for, counted from the end of the verb
	reason string    // that was asked for
}

// Kept reports whether a lock lasted longer than was asked for, so that nothing
// changed.
func (r Renewed) Kept(l lock.Lock) bool { return r.reason == "" && l.Expires.After(r.asked) }

// Renew extends the actor's locks on the given resources to ttl from now, never
// shortening one, and replaces their reason unless that is ""; no resources means
// all that it holds, and a ttl of 0 lock.ttl.
// What can be renewed is, and what was lost is in the result. It returns
// *lock.NotHeldError when the actor holds none of it and never did, and
// *ArbiterGoneError.
func (c *Clone) Renew(ctx context.Context, resources []lock.Resource, ttl time.Duration, reason string) (out Renewed, err error) {
	if ttl == 0 {
		ttl = c.Config.TTL
	}
	h, err := c.holding(ctx, resources, false)
	for _, p := range h.places {
		if err != nil {
			break
		}
		wanted := p.resources
		if p.remote == nil && !p.arbiter {
			var lost []lock.Lost
			if wanted, lost, err = unbeaten(ctx, h.sight, wanted); err != nil {
				break
			}
			if out.Lost = append(out.Lost, lost...); len(wanted) == 0 {
				continue
			}
		}
		var done protocol.Renewed
		done, err = p.Renew(ctx, wanted, ttl, reason)
		out.Locks, out.Lost = append(out.Locks, p.mark(done.Locks)...), append(out.Lost, done.Lost...)
		h.saw(p, done.View)
	}
	out.asked, out.reason = c.now().Add(ttl), reason
	c.journal.AddAll("renewed", slices.DeleteFunc(slices.Clone(out.Locks), out.Kept))
	c.nameGrants(h.me, out.Lost)
	out.Report = c.report(ctx, h.sight, out.Lost...)
	out.without(out.Locks, out.Lost...)
	return out, err
}

// unbeaten sorts out the locks taken offline that the last view of the arbiter has
// lost to others.
func unbeaten(ctx context.Context, at sight, resources []lock.Resource) (rest []lock.Resource, lost []lock.Lost, err error) {
	view, err := at.remote.Load(ctx, false)
	if err != nil {
		return nil, nil, err
	}
	taken := beaten(at.me, view)
	for _, r := range resources {
		i := slices.IndexFunc(taken, func(l lock.Lost) bool { return l.Lock.Resource.SameAs(r) })
		if i < 0 {
			rest = append(rest, r)
		} else if !slices.Contains(lost, taken[i]) {
			lost = append(lost, taken[i])
		}
	}
	return rest, lost, nil
}

// saw keeps a view of the arbiter.
func (h *holding) saw(p place, view *lock.View) {
	if p.arbiter && view != nil {
		h.view = view
	}
}

// Released is what came of a release.
type Released struct {
	Report
	Locks  []lock.Lock // given up
	Others []lock.Lock // running locks of others on the same resources, left alone
}

// Release gives up the actor's locks on the given resources; no resources means
// all that it holds. A nonce other than "" must be that of the lock, else
// *lock.NonceError. It returns *ArbiterGoneError for what cannot be reached.
func (c *Clone) Release(ctx context.Context, resources []lock.Resource, nonce string) (Released, error) {
	h, err := c.holding(ctx, resources, true)
	if err != nil {
		return Released{}, err
	}
	return c.releaseIn(ctx, h, nonce)
}

func (c *Clone) releaseIn(ctx context.Context, h holding, nonce string) (out Released, err error) {
	for _, p := range h.places {
		var done protocol.Released
		done, err = p.Release(ctx, p.resources, nonce)
		out.Locks, out.Others = append(out.Locks, p.mark(done.Locks)...), append(out.Others, done.Others...)
		h.saw(p, done.View)
		if err != nil {
			break
		}
	}
	c.journal.AddAll("released", out.Locks)
	c.unkeep(h.me, out.Locks)
	out.Report = c.report(ctx, h.sight)
	out.without(out.Locks)
	return out, err
}
