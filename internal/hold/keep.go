package hold

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/keep"
	"github.com/git-grite/git-grite/internal/lock"
)

// For says how long locks are kept.
type For struct {
	PID    int       // while this process runs, 0 for any
	Until  time.Time // not beyond, the zero time for no end
	Signal string    // sent to the process when a lock is lost, "" for none
}

// Keep has locks of an actor kept. The caller starts a keeper afterwards, where
// none runs: see All.
func Keep(c *clone.Clone, me clone.Identity, locks []lock.Lock, k For) error {
	for _, l := range locks {
		kept := keep.Kept{
			Resource: l.Resource.String(), Nonce: l.Nonce, TTLMS: l.TTL.Milliseconds(), AskedUnixMS: Began(l).UnixMilli(),
			PID: k.PID, Signal: k.Signal,
		}
		if k.PID != 0 {
			kept.Start = keep.ProcessStart(k.PID)
		}
		if !k.Until.IsZero() {
			kept.UntilUnixMS = k.Until.UnixMilli()
		}
		if err := c.KeeperDir(me.ID).Add(kept); err != nil {
			return err
		}
	}
	return nil
}

// Keeping is what is kept for an actor, and by whom.
type Keeping struct {
	Actor   config.Actor
	Running bool
	State   keep.State // of the keeper that runs
	Kept    []keep.Kept
}

// All lists the actors for whom something is kept or a keeper runs.
func All(c *clone.Clone) (all []Keeping, err error) {
	entries, err := os.ReadDir(filepath.Join(c.Dir(), "actors"))
	if err != nil {
		return nil, nil // there is no actor yet
	}
	for _, e := range entries {
		id := lock.Owner(e.Name())
		k := Keeping{Actor: config.Actor{ID: id, Label: id.Short()}}
		dir := c.KeeperDir(id)
		if k.Kept, err = dir.List(); err != nil {
			continue // no directory, or one of another user
		}
		slices.SortFunc(k.Kept, func(a, b keep.Kept) int { return strings.Compare(a.Resource, b.Resource) })
		if k.State, k.Running = dir.Running(); k.Running || len(k.Kept) > 0 {
			all = append(all, k)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	actors, err := c.Actors().List()
	for i := range all {
		for _, a := range actors {
			if a.ID == all[i].Actor.ID {
				all[i].Actor = a
			}
		}
	}
	return all, err
}

// Await waits until a keeper of an actor that was just started runs, or has
// found nothing to do.
func Await(ctx context.Context, c *clone.Clone, id lock.Owner) error {
	dir := c.KeeperDir(id)
	for {
		if _, runs := dir.Running(); runs {
			return nil
		}
		if kept, err := dir.List(); err != nil || len(kept) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Serve is the keeper of an actor: it keeps that actor's locks until nothing is
// left to keep. Everything in k but where it works and for whom is given.
func Serve(ctx context.Context, c *clone.Clone, a config.Actor, k keep.Keeper) error {
	k.Dir, k.Label = c.KeeperDir(a.ID), a.Label
	k.Log = keep.Log{Path: c.KeepLog(), Now: c.Now}
	k.Holder = keeperOf{c.InBackground(a)}
	return k.Serve(ctx)
}

// keeperOf renews and releases what is kept for an actor.
type keeperOf struct{ clone *clone.Clone }

// Renew sends one request for all locks with the same TTL.
func (h keeperOf) Renew(ctx context.Context, locks []keep.Kept) (lost map[string]error, err error) {
	lost = map[string]error{}
	byTTL := map[int64][]grant{}
	for _, k := range locks {
		r, err := lock.ParseRecorded(k.Resource)
		if err != nil {
			lost[k.Resource] = err
			continue
		}
		byTTL[k.TTLMS] = append(byTTL[k.TTLMS], grant{r, k.Nonce})
	}
	for ms, grants := range byTTL {
		gone, failed := extend(ctx, h.clone, grants, time.Duration(ms)*time.Millisecond)
		for resource, why := range gone {
			lost[resource] = why
		}
		if failed != nil {
			err = failed
		}
	}
	return lost, err
}

func (h keeperOf) Release(ctx context.Context, locks []keep.Kept) error {
	var grants []grant
	for _, k := range locks {
		if r, err := lock.ParseRecorded(k.Resource); err == nil {
			grants = append(grants, grant{r, k.Nonce})
		}
	}
	return giveUp(ctx, h.clone, grants)
}
