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
// is looked at once more: "changed against all parents" lists files too that
// git merged by itself, and those are not its author's edits.
func (j *judgement) judgeCommits(ctx context.Context, commits []git.Commit) error {
	plain, merges := map[string]bool{}, map[string][]git.OID{}
	listErr := j.c.Repo.ChangedPaths(ctx, commits, func(c git.Commit, path string) {
		if c.Merge {
			merges[path] = append(merges[path], c.OID)
		} else {
			plain[path] = true
		}
	})
	paths := make([]string, 0, len(plain)+len(merges))
	for path := range plain {
		paths = append(paths, path)
	}
	for path := range merges {
		if !plain[path] {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	if err := j.judge(ctx, paths); err != nil {
		return err
	}
	edits := mergeEdits{of: map[git.OID]map[string]bool{}}
	byHand := func(path string) bool {
		return plain[path] || slices.ContainsFunc(merges[path], func(merge git.OID) bool {
			return edits.has(ctx, j.c.Repo, merge, path)
		})
	}
	j.Collisions = slices.DeleteFunc(j.Collisions, func(c guard.Collision) bool { return !byHand(c.Path) })
	j.Unheld = slices.DeleteFunc(j.Unheld, func(path string) bool { return !byHand(path) })
	if edits.late != nil {
		return edits.late
	}
	return listErr
}

// mergeEdits remembers what the authors of merges edited themselves.
type mergeEdits struct {
	of   map[git.OID]map[string]bool // nil for a merge that git cannot tell of
	late error                       // there was no time left to ask
}

// has reports whether the author of a merge edited a path. Where git cannot
// tell, the author may have; where no time is left to ask, that is not held
// against anybody.
func (e *mergeEdits) has(ctx context.Context, repo *git.Repo, merge git.OID, path string) bool {
	edited, asked := e.of[merge]
	if !asked {
		names, err := repo.MergeEdits(ctx, merge)
		if ctx.Err() != nil {
			e.late, err = context.Cause(ctx), nil
		}
		if err == nil {
			edited = make(map[string]bool, len(names))
			for _, name := range names {
				edited[name] = true
			}
		}
		e.of[merge] = edited
	}
	return edited == nil || edited[path]
}
