package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/guard"
)

// judge finds the paths that are about to be committed or pushed and what locks
// have to say to them. The verdict is valid as far as it goes even when there
// is an error.
func (run *hookRun) judge(ctx context.Context, env Env, out *printer) (v verdict, err error) {
	if env.Dir == "" {
		return v, errNoDirectory
	}
	repo, err := git.Open(ctx, env.Dir, env.Environ)
	if err != nil {
		return v, err
	}
	s := newSession(env, out, repo)
	if err := s.configure(); err != nil {
		out.warn("git-grite: %s; going on with lock_policy = \"warn\"", printable(err.Error()))
		s.config.Policy = guard.Warn
	}
	if s.config.Policy == guard.Off {
		return v, nil
	}
	if err := s.connect(ctx); err != nil {
		out.warn("git-grite: %s; going on with the locks of this clone", printable(err.Error()))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.HookTimeout, fmt.Errorf("it took longer than %s", s.config.HookTimeout))
	defer cancel()
	if run.name == "pre-push" {
		return run.judgePush(ctx, s)
	}
	if s.config.Present && s.config.HookFetch == "commit" {
		s.refreshOrWarn(ctx, false)
	}
	v, err = s.look(ctx)
	if err != nil || !v.interesting() {
		return v, err
	}
	paths, err := repo.StagedPaths(ctx)
	if err != nil {
		return v, err
	}
	err = v.judge(ctx, s, paths)
	return v, err
}

// maxCommits is how many commits of one push are looked at.
const maxCommits = 2000

// judgePush judges what the pushed commits change.
func (run *hookRun) judgePush(ctx context.Context, s *session) (v verdict, err error) {
	updates, err := run.pushed(ctx, s)
	if err != nil {
		return v, err
	}
	updates = slices.DeleteFunc(updates, func(u git.PushUpdate) bool { return u.LocalOID == "" || ownRef(u.Remote) })
	if len(updates) == 0 {
		return v, nil
	}
	// Looking here costs next to nothing; asking the remote does, so that it is
	// asked only by a repository that was set up, and when something is new.
	asks := s.remote != nil && s.config.HookFetch != "never"
	if !asks || !s.config.Present {
		if v, err = s.look(ctx); err != nil || !v.interesting() {
			return v, err
		}
	}
	remote := ""
	if len(run.args) > 1 && run.args[0] != run.args[1] {
		remote = run.args[0]
	}
	memo := s.pushMemo(ctx, remote, updates)
	if seen, ok := memo.read(); ok {
		return verdict{stopped: seen.Stopped}, nil
	}
	defer func() { memo.write(v.Blocked()) }()
	commits, more, err := s.repo.PushedCommits(ctx, updates, git.Published{Remotes: s.published(remote)}, maxCommits)
	if err != nil || len(commits) == 0 {
		return v, err
	}
	if asks {
		s.refreshOrWarn(ctx, true)
		if v, err = s.look(ctx); err != nil || !v.interesting() {
			return v, err
		}
	}
	if more {
		s.out.warn("git-grite: this push has more than %d commits; the newest %[1]d are checked", maxCommits)
	}
	if edge := cut(commits); len(edge) > 0 {
		s.out.warn("git-grite: what %s at the edge of this shallow clone changes is not known here", count(len(edge), "commit"))
	}
	err = v.judgeCommits(ctx, s, commits)
	return v, err
}

// published names the remotes whose commits a push to remote does not publish
// any more: that remote, and the arbiter, which everybody who shares these locks
// can see. Others do not count, else a detour by a fork would go unjudged. For a
// push to a URL, "", it returns nil: it may be any of them.
func (s *session) published(remote string) []string {
	switch {
	case remote == "":
		return nil
	case s.remote == nil || s.remote.Name() == remote:
		return []string{remote}
	}
	return []string{remote, s.remote.Name()}
}

// ownRef tells whether a ref is one that git-grite keeps itself.
func ownRef(name git.RefName) bool {
	return bytes.HasPrefix([]byte(name), []byte("refs/grite/")) || bytes.HasPrefix([]byte(name), []byte("refs/git-grite/"))
}

// cut returns the commits whose parents a shallow clone does not have.
func cut(commits []git.Commit) []git.Commit {
	return slices.DeleteFunc(slices.Clone(commits), func(c git.Commit) bool { return !c.Cut })
}

// judgeCommits judges the paths that the commits change. A merge that collides
// is looked at once more: "changed against all parents" lists files too that
// git merged by itself, and those are not its author's edits.
func (v *verdict) judgeCommits(ctx context.Context, s *session, commits []git.Commit) error {
	plain, merges := map[string]bool{}, map[string][]git.OID{}
	listErr := s.repo.ChangedPaths(ctx, commits, func(c git.Commit, path string) {
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
	if err := v.judge(ctx, s, paths); err != nil {
		return err
	}
	edits := map[git.OID]map[string]bool{} // nil for merges that git cannot tell of
	byHand := func(path string) bool {
		if plain[path] {
			return true
		}
		return slices.ContainsFunc(merges[path], func(merge git.OID) bool {
			edited, ok := edits[merge]
			if !ok {
				names, err := s.repo.MergeEdits(ctx, merge)
				if ctx.Err() != nil { // no time left to tell: not held against anybody
					listErr, err = context.Cause(ctx), nil
				}
				if err == nil {
					edited = make(map[string]bool, len(names))
					for _, name := range names {
						edited[name] = true
					}
				}
				edits[merge] = edited
			}
			return edited == nil || edited[path] // cannot tell: the first look stands
		})
	}
	v.Collisions = slices.DeleteFunc(v.Collisions, func(c guard.Collision) bool { return !byHand(c.Path) })
	v.Unheld = slices.DeleteFunc(v.Unheld, func(path string) bool { return !byHand(path) })
	return listErr
}

// refreshOrWarn is refresh for a hook: what goes wrong is one line.
func (s *session) refreshOrWarn(ctx context.Context, push bool) {
	if err := s.refresh(ctx, push); err != nil {
		s.out.warn("git-grite: %s; judging by the last view of the locks", printable(oneLine(err)))
	}
}

// look loads the locks and finds out who acts; nobody is made, and a hook
// without an identity judges all locks as somebody else's.
func (s *session) look(ctx context.Context) (verdict, error) {
	v := verdict{}
	known, _, err := s.view(ctx, false)
	if err != nil {
		return v, err
	}
	if !s.config.Present && len(known.locks) == 0 {
		return v, nil // never set up
	}
	v.question = guard.Question{Policy: s.config.Policy, Now: s.env.Now(), Locks: known.locks}
	v.Policy = s.config.Policy
	if v.question.Lockable, err = guard.ParseLockable(s.config.Lockable); err != nil {
		return v, err
	}
	me, _, err := s.whoever()
	switch {
	case err == nil:
		v.question.Owner, v.question.Held = me.ID, s.vouched(me)
		s.tellLosses(me)
	case !errors.Is(err, config.ErrNoActor):
		s.out.warn("git-grite: %s; all locks count as those of others", printable(err.Error()))
	}
	return v, nil
}

func oneLine(err error) string {
	text, _, _ := bytes.Cut([]byte(err.Error()), []byte("\n"))
	return string(text)
}
