// Package check judges paths that are about to be committed or pushed: it finds
// out which these are, looks at the locks as recently as the settings ask for,
// and lets guard decide. The git hooks, "lock check" and the hooks of coding
// agents are its callers; it prints nothing, and what it could not look at is in
// its answer, because a failure of ours never stops anybody's commit.
package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
)

// Options say by which rules to judge.
type Options struct {
	Policy guard.Policy // instead of lock_policy, unless ""
	As     []string     // labels whose locks count as the caller's
	// Always finds collisions whatever the policy, which then only says whether
	// they stop anything: "lock check" reports under "off" and "warn" too.
	Always bool
	Below  bool // paths that are named are directories, too, with all that is below them
}

// Verdict is guard's verdict, and what it rests on.
type Verdict struct {
	guard.Verdict
	View    clone.View
	Now     time.Time
	Looked  int             // how many paths, or commits, were looked at
	Gaps    []error         // what was not looked at or is not known, one sentence each
	Undone  map[string]bool // paths of which a push takes back what a branch has
	stopped bool            // an earlier run of the hook stopped this push, and said why
}

// Blocked reports whether the commit or push has to stop.
func (v Verdict) Blocked() bool { return v.stopped || v.Verdict.Blocked() }

// judgement is a verdict in the making.
type judgement struct {
	Verdict
	c *clone.Clone
	q guard.Question
}

// begin looks at the locks. A repository that was never set up and holds no
// locks has nothing to judge, and neither has one where nobody else holds a lock
// and no path must be held; the judgement is idle then.
func begin(ctx context.Context, c *clone.Clone, o Options, ask clone.Ask) (j *judgement, err error) {
	j = &judgement{c: c}
	if j.View, err = c.Look(ctx, ask); err != nil {
		return j, err
	}
	return j, j.ask(o)
}

// ask makes the question to guard of what the look brought.
func (j *judgement) ask(o Options) (err error) {
	j.Now, j.Policy = j.c.Now(), j.c.Config.Policy
	if o.Policy != "" {
		j.Policy = o.Policy
	}
	if !j.c.Config.Present && len(j.View.Locks) == 0 {
		return nil
	}
	j.q = guard.Question{Policy: j.Policy, Now: j.Now, Locks: j.View.Locks, As: o.As, Below: o.Below, Owner: j.View.Actor.ID,
		Held: func(l lock.Lock) bool { return l.Remote == "" || !l.Unconfirmed }}
	if j.c.Config.Vouch == "require" {
		j.q.Locks = slices.DeleteFunc(slices.Clone(j.q.Locks), func(l lock.Lock) bool { return l.Doubt != "" })
	}
	if o.Always {
		j.q.Policy = guard.Require
	}
	if j.q.Lockable, err = guard.ParseLockable(j.c.Config.Lockable); err != nil {
		return err
	}
	if j.View.Actor.ID != "" {
		return nil
	}
	if _, err := j.c.Actor(); err != nil && !errors.Is(err, config.ErrNoActor) {
		j.Gaps = append(j.Gaps, fmt.Errorf("%w; all locks count as those of others", err))
	}
	return nil
}

// idle reports whether paths need not be looked at.
func (j *judgement) idle() bool { return len(j.q.Lockable) == 0 && !j.q.Foreign() }

// judge judges paths.
func (j *judgement) judge(ctx context.Context, paths []string) (err error) {
	j.Verdict.Verdict = guard.Verdict{Policy: j.Policy}
	if len(paths) == 0 {
		return nil
	}
	j.q.Paths, j.q.Fold = paths, j.c.Repo.IgnoreCase(ctx)
	policy := j.Policy
	j.Verdict.Verdict, err = guard.Judge(ctx, j.q)
	j.Policy = policy
	return err
}

// Paths judges paths that the caller names, from the top of the repository.
func Paths(ctx context.Context, c *clone.Clone, paths []string, o Options, ask clone.Ask) (Verdict, error) {
	j, err := begin(ctx, c, o, ask)
	if err == nil {
		j.Looked = len(paths)
		err = j.judge(ctx, paths)
	}
	return j.Verdict, err
}

// retry is how long a remote that a hook could not reach is left alone: it costs
// one commit its time, and not each of them.
const retry = 5 * time.Minute

// Before is how recent a view has to be for something that is about to be
// changed: with hook.fetch = "auto" no older than hook.max_age. A remote that
// cannot be reached is said, and the last view is judged by.
func Before(c *clone.Clone) clone.Ask {
	switch {
	case !c.Config.Present:
	case c.Config.HookFetch == "auto":
		return clone.Ask{Limit: c.Config.HookCommitTimeout, MaxAge: c.Config.HookMaxAge, Retry: retry}
	case c.Config.HookFetch == "commit":
		return clone.Ask{Limit: c.Config.HookCommitTimeout, Retry: retry}
	}
	return clone.Ask{}
}

// Staged judges what a commit would change, for the pre-commit hook: the paths
// are listed only when there is a lock that could cover one.
func Staged(ctx context.Context, c *clone.Clone, o Options) (Verdict, error) {
	j, err := begin(ctx, c, o, Before(c))
	if err != nil || j.idle() {
		return j.Verdict, err
	}
	paths, err := c.Repo.StagedPaths(ctx)
	if err == nil {
		j.Looked = len(paths)
		err = j.judge(ctx, paths)
	}
	return j.Verdict, err
}

// maxCommits is how many commits of one push or range are looked at.
const maxCommits = 2000
