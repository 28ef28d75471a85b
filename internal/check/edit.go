package check

import (
	"context"

	"github.com/git-grite/git-grite/internal/clone"
)

// Edit judges paths that a coding agent is about to change, from the top of the
// repository. The arbiter is asked as before a commit, but for hook.fetch =
// "commit", which looks no more often than hook.max_age: edits are many. A view
// that cannot be refreshed is no gap here: an agent that reads so before each edit
// can do nothing about it.
func Edit(ctx context.Context, c *clone.Clone, paths []string) (Verdict, error) {
	ask := Before(c)
	if ask.Limit > 0 {
		ask.MaxAge = c.Config.HookMaxAge
	}
	return Paths(ctx, c, paths, Options{}, ask)
}
