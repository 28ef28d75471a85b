package clone

import (
	"context"
	"path/filepath"

	"github.com/git-grite/git-grite/internal/keep"
	"github.com/git-grite/git-grite/internal/lock"
)

// Standing lists the actor's locks, wherever they were granted, as this clone
// knows them without asking anybody, by the key of their resource.
func (c *Clone) Standing(ctx context.Context, me Identity) (map[string]lock.Entry, error) {
	remote, err := c.Arbiter(ctx)
	if err != nil {
		return nil, err
	}
	grants := c.grants(me.Actor, remote)
	known := map[string]lock.Entry{}
	add := func(l lock.Lock, version string) {
		known[l.Resource.Key()] = lock.Entry{Lock: l, Key: l.Resource.Key(), Version: version}
	}
	elsewhere, err := grants.Elsewhere()
	if err != nil {
		return nil, err
	}
	for _, e := range elsewhere {
		add(e.Lock, e.Version)
	}
	here, err := c.local.Load(ctx, true)
	if err != nil {
		return nil, err
	}
	for _, e := range here.Entries {
		if e.Owner == me.ID && !e.Tombstone() {
			add(e.Lock, e.Version)
		}
	}
	if remote == nil {
		return known, nil
	}
	held, err := grants.Held()
	for _, h := range held {
		add(h.Lock, h.Version)
	}
	return known, err
}

// KeeperDir is where the keeper of an actor has its files: beside its grants.
func (c *Clone) KeeperDir(id lock.Owner) keep.Dir {
	return keep.Dir(filepath.Join(c.files.actors(), string(id)))
}

// KeepLog is the file that keepers write to.
func (c *Clone) KeepLog() string { return c.files.keepLog() }

// unkeep has released locks no longer kept.
func (c *Clone) unkeep(me Identity, locks []lock.Lock) {
	for _, l := range locks {
		_ = c.KeeperDir(me.ID).Remove(l.Resource.String(), l.Nonce) // else its keeper finds that it is gone
	}
}
