package tracker

import (
	"context"
	"errors"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/issue"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wal"
)

// Request asks for a change of one issue.
type Request struct {
	Prefix  string       // the beginning of its id, "" for a new issue
	Kinds   []issue.Kind // what happens to it; for a new one an issue.Created
	Offline bool         // change this clone's log only
}

// Changed is what came of a Request.
type Changed struct {
	clone.Report
	Issue wal.IssueID
	Event wal.EventID // the last one
	Log   wal.Appended
	// Held is the lock of somebody else on the issue, of which the policy warns.
	Held *lock.HeldError
	// Unsent is set where only this clone has the change. Fallback is why,
	// although that was not asked for: lock.offline allows it.
	Unsent   bool
	Fallback error
}

// Change appends what happens to an issue, for the clone's default actor where none
// is chosen. An issue that somebody else has locked is judged like a path
// that is pushed: the arbiter is asked first. It returns *lock.HeldError where
// the policy stops the change, the errors of [issue.Index.Find], of
// [wal.Log.Append] and of [clone.Clone.ActorOrDefault], and *issue.TextError. The
// result is valid beside wal.ErrUnknown.
func Change(ctx context.Context, c *clone.Clone, q Request) (out Changed, err error) {
	me, err := c.ActorOrDefault(ctx)
	if err != nil {
		return out, err
	}
	out.Actor = me
	l, err := open(ctx, c, me)
	if err != nil {
		return out, err
	}
	var events []wal.Event
	if q.Prefix == "" {
		e, err := issue.Create(l.Actor, c.Now(), q.Kinds[0].(issue.Created))
		if err != nil {
			return out, err
		}
		events = append(events, e)
	} else {
		x, is, err := l.find(ctx, q.Prefix, !q.Offline)
		if err != nil {
			return out, err
		}
		if err := out.judge(ctx, c, x, is.ID, q.Offline); err != nil {
			return out, err
		}
		for _, k := range q.Kinds {
			e, err := is.Change(l.Actor, c.Now(), k)
			if err != nil {
				return out, err
			}
			events, is.Updated = append(events, e), e.Time
		}
	}
	last := events[len(events)-1]
	out.Issue, out.Event, out.Unsent = last.Issue, last.ID, q.Offline && l.Remote != nil
	out.Log, err = l.Append(ctx, events, q.Offline)
	var unreachable *git.RemoteError
	if errors.As(err, &unreachable) && !errors.Is(err, wal.ErrUnknown) && c.Config.Offline == "allow" {
		out.Unsent, out.Fallback = true, err
		out.Log, err = l.Append(ctx, events, true)
	}
	return out, err
}

// find finds an issue by the beginning of its id. One that this clone does not
// know may be on the arbiter.
func (l log) find(ctx context.Context, prefix string, fetch bool) (x *issue.Index, is issue.Issue, err error) {
	if x, err = l.Index(ctx); err != nil {
		return x, is, err
	}
	is, err = x.Find(prefix)
	var missing *issue.NotFoundError
	if !errors.As(err, &missing) || !fetch || l.Remote == nil {
		return x, is, err
	}
	if _, err := l.Fetch(ctx); err != nil {
		return x, is, err
	}
	if x, err = l.Index(ctx); err == nil {
		is, err = x.Find(prefix)
	}
	return x, is, err
}

// judge finds out whether somebody else has the issue, and what the policy has to
// say to that.
func (out *Changed) judge(ctx context.Context, c *clone.Clone, x *issue.Index, id wal.IssueID, offline bool) error {
	policy := c.Config.Policy
	if policy == guard.Off {
		return nil
	}
	ask := clone.Ask{Limit: c.Config.HookTimeout}
	if offline {
		ask = clone.Ask{}
	}
	v, err := c.Look(ctx, ask)
	if err != nil {
		return err
	}
	made := out.Actor.Made
	out.Report = v.Report
	out.Actor.Made = made
	held := lock.HeldError{Wanted: resource(id)}
	for _, l := range v.Locks {
		on, ok := claimed(x, l)
		if l.Live(c.Now()) && l.Owner != out.Actor.ID && (ok && on == id || l.Resource.Conflicts(held.Wanted)) {
			held.Conflicts = append(held.Conflicts, l)
			if free := l.Expires.Add(c.Config.ClockSkew); free.After(held.Free) {
				held.Free = free
			}
		}
	}
	if len(held.Conflicts) == 0 {
		return nil
	}
	lock.Sort(held.Conflicts)
	if policy == guard.Require {
		return &held
	}
	out.Held = &held
	return nil
}
