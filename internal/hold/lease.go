// Package hold renews and gives up the locks of a clone for keep: those of a
// command while it runs, and those that are kept in the background.
package hold

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/keep"
	"github.com/git-grite/git-grite/internal/lock"
)

// Locks returns the actor's locks on the given resources as this clone knows
// them, all that it has when none are named. It returns *lock.NotHeldError.
func Locks(ctx context.Context, c *clone.Clone, resources []lock.Resource) (me clone.Identity, locks []lock.Lock, err error) {
	if me, err = c.Actor(); err != nil {
		return me, nil, err
	}
	known, err := c.Standing(ctx, me)
	if err != nil {
		return me, nil, err
	}
	for _, e := range known {
		if len(resources) == 0 || slices.ContainsFunc(resources, e.Resource.SameAs) {
			locks = append(locks, e.Lock)
		}
	}
	for _, r := range resources {
		if !slices.ContainsFunc(locks, func(l lock.Lock) bool { return l.Resource.SameAs(r) }) {
			return me, nil, &lock.NotHeldError{Resource: r, Own: true}
		}
	}
	if len(locks) == 0 {
		return me, nil, &lock.NotHeldError{}
	}
	lock.Sort(locks)
	return me, locks, nil
}

// Record returns the commit of a lock's record: the value that fences what is
// done under the lock. It moves with each renewal.
func Record(ctx context.Context, c *clone.Clone, me clone.Identity, l lock.Lock) (string, error) {
	known, err := c.Standing(ctx, me)
	return known[l.Resource.Key()].Version, err
}

// grant names one grant and no later one of the same resource.
type grant struct {
	resource lock.Resource
	nonce    string
}

// extend renews grants of the actor of c, each by ttl, all in one request. Those
// that are gone for good are in lost, by resource, and in the journal; an error
// says that another try may succeed.
func extend(ctx context.Context, c *clone.Clone, grants []grant, ttl time.Duration) (lost map[string]error, err error) {
	me, err := c.Actor()
	if err != nil {
		return nil, err
	}
	known, err := c.Standing(ctx, me)
	if err != nil {
		return nil, err
	}
	lost = map[string]error{}
	nonces := map[string]string{}
	var resources []lock.Resource
	for _, g := range grants {
		key := g.resource.Key()
		if now := known[key]; now.Nonce != "" && now.Nonce != g.nonce {
			lost[g.resource.String()] = replaced(g.resource)
			continue
		}
		nonces[key] = g.nonce
		resources = append(resources, g.resource)
	}
	if len(resources) == 0 {
		return lost, nil
	}
	done, err := c.Renew(ctx, resources, ttl, "")
	var none *lock.NotHeldError
	if errors.As(err, &none) {
		for _, r := range resources {
			lost[r.String()] = err
		}
		return lost, nil
	}
	for _, l := range done.Lost {
		lost[l.Lock.Resource.String()] = l.Err()
	}
	for _, l := range done.Locks {
		if l.Nonce != nonces[l.Resource.Key()] {
			lost[l.Resource.String()] = replaced(l.Resource)
		}
	}
	return lost, err
}

// replaced is why a grant is gone whose actor gave it up and has another one.
func replaced(r lock.Resource) error {
	return fmt.Errorf("the lock on %s was given up and taken again", r)
}

// giveUp releases grants of the actor of c. What is gone already is no error.
func giveUp(ctx context.Context, c *clone.Clone, grants []grant) error {
	byNonce := map[string][]lock.Resource{}
	for _, g := range grants {
		byNonce[g.nonce] = append(byNonce[g.nonce], g.resource)
	}
	var failed error
	for nonce, resources := range byNonce {
		var other *lock.NonceError
		if _, err := c.Release(ctx, resources, nonce); err != nil && !errors.As(err, &other) {
			failed = err
		}
	}
	return failed
}

// lease is what one command holds.
type lease struct {
	clone  *clone.Clone
	grants []grant
	ttl    time.Duration
	yield  func(error) // of the renewal under way
}

// Lease makes the lease of a command from grants that it was just given.
func Lease(c *clone.Clone, done clone.Acquired, ttl time.Duration) keep.Lease {
	l := &lease{ttl: ttl}
	l.clone = c.InBackground(done.Actor.Actor).Yielding(func(gone lock.Lost) { l.yield(lostFor(gone.Err())) })
	for _, g := range done.Grants {
		l.grants = append(l.grants, grant{g.Resource, g.Nonce})
	}
	return l
}

func (l *lease) Renew(ctx context.Context, yield func(error)) error {
	l.yield = yield
	lost, err := extend(ctx, l.clone, l.grants, l.ttl)
	for _, why := range lost {
		return lostFor(why)
	}
	return err
}

func lostFor(why error) error { return fmt.Errorf("%w: %w", keep.ErrLost, why) }

func (l *lease) Release(ctx context.Context) error { return giveUp(ctx, l.clone, l.grants) }

// Began is the moment that the lease of a lock counts from.
func Began(l lock.Lock) time.Time { return l.Expires.Add(-l.TTL) }
