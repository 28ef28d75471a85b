package gittest

import "path/filepath"

// Healthy checks that git itself still works in a repository: nothing of its
// database is broken, all that any ref reaches can be listed, and its remote,
// where it has one, can be fetched from. Each takes milliseconds.
func (r *Repo) Healthy() {
	r.t.Helper()
	commands := [][]string{{"fsck", "--strict", "--no-dangling", "--no-progress"}, {"log", "--all", "--format=%H"}}
	if r.Run("", "git", "remote", "get-url", "origin").Code == 0 {
		commands = append(commands, []string{"fetch", "-q", "origin"})
	}
	for _, args := range commands {
		if res := r.Run("", "git", args...); res.Code != 0 {
			r.t.Errorf("git %s no longer works in %s: exit %d, %s%s", args[0], filepath.Base(r.Dir), res.Code, res.Stdout, res.Stderr)
		}
	}
}

// HealthyThroughout is Healthy and what a repository goes through in a year:
// it is collected, packed, maintained, mirrored and cloned.
func (r *Repo) HealthyThroughout() {
	r.t.Helper()
	r.Healthy()
	refs := r.Git("for-each-ref")
	mirror := NewRemote(r.t, "--object-format="+r.Git("rev-parse", "--show-object-format"))
	for _, args := range [][]string{
		{"push", "-q", "--no-verify", "--mirror", mirror.Dir}, {"repack", "-adq"}, {"pack-refs", "--all"}, {"gc", "-q", "--prune=now"},
		{"maintenance", "run", "--quiet", "--task=commit-graph", "--task=loose-objects", "--task=incremental-repack"},
		{"bundle", "create", "-q", filepath.Join(r.t.TempDir(), "bundle"), "--all"}, {"clone", "-q", "--mirror", ".", filepath.Join(r.t.TempDir(), "clone")},
	} {
		if res := r.Run("", "git", args...); res.Code != 0 {
			r.t.Errorf("git %s no longer works: exit %d, %s%s", args[0], res.Code, res.Stdout, res.Stderr)
		}
	}
	if now := r.Git("for-each-ref"); now != refs {
		r.t.Errorf("refs are not as before: %s, before: %s", now, refs)
	}
	r.Healthy()
}
