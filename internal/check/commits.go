package check

import (
	"context"
	"slices"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/guard"
)

// cut returns the commits whose parents a shallow clone does not have.
func cut(commits []git.Commit) []git.Commit {
	return slices.DeleteFunc(slices.Clone(commits), func(c git.Commit) bool { return !c.Cut })
}

// judgeCommits judges the paths that the commits change. A merge that collides
// is looked at once more; where no time is left to ask what its author edited,
// that is not held against anybody.
func (j *judgement) judgeCommits(ctx context.Context, commits []git.Commit) error {
	var changes guard.Changes
	listErr := j.c.Repo.ChangedPaths(ctx, commits, func(c git.Commit, path string) { changes.Add(string(c.OID), c.Merge, path) })
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
