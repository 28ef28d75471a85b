package protocol

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// A withdrawal happens even when the command was stopped; somebody waits then
// for it to end.
const (
	withdrawTimeout = 15 * time.Second
	stoppedTimeout  = 5 * time.Second
)

// withdraw deletes whatever of the claims may stand on the arbiter.
func (a *attempt) withdraw(ctx context.Context, claims ...*claim) error {
	limit := withdrawTimeout
	if ctx.Err() != nil {
		limit = stoppedTimeout
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	look := slices.ContainsFunc(claims, func(c *claim) bool { return c.doubt })
	for n := (tries{}); ; {
		var v *lock.View
		if look {
			var err error
			if v, err = a.s.Store.Load(ctx, true); err != nil {
				return err
			}
		}
		changes := deletions(claims, v)
		if len(changes) == 0 {
			break
		}
		err := swap(ctx, a.s.Store, changes)
		if err == nil {
			break
		}
		if err := n.again(ctx, err); err != nil {
			return err
		}
		look = true
	}
	for _, c := range claims {
		c.stands, c.doubt = nil, false
	}
	return nil
}

// deletions are what withdraws claims, by a view where there is one: without, the
// newest version stands.
func deletions(claims []*claim, v *lock.View) (changes []lock.Change) {
	for _, c := range claims {
		for key, versions := range c.stands {
			if v == nil {
				changes = append(changes, lock.Change{Key: key, Old: versions[len(versions)-1]})
			} else if at := v.Version(key); slices.Contains(versions, at) {
				changes = append(changes, lock.Change{Key: key, Old: at})
			}
		}
	}
	slices.SortFunc(changes, func(a, b lock.Change) int { return strings.Compare(a.Key, b.Key) })
	return changes
}
