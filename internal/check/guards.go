package check

import (
	"context"
	"errors"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// Guards returns those of the locks that cover a path which a push of sources to
// a remote would change; for sources see [git.Repo.OutgoingCommits]. Where not all
// paths can be known, because of what a source is or how many commits there are,
// that is all of them.
func Guards(ctx context.Context, c *clone.Clone, held []lock.Lock, remote string, sources []string) (guards []lock.Resource, err error) {
	if len(held) == 0 || len(sources) == 0 {
		return nil, nil
	}
	paths, all, err := c.Repo.OutgoingPaths(ctx, sources, remote, maxCommits)
	var unknown *git.Error
	if err != nil && !errors.As(err, &unknown) {
		return nil, err
	}
	fold := c.Repo.IgnoreCase(ctx)
	for _, l := range held {
		covers := !all && l.Resource.Namespace() != lock.Issue || l.Resource.Namespace() == lock.Repo && len(paths) > 0
		for path := range paths {
			if covers {
				break
			}
			covers = l.Resource.Covers(path, fold)
		}
		if covers {
			guards = append(guards, l.Resource)
		}
	}
	return guards, nil
}
