package tracker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/issue"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wal"
)

// Claim asks for the lock on an issue that is to be worked on.
type Claim struct {
	Prefix string // the beginning of the issue's id, "" for any open one that nobody has claimed
	Label  string // that the issue must have, "" for any
	TTL    time.Duration
	Reason string
	Limit  time.Duration // how long the arbiter may take to answer
}

// Claimed is an issue, and the lock on it.
type Claimed struct {
	clone.Acquired
	Issue issue.Issue
}

// ErrNothing is returned, wrapped, where there is no issue to be claimed.
var ErrNothing = errors.New("there is no open issue that nobody has claimed")

// ClosedError is an issue that is named to be claimed and needs no work.
type ClosedError struct {
	Issue issue.Issue
	Label string // that it should have, "" when it is closed
}

func (e *ClosedError) Error() string {
	if e.Label != "" {
		return fmt.Sprintf("issue %s does not have the label %q", e.Issue.ID, e.Label)
	}
	return fmt.Sprintf("issue %s is closed", e.Issue.ID)
}

// Take claims an issue: the one that is named, or the oldest that nobody has
// claimed. However many do so at the same time, and whatever they close and
// release meanwhile, nobody gets an issue that somebody else has or that is done:
// each candidate is looked at once more when its lock is held. It returns
// ErrNothing, *ClosedError, *lock.HeldError, *git.RemoteError and the errors of
// [issue.Index.Find] and [clone.Clone.Acquire].
func Take(ctx context.Context, c *clone.Clone, q Claim) (out Claimed, err error) {
	v, err := Look(ctx, c, clone.Ask{Limit: q.Limit})
	if err != nil {
		return out, err
	}
	out.Report = v.Report
	if err := cmp.Or(v.Unreachable, v.LogErr); err != nil {
		var unreachable *git.RemoteError
		var damaged *wal.DamagedError
		if !errors.As(err, &unreachable) && !errors.As(err, &damaged) {
			err = &git.RemoteError{Remote: v.Remote, Err: fmt.Errorf("no answer within %s", q.Limit)}
		}
		return out, err
	}
	candidates, err := v.candidates(q)
	if err != nil {
		return out, err
	}
	// After a lost race the next candidate is drawn: else all who lost would go
	// on to race for the same one.
	for at := 0; len(candidates) > 0; at = rand.IntN(max(len(candidates), 1)) {
		is := candidates[at]
		candidates = slices.Delete(candidates, at, at+1)
		losses, clocks := out.Losses, out.Clocks
		out.Acquired, err = c.Acquire(ctx, clone.AcquireRequest{
			Resources: []lock.Resource{resource(is.ID)}, TTL: q.TTL, Reason: q.Reason,
			Exclusive: q.Prefix == "", // several workers may share an actor
		})
		out.Losses, out.Clocks = append(losses, out.Losses...), append(clocks, out.Clocks...)
		var held *lock.HeldError
		if errors.As(err, &held) && q.Prefix == "" && held.Conflicts[0].Resource.Namespace() == lock.Issue {
			continue
		}
		if err == nil {
			if out.Issue, err = v.again(ctx, is, q); err == nil {
				return out, nil
			}
		}
		if len(out.Grants) > 0 && !out.Grants[0].AlreadyHeld {
			// Not for longer than somebody waits who has pressed Ctrl-C.
			short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			_, releaseErr := c.Release(short, []lock.Resource{resource(is.ID)}, out.Grants[0].Nonce)
			cancel()
			err = errors.Join(err, releaseErr)
		}
		var closed *ClosedError
		if !errors.As(err, &closed) || q.Prefix != "" {
			return out, err
		}
	}
	if q.Label != "" {
		return out, fmt.Errorf("%w with the label %q", ErrNothing, q.Label)
	}
	return out, ErrNothing
}

// candidates are the issues to try, the oldest first.
func (v *View) candidates(q Claim) ([]issue.Issue, error) {
	if q.Prefix != "" {
		is, err := v.Find(q.Prefix)
		if err == nil {
			err = q.check(is)
		}
		wanted := resource(is.ID)
		if l, ok := v.Claims[is.ID]; ok && err == nil && l.Owner != v.Actor.ID && !l.Resource.SameAs(wanted) {
			err = &lock.HeldError{Wanted: wanted, Conflicts: []lock.Lock{l}, Free: l.Expires}
		}
		return []issue.Issue{is}, err
	}
	list := v.Select(Filter{State: issue.Open, Label: q.Label, Unclaimed: true})
	slices.SortStableFunc(list, func(a, b issue.Issue) int { return cmp.Compare(a.Created, b.Created) })
	return list, nil
}

// again looks at an issue whose lock is held now: who had it before may have
// closed it since it was listed.
func (v *View) again(ctx context.Context, is issue.Issue, q Claim) (issue.Issue, error) {
	if v.log.Remote != nil {
		if _, err := v.log.fetch(ctx, q.Limit); err != nil {
			return is, err
		}
	}
	x, err := v.log.Index(ctx)
	if err == nil {
		is, err = x.Find(is.ID.String())
	}
	if err == nil {
		err = q.check(is)
	}
	return is, err
}

func (q Claim) check(is issue.Issue) error {
	switch {
	case is.State != issue.Open:
		return &ClosedError{Issue: is}
	case q.Label != "" && !slices.Contains(is.Labels, q.Label):
		return &ClosedError{is, q.Label}
	}
	return nil
}
