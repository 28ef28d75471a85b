package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestHooksTrialLeavesNothing has git run the hooks in every state a repository
// can be in, and compares everything there is before and after.
func TestHooksTrialLeavesNothing(t *testing.T) {
	conflict := func(r *gittest.Repo) {
		r.Git("checkout", "-q", "-b", "other")
		r.Write("src/a.go", "theirs\n")
		r.Git("commit", "-q", "-am", "theirs")
		r.Git("checkout", "-q", "main")
		r.Write("src/a.go", "ours\n")
		r.Git("commit", "-q", "-am", "ours")
	}
	for name, arrange := range map[string]func(r *gittest.Repo) *gittest.Repo{
		"clean": func(r *gittest.Repo) *gittest.Repo { return r },
		"changes": func(r *gittest.Repo) *gittest.Repo {
			r.Write("src/a.go", "staged\n")
			r.Write("new", "staged\n")
			r.Git("add", ".")
			r.Git("write-tree") // git writes the trees of what is staged before it runs the hook
			r.Write("src/a.go", "not staged\n")
			r.Write("untracked", "x\n")
			return r.At("src")
		},
		"signatures and editors": func(r *gittest.Repo) *gittest.Repo {
			for key, value := range map[string]string{"commit.gpgSign": "true", "push.gpgSign": "true", "gpg.program": "/bin/false", "core.editor": "sleep 1000",
				"commit.verbose": "true", "commit.template": "nowhere", "push.followTags": "true", "push.recurseSubmodules": "check", "push.pushOption": "x"} {
				r.Git("config", key, value)
			}
			return r.With("GIT_EDITOR=sleep 1000", "EDITOR=sleep 1000")
		},
		"nobody": func(r *gittest.Repo) *gittest.Repo {
			r.Git("config", "--global", "--unset", "user.email")
			r.Git("config", "user.useConfigOnly", "true")
			return r
		},
		"conflict": func(r *gittest.Repo) *gittest.Repo {
			conflict(r)
			r.Run("", "git", "merge", "other")
			return r
		},
		"merge": func(r *gittest.Repo) *gittest.Repo {
			conflict(r)
			r.Run("", "git", "merge", "other")
			r.Git("add", ".")
			r.Git("write-tree")
			return r
		},
		"rebase": func(r *gittest.Repo) *gittest.Repo {
			conflict(r)
			r.Run("", "git", "rebase", "other")
			return r
		},
		"unborn": func(r *gittest.Repo) *gittest.Repo {
			r.Git("init", "-q", "../unborn")
			u := r.At("../unborn")
			grite(t, u, "hooks", "install")
			u.Git("write-tree")
			return u
		},
		"orphan branch": func(r *gittest.Repo) *gittest.Repo {
			r.Git("checkout", "-q", "--orphan", "orphan")
			return r
		},
		"split index": func(r *gittest.Repo) *gittest.Repo {
			r.Git("update-index", "--split-index")
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := arrange(guarded(t, ""))
			temp := t.TempDir()
			r = r.With("TMPDIR=" + temp)
			top := r.Git("rev-parse", "--show-toplevel")
			grite(t, r, "hooks", "status") // writes what it remembers of git
			before := files(t, top)
			start := time.Now()
			res := r.Run("", "git-grite", "hooks", "test")
			if res.Code != 0 || strings.Count(res.Stdout, ": fired\n") != 2 {
				t.Errorf("exit %d: %s%s", res.Code, res.Stdout, res.Stderr)
			}
			if took := time.Since(start); took > 50*time.Second {
				t.Errorf("it took %s", took) // the deadline ended something that waited
			}
			if after := files(t, top); after != before {
				t.Errorf("something is not as it was:\n%q\nbefore:\n%q", after, before)
			}
			if left, _ := os.ReadDir(temp); len(left) > 0 {
				t.Errorf("left in the temporary directory: %v", left)
			}
		})
	}
}

// TestHooksTrialWithoutHooks does the same where nothing of ours stops git.
func TestHooksTrialWithoutHooks(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	r.Git("remote", "add", "origin", "../remote.git")
	script(t, r, ".git/hooks/prepare-commit-msg", "#!/bin/sh\necho text >\"$1\"\n")
	for _, name := range []string{"pre-commit", "pre-push"} {
		script(t, r, ".git/hooks/"+name, "#!/bin/sh\nexit 0\n")
	}
	r.Write("staged", "x")
	r.Git("add", ".")
	r.Git("write-tree")
	grite(t, r, "version")
	before := files(t, r.Dir)
	res := r.Run("", "git-grite", "hooks", "test")
	if res.Code != 4 || strings.Count(res.Stderr, "did not fire, not installed, there is a hook of another program") != 2 {
		t.Errorf("exit %d, %q", res.Code, res.Stderr)
	}
	if after := files(t, r.Dir); after != before {
		t.Errorf("something is not as it was:\n%q\nbefore:\n%q", after, before)
	}
}

// fired is the answer of hooks test.
func fired(t *testing.T, r *gittest.Repo, code int, args ...string) map[string]string {
	t.Helper()
	res := r.Run("", "git-grite", append([]string{"hooks", "test", "--json"}, args...)...)
	var answer struct {
		OK   bool
		Data struct {
			Hooks []struct {
				Name, WorkTree, Reason, Output string
				Fired, Expected, OK            bool
			}
		}
	}
	if err := json.Unmarshal([]byte(res.Stdout), &answer); err != nil || res.Code != code || answer.OK != (code == 0) {
		t.Fatalf("exit %d, %v: %s%s", res.Code, err, res.Stdout, res.Stderr)
	}
	found := map[string]string{}
	for _, h := range answer.Data.Hooks {
		state := "silent"
		switch {
		case h.Fired:
			state = "fired"
		case !h.Expected:
			state = "not tried"
		}
		if h.Reason != "" {
			state += ", " + h.Reason
		}
		if h.OK == strings.HasPrefix(state, "silent") {
			t.Errorf("%s is %s, and ok is %v", h.Name, state, h.OK)
		}
		found[filepath.Base(h.WorkTree)+" "+h.Name] = state
	}
	return found
}

func expectFired(t *testing.T, got, want map[string]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("got %q", got)
	}
	for hook, state := range want {
		if got[hook] != state {
			t.Errorf("%s: %s, not %s", hook, got[hook], state)
		}
	}
}

func TestHooksTrialOfEachTree(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	r.Git("config", "extensions.worktreeConfig", "true")
	r.Worktree("good")
	off := r.Worktree("off")
	off.Git("config", "--worktree", "core.hooksPath", "/dev/null")
	r.Worktree("gone")
	if err := os.RemoveAll(filepath.Join(filepath.Dir(r.Dir), "gone")); err != nil {
		t.Fatal(err)
	}
	silent := `silent, shadowed by core.hooksPath = "/dev/null" (worktree)`
	for _, from := range []*gittest.Repo{r, off, off.With("GIT_DIR=" + filepath.Join(r.Dir, ".git/worktrees/off"))} {
		expectFired(t, fired(t, from, 4), map[string]string{"repo pre-commit": "fired", "repo pre-push": "fired", "good pre-commit": "fired",
			"good pre-push": "fired", "off pre-commit": silent, "off pre-push": silent})
	}
	r.Git("clone", "-q", "--bare", ".", "../bare.git")
	bare := r.At("../bare.git")
	grite(t, bare, "hooks", "install")
	bare.Git("worktree", "add", "-q", "../linked")
	expectFired(t, fired(t, bare, 0), map[string]string{"bare.git pre-commit": "not tried, nothing is committed in a bare repository",
		"bare.git pre-push": "fired", "linked pre-commit": "fired", "linked pre-push": "fired"})
}

// TestHooksTrialOfOthers has older hooks run as they would: one that fails, one
// that looks, and one that does not come to an end.
func TestHooksTrialOfOthers(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	grite(t, r, "hooks", "uninstall")
	r = r.With("SEEN=" + filepath.Join(filepath.Dir(r.Dir), "seen"))
	script(t, r, ".git/hooks/pre-commit", "#!/bin/sh\ngit diff --cached --name-only >\"$SEEN\"\nexit 3\n")
	script(t, r, ".git/hooks/pre-push", "#!/bin/sh\nif (: </dev/tty) 2>/dev/null; then exit 0; fi\nsleep 1000 & echo $! >\"$SEEN.pid\"\nsleep 1000\n")
	grite(t, r, "hooks", "install")
	r.Write("free/x", "staged")
	r.Git("add", ".")
	expectFired(t, fired(t, r, 0, "--timeout", "3s"), map[string]string{"repo pre-commit": "fired", "repo pre-push": "fired, it was ended after 3s"})
	if seen, _ := os.ReadFile(filepath.Join(filepath.Dir(r.Dir), "seen")); string(seen) != "free/x\n" {
		t.Errorf("the older hook saw %q", seen)
	}
	pid, err := os.ReadFile(filepath.Join(filepath.Dir(r.Dir), "seen.pid"))
	if err != nil {
		t.Fatal(err) // it was asked something on a terminal
	}
	alive := func() bool { return r.Run("", "kill", "-0", strings.TrimSpace(string(pid))).Code == 0 }
	for end := time.Now().Add(10 * time.Second); alive(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("what the hook started is still there")
		}
	}
	// A hook in front of ours that calls it, and would not for an empty commit.
	r = guarded(t, "")
	grite(t, r, "hooks", "uninstall")
	for _, name := range []string{"pre-commit", "pre-push"} {
		script(t, r, ".git/hooks/"+name, "#!/bin/sh\n[ "+name+" = pre-push ] || ! git diff --cached --quiet || exit 0\ngit-grite hook "+name+" -- \"$@\"\n")
	}
	expectFired(t, fired(t, r, 0), map[string]string{"repo pre-commit": "fired", "repo pre-push": "fired"})
	script(t, r, ".git/hooks/pre-push", "#!/bin/sh\nexit 1\ngit-grite hook pre-push -- \"$@\"\n")
	expectFired(t, fired(t, r, 4), map[string]string{"repo pre-commit": "fired", "repo pre-push": "silent"})
}
