package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/refstore"
)

// PushRequest is a push as git tells it to the pre-push hook.
type PushRequest struct {
	Process int    // the id of the git process that pushes
	Remote  string // the name of the remote, "" for a push to a URL
	Updates []git.PushUpdate
}

// Push judges what the pushed commits change, for the pre-push hook. The view is
// brought up to date first, and offline locks are confirmed, when something new
// is published and the settings allow it.
func Push(ctx context.Context, c *clone.Clone, p PushRequest, o Options) (v Verdict, err error) {
	updates := slices.DeleteFunc(slices.Clone(p.Updates), func(u git.PushUpdate) bool { return u.LocalOID == "" || !git.ProjectRef(u.Remote) })
	if len(updates) == 0 {
		return v, nil
	}
	arbiter, err := c.Arbiter(ctx)
	if err != nil {
		return v, err
	}
	// Looking here costs next to nothing; asking the remote does, so that it is
	// asked only by a repository that was set up, and when something is new.
	var j *judgement
	asks := arbiter != nil && c.Config.HookFetch != "never"
	if !asks || !c.Config.Present {
		if j, err = begin(ctx, c, o, clone.Ask{}); err != nil || j.idle() {
			return j.Verdict, err
		}
	}
	memo := newPushMemo(ctx, c, p.Process, p.Remote, updates)
	if stopped, ok := memo.read(); ok {
		return Verdict{stopped: stopped}, nil
	}
	published := git.Published{Remotes: []string{p.Remote}}
	switch {
	case p.Remote == "":
		published.Remotes = nil // it may be any of them
	case arbiter != nil && arbiter.Name() != p.Remote:
		// Everybody who shares these locks can see what the arbiter has. Other
		// remotes do not count, else a detour by a fork would go unjudged.
		published.Remotes = append(published.Remotes, arbiter.Name())
	}
	commits, more, err := c.Repo.PushedCommits(ctx, updates, published, maxCommits)
	if err != nil || len(commits) == 0 {
		return v, err
	}
	if asks {
		refreshErr := c.ConfirmOwn(ctx, c.Config.HookTimeout*3/4)
		if j, err = begin(ctx, c, o, clone.Ask{}); err != nil {
			return j.Verdict, errors.Join(err, refreshErr)
		}
		if refreshErr != nil {
			j.View.Unreachable = refreshErr
		}
		if j.idle() {
			return j.Verdict, nil
		}
	}
	var branches []git.OID
	if err = j.judgeCommits(ctx, commits, updates); err == nil && (more || !j.Clear()) {
		// Not all of it need be new: there may be no tracking branches, or old ones.
		published.Tips, branches, err = heads(ctx, c, p.Remote, arbiter, updates)
	}
	if err == nil && len(published.Tips) > 0 {
		if commits, more, err = c.Repo.PushedCommits(ctx, updates, published, maxCommits); err == nil {
			// A branch that is ahead of what is here may have what seems to be dropped.
			if slices.ContainsFunc(commits, dropped) && c.Repo.Lacks(ctx, branches...) {
				commits = slices.DeleteFunc(commits, dropped)
			}
			err = j.judgeCommits(ctx, commits, updates)
		}
	}
	if more {
		j.Gaps = append(j.Gaps, fmt.Errorf("this push has more than %d commits; the newest %[1]d are checked", maxCommits))
	}
	if edge := cut(commits); len(edge) > 0 {
		j.Gaps = append(j.Gaps, fmt.Errorf("commits at the edge of this shallow clone are not checked, because what they change is not known here: %d of them", len(edge)))
	}
	j.Looked = len(commits)
	memo.write(j.Blocked())
	return j.Verdict, err
}

// heads asks what the remote of a push and the arbiter have. For a push to a URL
// that is the arbiter alone. The refs that the push updates are left out: what they
// have is what it starts from. Of the tips, branches are those of branches, each once:
// none where the push moves the branch that HEAD of the remote names, for what others
// have of that is no reason to drop it there.
func heads(ctx context.Context, c *clone.Clone, pushed string, arbiter *refstore.Remote, updates []git.PushUpdate) (tips, branches []git.OID, err error) {
	var names []string
	home := false
	if pushed != "" {
		names = append(names, pushed)
	}
	if arbiter != nil && arbiter.Name() != pushed {
		names = append(names, arbiter.Name())
	}
	for _, name := range names {
		remote, openErr := c.Repo.OpenRemote(ctx, name, false)
		if openErr != nil {
			return tips, branches, openErr
		}
		refs, askErr := remote.List(ctx, "HEAD", "refs/heads/*", "refs/tags/*")
		for _, ref := range refs {
			if ref.Name == "HEAD" {
				home = home || name == pushed && slices.ContainsFunc(updates, func(u git.PushUpdate) bool { return u.RemoteOID == ref.OID })
			} else if name != pushed || !slices.ContainsFunc(updates, func(u git.PushUpdate) bool { return u.Remote == ref.Name }) {
				tips = append(tips, ref.OID)
				if strings.HasPrefix(string(ref.Name), "refs/heads/") {
					branches = append(branches, ref.OID)
				}
			}
		}
		err = errors.Join(err, askErr)
	}
	if home {
		branches = nil
	}
	slices.Sort(branches)
	return tips, slices.Compact(branches), err
}
