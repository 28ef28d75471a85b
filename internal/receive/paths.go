package receive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
)

// maxCommits is how many commits of one push are looked at.
const maxCommits = 50_000

// paths judges what the push changes on the branches that are looked after.
// Without an unexpired lock of somebody else nothing of it is read.
func (j *judgement) paths(ctx context.Context, updates []Update) error {
	if j.Policy == guard.Off || len(updates) == 0 {
		return nil
	}
	judged, err := j.branches(ctx)
	if err != nil {
		return err
	}
	updates = slices.DeleteFunc(updates, func(u Update) bool { return !judged(u.Ref) })
	if len(updates) == 0 {
		return nil
	}
	if err := j.load(ctx); err != nil {
		return err
	}
	q := guard.Question{Policy: j.Policy, Now: j.At}
	for _, e := range j.locks {
		if !j.own(e.Lock) {
			q.Locks = append(q.Locks, e.Lock)
		}
	}
	if !q.Foreign() {
		return nil
	}
	commits, err := j.commits(ctx, updates, judged)
	if err != nil {
		return err
	}
	return j.changed(ctx, q, commits, updates)
}

// branches returns which branches are looked after.
func (j *judgement) branches(ctx context.Context) (func(git.RefName) bool, error) {
	if len(j.Rules.Branches) == 0 {
		head, err := j.Repo.HeadRef(ctx)
		return func(ref git.RefName) bool { return ref == head }, err
	}
	var patterns []lock.Resource
	for _, p := range j.Rules.Branches {
		r, err := lock.ParseResource("path:"+p, "")
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, r)
	}
	return func(ref git.RefName) bool {
		name, ok := strings.CutPrefix(string(ref), "refs/heads/")
		return ok && slices.ContainsFunc(patterns, func(r lock.Resource) bool { return r.Covers(name, false) })
	}, nil
}

// commits lists what the push brings to these branches. What is on another
// branch that nobody looks after has not been judged yet.
func (j *judgement) commits(ctx context.Context, updates []Update, judged func(git.RefName) bool) ([]git.Commit, error) {
	refs, err := j.Repo.Refs(ctx, "refs/heads")
	if err != nil {
		return nil, err
	}
	known := git.Published{Only: true}
	var moves []git.PushUpdate
	moving := map[git.RefName]bool{}
	for _, u := range updates {
		moves = append(moves, git.PushUpdate{Remote: u.Ref, RemoteOID: u.Old, LocalOID: u.New})
		moving[u.Ref] = true
	}
	for _, ref := range refs {
		if ref.OID != "" && judged(ref.Name) && !moving[ref.Name] {
			known.Tips = append(known.Tips, ref.OID)
		}
	}
	commits, more, err := j.Repo.PushedCommits(ctx, moves, known, maxCommits)
	if more {
		j.Gap = fmt.Errorf("the push has more than %d commits", maxCommits)
	}
	return commits, err
}

// changed judges the paths that commits change or take back; see [guard.Verdict.Sift].
func (j *judgement) changed(ctx context.Context, q guard.Question, commits []git.Commit, updates []Update) error {
	gap := j.Gap
	var changes guard.Changes
	see := func(c git.Commit, path string) {
		if !c.Dropped {
			changes.Add(string(c.OID), c.Merge, path)
		}
	}
	err := j.Repo.ChangedPaths(ctx, commits, see)
	for _, u := range updates {
		undone, undoneErr := j.Repo.Undone(ctx, u.Old, u.New, commits, maxCommits, func(paths []string) ([]string, error) {
			q.Paths = paths
			v, err := guard.Judge(ctx, q)
			return v.Paths(), err
		})
		err = errors.Join(err, undoneErr)
		for _, c := range commits {
			for _, path := range undone {
				if c.Merge || c.Dropped {
					changes.Add(string(c.OID), c.Merge, path)
				}
			}
		}
	}
	if err != nil {
		gap = err
	}
	q.Paths = changes.Paths()
	if j.Verdict.Verdict, err = guard.Judge(ctx, q); err != nil {
		gap = err
	}
	j.Verdict.Verdict.Sift(&changes, func(merge string) ([]string, bool) {
		paths, err := j.Repo.MergeEdits(ctx, git.OID(merge))
		if ctx.Err() != nil {
			gap, err = context.Cause(ctx), nil // no time left to ask: not held against anybody
		}
		return paths, err == nil
	})
	return gap
}
