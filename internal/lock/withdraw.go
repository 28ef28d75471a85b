package lock

import (
	"context"
	"slices"
	"time"
)

// A withdrawal happens even when the command was stopped; somebody waits then
// for it to end.
const (
	withdrawTimeout = 15 * time.Second
	stoppedTimeout  = 5 * time.Second
)

// withdraw deletes whatever of this acquire may stand on the arbiter.
func (a *announcement) withdraw(ctx context.Context) error {
	limit := withdrawTimeout
	if ctx.Err() != nil {
		limit = stoppedTimeout
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	look := a.doubt
	for n := (tries{}); ; {
		var changes []Change
		if look {
			t, err := a.m.Store.Load(ctx, true)
			if err != nil {
				return err
			}
			for key, versions := range a.stands {
				if v := t.Version(key); slices.Contains(versions, v) {
					changes = append(changes, Change{Key: key, Old: v})
				}
			}
		} else {
			for key, versions := range a.stands {
				changes = append(changes, Change{Key: key, Old: versions[len(versions)-1]})
			}
		}
		var err error
		if len(changes) > 0 {
			err = a.m.swap(ctx, changes)
		}
		if err == nil {
			clear(a.stands)
			return nil
		}
		if !n.again(ctx, err) {
			return err
		}
		look = true
	}
}
