package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

func TestHooksChain(t *testing.T) {
	for name, tt := range map[string]struct {
		hook string
		mode os.FileMode
		link bool
		code int // of git commit, as without us
		runs bool
	}{
		"succeeds":       {"#!/bin/sh\necho ran >&2\n", 0o755, false, 0, true},
		"fails":          {"#!/bin/sh\necho ran >&2\nexit 3\n", 0o755, false, 1, true},
		"no shebang":     {"echo ran >&2\n", 0o755, false, 0, true},
		"not executable": {"#!/bin/sh\necho ran >&2\nexit 1\n", 0o644, false, 0, false},
		"symlink":        {"#!/bin/sh\necho ran >&2\nexit 1\n", 0o755, true, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := gittest.New(t)
			path := filepath.Join(r.Dir, ".git/hooks/pre-commit")
			if tt.link {
				r.Write(".git/hooks/real", tt.hook)
				if err := os.Chmod(filepath.Join(r.Dir, ".git/hooks/real"), tt.mode); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink("real", path); err != nil {
					t.Fatal(err)
				}
			} else {
				r.Write(".git/hooks/pre-commit", tt.hook)
				if err := os.Chmod(path, tt.mode); err != nil {
					t.Fatal(err)
				}
			}
			commit := func(r *gittest.Repo) {
				t.Helper()
				res := r.Run("", "git", "commit", "--allow-empty", "-m", "x")
				if res.Code != tt.code || strings.Contains(res.Stderr, "ran\n") != tt.runs {
					t.Errorf("exit %d, %q", res.Code, res.Stderr)
				}
			}
			before, _ := os.Lstat(path)
			commit(r)
			grite(t, r, "hooks", "install")
			commit(r)
			without(t, r, commit)
			grite(t, r, "hooks", "install")
			grite(t, r, "hooks", "status")
			grite(t, r, "hooks", "uninstall")
			commit(r)
			after, err := os.Lstat(path)
			if err != nil || after.Mode() != before.Mode() {
				t.Fatalf("after uninstall: %v, %v", after, err)
			}
			if text, _ := os.ReadFile(path); string(text) != tt.hook {
				t.Errorf("the hook is not as it was: %q", text)
			}
			if _, err := os.Lstat(path + ".pre-grite"); err == nil {
				t.Error("the saved hook is still there")
			}
		})
	}
	t.Run("pre-push reads stdin", func(t *testing.T) {
		t.Parallel()
		r := guarded(t, "")
		remote := filepath.Join(filepath.Dir(r.Dir), "remote.git")
		r.Git("init", "-q", "--bare", remote)
		r.Git("config", "alias.p", "push --no-verify") // what the hook saw is in a file
		grite(t, r, "hooks", "uninstall")
		r.Write(".git/hooks/pre-push", "#!/bin/sh\ncat >\"$GIT_DIR_OF_TEST/seen\"; echo \"$@\" >>\"$GIT_DIR_OF_TEST/seen\"\n")
		if err := os.Chmod(filepath.Join(r.Dir, ".git/hooks/pre-push"), 0o755); err != nil {
			t.Fatal(err)
		}
		grite(t, r, "hooks", "install")
		r = r.With("GIT_DIR_OF_TEST="+filepath.Dir(r.Dir), "GRITE_LOCK_POLICY=require")
		r.Git("push", "-q", remote, "main")
		seen, _ := os.ReadFile(filepath.Join(filepath.Dir(r.Dir), "seen"))
		if !strings.Contains(string(seen), "refs/heads/main "+r.Git("rev-parse", "HEAD")) || !strings.HasSuffix(string(seen), remote+" "+remote+"\n") {
			t.Errorf("the old hook saw %q", seen)
		}
		r.Write("src/a.go", "y")
		r.Git("commit", "-q", "--no-verify", "-am", "x")
		grite(t, r.With("GRITE_ACTOR=alice"), "lock", "acquire", "-r", "path:src/")
		if res := r.Run("", "git", "push", remote, "main"); res.Code == 0 {
			t.Error("we did not see what the old hook read")
		}
	})
}

// TestHooksChainOfTwo is what is left when another program moved ours away: two
// older hooks, which both are told everything, with and without git-grite.
func TestHooksChainOfTwo(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	r = r.With("SEEN="+filepath.Join(filepath.Dir(r.Dir), "seen"), "GRITE_LOCK_POLICY=require")
	remote := filepath.Join(filepath.Dir(r.Dir), "remote.git")
	old := "#!/bin/sh\n{ echo %s \"$@\"; cat; } >>\"$SEEN\"\n"
	for i, name := range []string{"pre-push.pre-grite", "pre-push.pre-grite-2"} {
		script(t, r, ".git/hooks/"+name, strings.Replace(old, "%s", []string{"first", "second"}[i], 1))
	}
	both := func(f func(name string, r *gittest.Repo)) {
		f("with", r)
		without(t, r, func(r *gittest.Repo) { f("without", r) })
	}
	both(func(name string, r *gittest.Repo) {
		os.Remove(filepath.Join(filepath.Dir(r.Dir), "seen"))
		os.RemoveAll(remote)
		r.Git("init", "-q", "--bare", remote)
		r.Git("push", "-q", remote, "main")
		line := r.Git("rev-parse", "refs/heads/main")
		line = "refs/heads/main " + line + " refs/heads/main " + strings.Repeat("0", len(line)) + "\n"
		args := " " + remote + " " + remote + "\n"
		if seen, _ := os.ReadFile(filepath.Join(filepath.Dir(r.Dir), "seen")); string(seen) != "first"+args+line+"second"+args+line {
			t.Errorf("%s git-grite they saw %q", name, seen)
		}
	})
	script(t, r, ".git/hooks/pre-push.pre-grite", "#!/bin/sh\nexit 3\n")
	r.Git("commit", "-q", "--allow-empty", "-m", "more")
	both(func(name string, r *gittest.Repo) {
		if res := r.Run("", "git", "push", "-q", remote, "main"); res.Code == 0 {
			t.Errorf("%s git-grite the first one's failure is lost", name)
		}
	})
}

// TestShims holds the two shims against each other and runs them where there is
// no program at all that they could start.
func TestShims(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	texts := map[string]string{}
	for _, name := range []string{"pre-commit", "pre-push"} {
		path := filepath.Join(r.Dir, ".git/hooks", name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
		without(t, r, func(r *gittest.Repo) {
			res := came(t, name, r.With("PATH="+t.TempDir()).Run("", "/bin/sh", path)).exits(0, "rm '"+path+"'")
			if strings.Count(res.Stderr, "\n") != 1 {
				t.Errorf("%s said %q", name, res.Stderr)
			}
		})
	}
	if strings.ReplaceAll(texts["pre-commit"], "pre-commit", "pre-push") != texts["pre-push"] {
		t.Error("the shims differ by more than their names")
	}
}

// script writes something to execute.
func script(t *testing.T, r *gittest.Repo, path, text string) {
	t.Helper()
	r.Write(path, "") // its directory
	path = filepath.Join(r.Dir, path)
	gittest.Executable(t, path, text)
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestFrameworkPush runs our hooks as the pre-commit framework does, which tells
// of a push in its own variables.
func TestFrameworkPush(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/").With("GRITE_LOCK_POLICY=require", "PRE_COMMIT=1")
	from := r.Git("rev-parse", "HEAD")
	r.Write("src/a.go", "y")
	r.Git("commit", "-q", "--no-verify", "-am", "locked")
	locked := r.Git("rev-parse", "HEAD")
	r.Write("free/x", "y")
	r.Git("commit", "-q", "--no-verify", "-am", "free")
	r.Write("src/a.go", "z")
	r.Git("add", ".")
	remote := []string{"PRE_COMMIT_REMOTE_NAME=origin", "PRE_COMMIT_REMOTE_URL=/nowhere", "PRE_COMMIT_LOCAL_BRANCH=refs/heads/main", "PRE_COMMIT_REMOTE_BRANCH=refs/heads/main"}
	for name, tt := range map[string]struct {
		hook string
		env  []string
		stop bool
	}{
		"what is locked":     {"pre-push", append([]string{"PRE_COMMIT_FROM_REF=" + from, "PRE_COMMIT_TO_REF=" + locked}, remote...), true},
		"what is free":       {"pre-push", append([]string{"PRE_COMMIT_FROM_REF=" + locked, "PRE_COMMIT_TO_REF=HEAD"}, remote...), false},
		"first push":         {"pre-push", remote, true},
		"no push":            {"pre-push", nil, false},
		"commit":             {"pre-commit", nil, true},
		"commit's at push":   {"pre-commit", remote, false},
		"branch like a flag": {"pre-push", append(remote[:2:2], "PRE_COMMIT_LOCAL_BRANCH=--all"), false},
	} {
		res := r.With(tt.env...).Run("", "git-grite", "hook", tt.hook)
		if stop := res.Code == 4; stop != tt.stop || stop != strings.Contains(res.Stderr, "src/a.go") || !stop && res.Code != 0 {
			t.Errorf("%s: exit %d, %q", name, res.Code, res.Stderr)
		}
	}
}

// TestHooksHint is said once in a clone that is set up and has no hooks.
func TestHooksHint(t *testing.T) {
	t.Parallel()
	const hint = "hooks are not installed here: git grite init"
	r := gittest.New(t)
	grite(t, r, "init", "--no-hooks")
	for i, said := range []bool{true, false} {
		if res := grite(t, r, "lock", "status"); strings.Contains(res.Stderr, hint) != said {
			t.Errorf("call %d: %q", i+1, res.Stderr)
		}
	}
	// A hook that calls ours is as good.
	r = gittest.New(t)
	grite(t, r, "init", "--no-hooks")
	for _, name := range []string{"pre-commit", "pre-push"} {
		script(t, r, ".git/hooks/"+name, "#!/bin/sh\ngit-grite hook "+name+" -- \"$@\" || exit\n")
	}
	if res := grite(t, r, "lock", "status"); strings.Contains(res.Stderr, hint) {
		t.Errorf("with hooks: %q", res.Stderr)
	}
}
