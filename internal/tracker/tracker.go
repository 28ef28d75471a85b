// Package tracker is what one actor does with the issues of one clone: their
// log, which is shared through the arbiter, together with the locks that say who
// has claimed which issue, and the policy for those that somebody else has.
package tracker

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/issue"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wal"
)

// log is the issue log of a clone, with its index.
type log struct {
	*wal.Log
	issue.Tracker
}

// open opens the issue log that the arbiter shares, or that of the clone alone,
// for an actor. Nothing is read.
func open(ctx context.Context, c *clone.Clone, me clone.Identity) (log, error) {
	remote, err := c.Arbiter(ctx)
	if err != nil {
		return log{}, err
	}
	w := &wal.Log{Repo: c.Repo, Now: c.Now}
	if remote != nil {
		w.Remote = remote.Git()
	}
	if id, err := hex.DecodeString(string(me.ID)); err == nil {
		copy(w.Actor[:], id)
	}
	path := c.IssueIndex()
	return log{w, issue.Tracker{
		Log:  w,
		Load: func() []byte { kept, _ := os.ReadFile(path); return kept },
		Save: func(index []byte) {
			if os.MkdirAll(filepath.Dir(path), 0o777) == nil {
				_ = atomicfile.Write(path, index, 0o666) // the next command makes it again
			}
		},
	}}, nil
}

// known reports whether this clone has an issue log at all. It runs no git
// where refs are files.
func (l log) known(ctx context.Context) bool {
	heads, err := l.Heads(ctx)
	return err == nil && heads != wal.Heads{}
}

// View is what the clone knows of issues at one moment.
type View struct {
	clone.View // of the locks
	*issue.Index
	// Claims are the running locks on issues.
	Claims map[wal.IssueID]lock.Lock
	// Log is what the look at the log on the arbiter found, and LogErr why there
	// was none although there should have been one.
	Log    wal.Fetched
	LogErr error

	log log
}

// Look loads the issues, and the locks that say who has claimed them. What the
// arbiter is not asked for, or does not answer, is as it was last seen. It
// returns the errors of [clone.Clone.Look] and *wal.DamagedError.
func Look(ctx context.Context, c *clone.Clone, ask clone.Ask) (v View, err error) {
	if v.View, err = c.Look(ctx, ask); err != nil {
		return v, err
	}
	if v.log, err = open(ctx, c, v.Actor); err != nil {
		return v, err
	}
	if v.Remote != "" && ask.Limit > 0 && v.Unreachable == nil {
		v.Log, v.LogErr = v.log.fetch(ctx, ask.Limit)
		if ctx.Err() != nil {
			return v, context.Cause(ctx)
		}
	}
	if v.Index, err = v.log.Index(ctx); err != nil {
		return v, err
	}
	v.Claims = map[wal.IssueID]lock.Lock{}
	for _, l := range v.Locks {
		if id, ok := claimed(v.Index, l); ok && l.Live(c.Now()) {
			v.Claims[id] = l
		}
	}
	return v, nil
}

// claimed returns the issue that a lock is on: by its id, or by the beginning of
// it, which is all that somebody had who locked it before the log reached him.
func claimed(x *issue.Index, l lock.Lock) (wal.IssueID, bool) {
	if l.Resource.Namespace() != lock.Issue {
		return wal.IssueID{}, false
	}
	is, err := x.Find(l.Resource.Name())
	return is.ID, err == nil
}

// fetch brings the log up to date within a time limit. It returns
// *git.RemoteError and *wal.DamagedError.
func (l log) fetch(ctx context.Context, limit time.Duration) (wal.Fetched, error) {
	short, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return l.Fetch(short)
}

// Filter selects issues; the zero Filter selects all.
type Filter struct {
	State     issue.State // "" for any
	Label     string      // "" for any
	Mine      bool        // claimed by the actor
	Claimed   bool        // by anybody
	Unclaimed bool
}

// Select returns the issues that a filter lets through, ordered by id.
func (v *View) Select(f Filter) []issue.Issue {
	return slices.DeleteFunc(v.All(), func(is issue.Issue) bool {
		claim, claimed := v.Claims[is.ID]
		return f.State != "" && is.State != f.State || f.Label != "" && !slices.Contains(is.Labels, f.Label) ||
			f.Claimed && !claimed || f.Unclaimed && claimed || f.Mine && (!claimed || claim.Owner != v.Actor.ID)
	})
}

// Show returns one issue, by the beginning of its id, with its events in order.
// It returns the errors of [issue.Index.Find].
func (v *View) Show(ctx context.Context, prefix string) (issue.Issue, []wal.Event, error) {
	is, err := v.Find(prefix)
	if err != nil {
		return is, nil, err
	}
	return v.log.Show(ctx, v.Index, is.ID)
}

// Sync makes the log of the arbiter and that of the clone the same. It does
// nothing where the clone is the arbiter.
func Sync(ctx context.Context, c *clone.Clone, pullOnly bool) (wal.Appended, error) {
	l, err := open(ctx, c, clone.Identity{})
	if err != nil || l.Remote == nil {
		return wal.Appended{}, err
	}
	if pullOnly {
		f, err := l.Fetch(ctx)
		return wal.Appended{Heads: f.Heads, Rewound: f.Rewound, Merged: f.Merged}, err
	}
	return l.Sync(ctx)
}

// Report is what a look at the whole log found.
type Report struct {
	issue.Report
	Unsent int // events that the arbiter, when it was last seen, had not
}

// Check reads the whole log of the clone; ok is false where there is none.
func Check(ctx context.Context, c *clone.Clone) (r Report, ok bool, err error) {
	l, err := open(ctx, c, clone.Identity{})
	if err != nil {
		return r, false, err
	}
	if heads, err := l.Heads(ctx); err != nil || heads == (wal.Heads{}) {
		return r, false, err
	}
	unsent, err := l.Unsent(ctx)
	if err == nil {
		r.Unsent = len(unsent)
		r.Report, err = l.Check(ctx)
	}
	return r, true, err
}

// Resource returns the resource of an issue of this clone whose id begins as r
// says, and any other resource as it is: that of another tracker, or one that
// only a lock here has. Where there is no log it costs the look at a ref. It
// returns *issue.AmbiguousError.
func Resource(ctx context.Context, c *clone.Clone, r lock.Resource) (lock.Resource, error) {
	if r.Namespace() != lock.Issue || !issue.IsPrefix(r.Name()) {
		return r, nil
	}
	l, err := open(ctx, c, clone.Identity{})
	if err != nil || !l.known(ctx) {
		return r, nil // a caller that needs the arbiter finds out what is wrong with it
	}
	x, err := l.Index(ctx)
	if err != nil {
		return r, nil // a log that is damaged keeps nobody from locking
	}
	is, err := x.Find(r.Name())
	var ambiguous *issue.AmbiguousError
	switch {
	case errors.As(err, &ambiguous):
		return r, err
	case err != nil:
		return r, nil
	}
	full := resource(is.ID)
	if v, err := c.Look(ctx, clone.Ask{}); err == nil && v.Has(r) && !v.Has(full) {
		return r, nil
	}
	return full, nil
}

func resource(id wal.IssueID) lock.Resource {
	r, _ := lock.ParseResource(string(lock.Issue)+":"+id.String(), "") // it is sound
	return r
}

// Forget removes what the clone remembers of the arbiter's log; the log itself
// stays. It returns the head of what stays, "" for nothing.
func Forget(ctx context.Context, c *clone.Clone) (string, error) {
	l, err := open(ctx, c, clone.Identity{})
	if err != nil {
		l = log{Log: &wal.Log{Repo: c.Repo, Now: c.Now}}
	}
	heads, err := l.Heads(ctx)
	if err != nil {
		return "", err
	}
	return string(heads.Here), l.Log.Forget(ctx)
}
