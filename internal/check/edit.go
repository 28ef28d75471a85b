package check

import (
	"context"

	"github.com/git-grite/git-grite/internal/clone"
)

// Edit judges paths that a coding agent is about to change, from the top of the
// repository. The arbiter is asked, within hook.commit_timeout, when the view is
// older than hook.max_age. A view that cannot be refreshed is no gap here: an
// agent that reads so before each edit can do nothing about it.
func Edit(ctx context.Context, c *clone.Clone, paths []string) (Verdict, error) {
	ask := clone.Ask{}
	if c.Config.Present && (c.Config.HookFetch == "auto" || c.Config.HookFetch == "commit") {
		ask = clone.Ask{Limit: c.Config.HookCommitTimeout, MaxAge: c.Config.HookMaxAge}
	}
	return Paths(ctx, c, paths, Options{}, ask)
}
