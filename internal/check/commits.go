package check

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/guard"
)

// dropped reports whether a forced push takes a commit from a branch.
func dropped(c git.Commit) bool { return c.Dropped }

// cut returns the commits to be published whose parents a shallow clone does not have.
func cut(commits []git.Commit) []git.Commit {
	return slices.DeleteFunc(slices.Clone(commits), func(c git.Commit) bool { return !c.Cut || c.Dropped })
}

// judgeCommits judges the paths that the commits change, and those that merges
// among them take back on the branches that the updates move. A merge that collides
// is looked at once more; where no time is left to ask what its author edited,
// that is not held against anybody.
func (j *judgement) judgeCommits(ctx context.Context, commits []git.Commit, updates []git.PushUpdate) error {
	var changes guard.Changes
	j.Undone = map[string]bool{}
	see := func(c git.Commit, path string) {
		if !c.Dropped {
			changes.Add(string(c.OID), c.Merge, path)
		}
	}
	listErr := j.c.Repo.ChangedPaths(ctx, commits, see)
	for _, u := range updates {
		if !strings.HasPrefix(string(u.Remote), "refs/heads/") {
			continue // a tag may be moved to anything, from anything
		}
		undone, err := j.c.Repo.Undone(ctx, u.RemoteOID, u.LocalOID, commits, maxCommits, func(paths []string) ([]string, error) {
			err := j.judge(ctx, paths)
			return j.Verdict.Verdict.Paths(), err
		})
		listErr = errors.Join(listErr, err)
		for _, path := range undone {
			j.Undone[path] = true
			// Taking a commit back is no edit that would need a lock of one's own.
			taken := slices.ContainsFunc(j.Collisions, func(c guard.Collision) bool { return c.Path == path })
			for _, c := range commits {
				if c.Merge || c.Dropped && taken {
					changes.Add(string(c.OID), c.Merge, path)
				}
			}
		}
	}
	if err := j.judge(ctx, changes.Paths()); err != nil {
		return err
	}
	var late error
	j.Verdict.Verdict.Sift(&changes, func(merge string) ([]string, bool) {
		paths, err := j.c.Repo.MergeEdits(ctx, git.OID(merge))
		if ctx.Err() != nil {
			late, err = context.Cause(ctx), nil
		}
		return paths, err == nil
	})
	if late != nil {
		return late
	}
	return listErr
}
