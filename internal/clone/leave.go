package clone

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
)

// Left is what leaving a clone removed.
type Left struct {
	Released []lock.Lock
	Kept     []lock.Lock // records here of actors that are not of this clone
	Removed  []string    // files and directories
	// Unreleased says why locks stay where they are until they end; nil when
	// everything was released.
	Unreleased []error
}

// SetUpBefore reports whether git-grite keeps anything in this clone.
func (c *Clone) SetUpBefore() bool {
	_, err := os.Lstat(c.files.dir)
	return err == nil
}

// Leave gives up all locks of the clone's actors, deletes its refs, and removes
// all of our files. Hooks are left alone.
func (c *Clone) Leave(ctx context.Context) (out Left, err error) {
	remote, err := c.Arbiter(ctx)
	if err != nil {
		out.Unreleased = append(out.Unreleased, err)
		c.WithoutArbiter()
	}
	actors, err := c.Actors().List()
	if err != nil {
		return out, err
	}
	for _, a := range actors {
		if err := c.KeeperDir(a.ID).Stop(ctx); err != nil {
			return out, err
		}
		released, err := c.As(a).Release(ctx, nil, "")
		var unreachable *git.RemoteError
		var gone *ArbiterGoneError
		switch {
		case errors.As(err, &unreachable), errors.As(err, &gone):
			out.Unreleased = append(out.Unreleased, err)
		case err != nil:
			return out, err
		}
		out.Released = append(out.Released, released.Locks...)
	}
	if _, err := c.solo(config.Actor{}).Collect(ctx); err != nil {
		return out, err
	}
	here, err := c.local.Load(ctx, true)
	if err != nil {
		return out, err
	}
	for _, e := range here.Entries {
		if !e.Released() {
			out.Kept = append(out.Kept, e.Lock)
		}
	}
	if remote != nil {
		if err := remote.RemoveMirror(ctx); err != nil {
			return out, err
		}
	}
	if err := c.Repo.DropRefs(ctx, lock.NotesNamespace, c.now()); err != nil {
		return out, err
	}
	if err := c.Repo.KeepObjects(ctx, "refs/git-grite", refstore.Namespace); err != nil {
		return out, err
	}
	out.Removed, err = c.removeFiles()
	return out, err
}

// removeFiles removes our files and the actors, and the directory when nothing
// of somebody else is in it.
func (c *Clone) removeFiles() (removed []string, err error) {
	paths := []string{c.files.worktree()}
	for _, name := range c.Repo.LinkedWorktrees() {
		paths = append(paths, filepath.Join(c.Repo.CommonDir, "worktrees", name, "grite"))
	}
	dirs, _ := os.ReadDir(c.files.actors())
	for _, d := range dirs { // in a copied clone, those of the other one too
		if lock.Owner(d.Name()).Valid() {
			paths = append(paths, filepath.Join(c.files.actors(), d.Name()))
		}
	}
	for _, pattern := range c.files.all() {
		found, _ := filepath.Glob(pattern) // the patterns are sound
		paths = append(paths, found...)
	}
	for _, path := range paths {
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return removed, err
		}
		removed = append(removed, path)
	}
	for _, dir := range []string{c.files.actors(), c.files.dir} {
		if os.Remove(dir) == nil { // only when it is empty
			removed = append(removed, dir)
		}
	}
	return removed, nil
}
