package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// guarded is a repository with hooks in which alice holds a lock.
func guarded(t *testing.T, resource string, initArgs ...string) *gittest.Repo {
	t.Helper()
	r := gittest.New(t, initArgs...)
	for path, content := range map[string]string{
		"src/a.go": "1\n2\n3\n4\n5\n6\n7\n8\n", "src/run.sh": "#!/bin/sh\n", "free/x": "x\n", "src/sp ace": "s\n", "src/ü*[1].txt": "u\n",
	} {
		r.Write(path, content)
	}
	r.Git("add", ".")
	r.Git("commit", "-q", "-m", "second")
	grite(t, r, "init")
	if resource != "" {
		grite(t, r.With("GRITE_ACTOR=alice"), "lock", "acquire", "-r", resource, "--reason", "rework")
	}
	return r
}

// outcomes runs act in a fresh repository under each policy and checks that it
// is stopped, reported and silent in turn.
func outcomes(t *testing.T, resource, path string, act func(r *gittest.Repo) gittest.Result, initArgs ...string) {
	t.Helper()
	fresh := guarded(t, resource, initArgs...)
	for _, policy := range []string{"require", "warn", "off"} {
		res := act(fresh.Copy().With("GRITE_LOCK_POLICY=" + policy))
		said := strings.Contains(res.Stderr, path) && strings.Contains(res.Stderr, "alice")
		if blocked := res.Code != 0; blocked != (policy == "require") || said != (policy != "off") {
			t.Errorf("%s: exit %d, %q", policy, res.Code, res.Stderr)
		}
	}
}

func TestPreCommitBlocks(t *testing.T) {
	commit := []string{"commit", "-m", "x"}
	git := func(r *gittest.Repo, args ...string) gittest.Result { return r.Run("", "git", args...) }
	for name, tt := range map[string]struct {
		path string
		act  func(r *gittest.Repo) gittest.Result
	}{
		"modify": {"src/a.go", func(r *gittest.Repo) gittest.Result { r.Write("src/a.go", "y"); return git(r, "commit", "-am", "x") }},
		"add": {"src/new", func(r *gittest.Repo) gittest.Result {
			r.Write("src/new", "y")
			r.Git("add", ".")
			return git(r, commit...)
		}},
		"delete": {"src/a.go", func(r *gittest.Repo) gittest.Result { r.Git("rm", "-q", "src/a.go"); return git(r, commit...) }},
		"away":   {"src/a.go", func(r *gittest.Repo) gittest.Result { r.Git("mv", "src/a.go", "free/a.go"); return git(r, commit...) }},
		"into":   {"src/y", func(r *gittest.Repo) gittest.Result { r.Git("mv", "free/x", "src/y"); return git(r, commit...) }},
		"mode": {"src/run.sh", func(r *gittest.Repo) gittest.Result {
			r.Git("update-index", "--chmod=+x", "src/run.sh")
			return git(r, commit...)
		}},
		"symlink": {"src/ln", func(r *gittest.Repo) gittest.Result {
			if err := os.Symlink("a.go", filepath.Join(r.Dir, "src/ln")); err != nil {
				t.Fatal(err)
			}
			r.Git("add", ".")
			return git(r, commit...)
		}},
		"only": {"src/a.go", func(r *gittest.Repo) gittest.Result {
			r.Write("src/a.go", "y")
			return git(r, "commit", "-m", "x", "--only", "--", "src/a.go")
		}},
		"patch": {"src/a.go", func(r *gittest.Repo) gittest.Result {
			r.Write("src/a.go", "y\n")
			return r.Run("y\n", "git", "commit", "-p", "-m", "x")
		}},
		"amend": {"src/a.go", func(r *gittest.Repo) gittest.Result {
			r.Write("src/a.go", "y")
			return git(r, "commit", "-a", "--amend", "-m", "x")
		}},
		"subdirectory": {"src/a.go", func(r *gittest.Repo) gittest.Result {
			r.Write("src/a.go", "y")
			return git(r.At("free"), "commit", "-am", "x")
		}},
		"worktree": {"src/a.go", func(r *gittest.Repo) gittest.Result {
			w := r.Worktree("wt")
			w.Write("src/a.go", "y")
			return git(w, "commit", "-am", "x")
		}},
		"space": {"src/sp ace", func(r *gittest.Repo) gittest.Result { r.Write("src/sp ace", "y"); return git(r, "commit", "-am", "x") }},
		"globs": {"src/ü*[1].txt", func(r *gittest.Repo) gittest.Result {
			r.Write("src/ü*[1].txt", "y")
			return git(r, "commit", "-am", "x")
		}},
		"newline": {`src/n\nl`, func(r *gittest.Repo) gittest.Result {
			r.Write("src/n\nl", "y")
			r.Git("add", ".")
			return git(r, commit...)
		}},
		"gitlink": {"src/sub", func(r *gittest.Repo) gittest.Result {
			r.Git("update-index", "--add", "--cacheinfo", "160000,"+r.Git("rev-parse", "HEAD")+",src/sub")
			r.Git("config", "diff.ignoreSubmodules", "all")
			return git(r, "commit", "--allow-empty", "-m", "x")
		}},
		"odd settings": {"src/a.go", func(r *gittest.Repo) gittest.Result {
			for k, v := range map[string]string{"diff.orderFile": "README", "diff.relative": "true", "diff.renames": "copies", "diff.noprefix": "true", "core.quotePath": "true", "status.relativePaths": "true", "diff.external": "false"} {
				r.Git("config", k, v)
			}
			r.Write("src/a.go", "y")
			return git(r.At("free"), "commit", "-q", "-am", "x")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outcomes(t, "path:src/", tt.path, tt.act)
		})
	}
	t.Run("sha256", func(t *testing.T) {
		t.Parallel()
		outcomes(t, "path:**/*.go", "src/a.go", func(r *gittest.Repo) gittest.Result {
			r.Write("src/a.go", "y")
			return git(r, "commit", "-am", "x")
		}, "--object-format=sha256")
	})
	t.Run("root commit", func(t *testing.T) {
		t.Parallel()
		for _, format := range []string{"sha1", "sha256"} {
			outcomes(t, "path:free/", "free/x", func(r *gittest.Repo) gittest.Result {
				r.Git("checkout", "-q", "--orphan", "other")
				return git(r, commit...)
			}, "--object-format="+format)
		}
	})
	t.Run("repo lock", func(t *testing.T) {
		t.Parallel()
		outcomes(t, "repo:freeze", "free/x", func(r *gittest.Repo) gittest.Result {
			r.Write("free/x", "y")
			return git(r, "commit", "-am", "x")
		})
	})
	t.Run("10,000 files", func(t *testing.T) {
		t.Parallel()
		r := guarded(t, "path:src/").With("GRITE_LOCK_POLICY=require")
		for i := range 10000 {
			r.Write(fmt.Sprintf("src/d%d/f%d", i%50, i), "y")
		}
		r.Git("add", ".")
		res := git(r, commit...)
		if res.Code == 0 || !strings.Contains(res.Stderr, "10000 changed paths") || !strings.Contains(res.Stderr, "and 9990 more") {
			t.Errorf("exit %d, %.600s", res.Code, res.Stderr)
		}
	})
}

func TestPreCommitLetsPass(t *testing.T) {
	change := func(r *gittest.Repo, path string) gittest.Result {
		r.Write(path, "y")
		r.Git("add", ".")
		return r.Run("", "git", "commit", "-m", "x")
	}
	for name, act := range map[string]func(t *testing.T, r *gittest.Repo) gittest.Result{
		"own lock": func(t *testing.T, r *gittest.Repo) gittest.Result {
			return change(r.With("GRITE_ACTOR=alice"), "src/a.go")
		},
		"other path": func(t *testing.T, r *gittest.Repo) gittest.Result { return change(r, "free/x") },
		"expired": func(t *testing.T, r *gittest.Repo) gittest.Result {
			return change(r.With("GRITE_TEST_SHIFT=1h"), "src/a.go")
		},
		"damaged": func(t *testing.T, r *gittest.Repo) gittest.Result {
			grite(t, r.With("GRITE_ACTOR=alice"), "lock", "release", "--mine")
			r.Record(gittest.LockRef("path:src/"), `{"owner": "x"}`)
			return change(r, "src/a.go")
		},
		"issue": func(t *testing.T, r *gittest.Repo) gittest.Result {
			grite(t, r.With("GRITE_ACTOR=alice"), "lock", "release", "--mine")
			grite(t, r.With("GRITE_ACTOR=alice"), "lock", "acquire", "-r", "issue:1")
			return change(r, "src/a.go")
		},
		"never set up": func(t *testing.T, r *gittest.Repo) gittest.Result {
			r.Git("update-ref", "-d", gittest.LockRef("path:src/"))
			if err := os.RemoveAll(filepath.Join(r.Dir, ".git/grite")); err != nil {
				t.Fatal(err)
			}
			return change(r, "src/a.go")
		},
		"clean merge": func(t *testing.T, r *gittest.Repo) gittest.Result {
			r.Git("checkout", "-q", "-b", "other")
			change(r.With("GRITE_ACTOR=alice"), "src/a.go")
			r.Git("checkout", "-q", "main")
			change(r, "free/x")
			return r.Run("", "git", "merge", "-q", "other")
		},
		"conflict elsewhere": func(t *testing.T, r *gittest.Repo) gittest.Result {
			r.Git("checkout", "-q", "-b", "other")
			alice := r.With("GRITE_ACTOR=alice")
			alice.Write("free/x", "theirs")
			change(alice, "src/a.go")
			r.Git("checkout", "-q", "main")
			change(r, "free/x")
			r.Run("", "git", "merge", "-q", "other")
			return change(r, "free/x")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := guarded(t, "path:src/").With("GRITE_LOCK_POLICY=require")
			if res := act(t, r); res.Code != 0 || strings.Contains(res.Stderr, "git-grite") {
				t.Errorf("exit %d, %q", res.Code, res.Stderr)
			}
		})
	}
	for name, broken := range map[string]string{"config": "lock_policy = 7\n", "toml": "lock_policy = \n"} {
		t.Run("broken "+name, func(t *testing.T) {
			t.Parallel()
			r := guarded(t, "path:src/")
			r.Write(".git/grite/config.toml", broken)
			res := change(r, "free/x")
			if res.Code != 0 || strings.Count(res.Stderr, "git-grite: ") != 1 || !strings.Contains(res.Stderr, "config.toml:1") {
				t.Errorf("exit %d, %q", res.Code, res.Stderr)
			}
		})
	}
	t.Run("no git-grite", func(t *testing.T) {
		t.Parallel()
		r := guarded(t, "path:src/")
		without(t, r, func(r *gittest.Repo) {
			res := came(t, "commit", change(r, "src/a.go")).exits(0, "not found on PATH")
			if strings.Count(res.Stderr, "\n") != 1 {
				t.Errorf("said %q", res.Stderr)
			}
		})
	})
}

func TestPreCommitMergeEdits(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/a.go").With("GRITE_LOCK_POLICY=require")
	alice := r.With("GRITE_ACTOR=alice")
	r.Git("checkout", "-q", "-b", "other")
	alice.Write("src/a.go", "1\n2\n3 theirs\n4\n5\n6\n7\n8\n")
	alice.Git("commit", "-qam", "theirs")
	r.Git("checkout", "-q", "main")
	r.Write("src/a.go", "1\n2\n3 ours\n4\n5\n6\n7\n8\n")
	r.Git("commit", "-q", "--no-verify", "-am", "ours")
	if res := r.Run("", "git", "merge", "other"); res.Code == 0 {
		t.Fatal("no conflict")
	}
	r.Write("src/a.go", "1\n2\n3 both\n4\n5\n6\n7\n8\n")
	r.Git("add", ".")
	if res := r.Run("", "git", "commit", "-m", "merge"); res.Code == 0 || !strings.Contains(res.Stderr, "src/a.go") {
		t.Errorf("a conflict resolved in a locked file: exit %d, %q", res.Code, res.Stderr)
	}
}

func TestWaysOnWork(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/").With("GRITE_LOCK_POLICY=require")
	r.Write("src/sp ace", "y")
	res := r.Run("", "git", "commit", "-am", "x")
	var wait string
	for line := range strings.Lines(res.Stderr) {
		if rest, ok := strings.CutPrefix(line, "wait for it: "); ok {
			wait = strings.TrimSpace(rest)
		}
	}
	for _, want := range []string{"path:src/ held by alice (", "14m left: rework", "override:    git commit --no-verify"} {
		if !strings.Contains(res.Stderr, want) {
			t.Errorf("no %q in %q", want, res.Stderr)
		}
	}
	grite(t, r.With("GRITE_ACTOR=alice"), "lock", "release", "--mine")
	if res := r.Run("", "sh", "-c", wait); res.Code != 0 {
		t.Fatalf("%s: exit %d, %s", wait, res.Code, res.Stderr)
	}
	git(t, r, "commit", "-am", "x").exits(0)
}

func TestPrePush(t *testing.T) {
	setUp := func(t *testing.T) *gittest.Repo {
		r := guarded(t, "")
		remote := filepath.Join(filepath.Dir(r.Dir), "remote.git")
		r.Git("init", "-q", "--bare", remote)
		r.Git("remote", "add", "origin", remote)
		r.Git("push", "-q", "origin", "main")
		return r.With("GRITE_LOCK_POLICY=require")
	}
	lock := func(t *testing.T, r *gittest.Repo) {
		grite(t, r.With("GRITE_ACTOR=alice"), "lock", "acquire", "-r", "path:src/a.go")
	}
	change := func(r *gittest.Repo, path, content string) {
		r.Write(path, content)
		r.Git("add", ".")
		r.Git("commit", "-q", "-m", "change "+path)
	}
	for name, tt := range map[string]struct {
		blocked bool
		act     func(t *testing.T, r *gittest.Repo) gittest.Result
	}{
		"older commit": {true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			change(r, "src/a.go", "y\n")
			change(r, "free/x", "y\n")
			lock(t, r)
			return r.Run("", "git", "push", "origin", "main")
		}},
		"reverted in the range": {true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			change(r, "src/a.go", "y\n")
			r.Git("revert", "--no-edit", "HEAD")
			lock(t, r)
			return r.Run("", "git", "push", "origin", "main")
		}},
		"new branch to a URL": {true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			change(r, "src/a.go", "y\n")
			lock(t, r)
			return r.Run("", "git", "push", r.Git("remote", "get-url", "origin"), "HEAD:refs/heads/new")
		}},
		"root commit": {true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			r.Git("checkout", "-q", "--orphan", "other")
			r.Git("commit", "-q", "-m", "root")
			lock(t, r)
			return r.Run("", "git", "push", "origin", "other")
		}},
		"merge with an edit": {true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			r.Git("checkout", "-q", "-b", "other")
			change(r, "free/y", "y\n")
			r.Git("checkout", "-q", "main")
			change(r, "free/z", "y\n")
			r.Git("merge", "-q", "--no-commit", "other")
			r.Write("src/a.go", "by hand\n")
			r.Git("add", ".")
			r.Git("commit", "-q", "-m", "merge")
			lock(t, r)
			return r.Run("", "git", "push", "origin", "main")
		}},
		"merge by git itself": {false, func(t *testing.T, r *gittest.Repo) gittest.Result {
			r.Git("checkout", "-q", "-b", "other")
			change(r, "src/a.go", "1 theirs\n2\n3\n4\n5\n6\n7\n8\n")
			r.Git("checkout", "-q", "main")
			change(r, "src/a.go", "1\n2\n3\n4\n5\n6\n7\n8 ours\n")
			r.Git("push", "-q", "origin", "main", "other")
			r.Git("merge", "-q", "-m", "merge", "other")
			lock(t, r)
			return r.Run("", "git", "push", "origin", "main")
		}},
		"tag of what is published": {false, func(t *testing.T, r *gittest.Repo) gittest.Result {
			change(r, "src/a.go", "y\n")
			r.Git("push", "-q", "origin", "main")
			lock(t, r)
			r.Git("tag", "-a", "-m", "v1", "v1")
			return r.Run("", "git", "push", "origin", "v1", "main:refs/heads/copy")
		}},
		"deletion": {false, func(t *testing.T, r *gittest.Repo) gittest.Result {
			r.Git("push", "-q", "origin", "main:refs/heads/old")
			change(r, "src/a.go", "y\n")
			lock(t, r)
			return r.Run("", "git", "push", "origin", "--delete", "old")
		}},
		"other path": {false, func(t *testing.T, r *gittest.Repo) gittest.Result {
			change(r, "free/x", "y\n")
			lock(t, r)
			return r.Run("", "git", "push", "--porcelain", "origin", "main")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := tt.act(t, setUp(t))
			if blocked := res.Code != 0; blocked != tt.blocked || blocked != strings.Contains(res.Stderr, "src/a.go") {
				t.Errorf("exit %d, %q", res.Code, res.Stderr)
			}
			if strings.Contains(res.Stdout, "git-grite") {
				t.Errorf("on stdout: %q", res.Stdout)
			}
		})
	}
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, what string, most int, got []string) {
		t.Helper()
		if len(got) > most {
			t.Errorf("%s started %d git processes, %d are allowed: %q", what, len(got), most, got)
		}
	}
	r := guarded(t, "")
	r.Write("src/a.go", "y")
	r.Git("add", ".")
	hooked, count := r.Trace(0)
	run := func(what string, most int, args ...string) {
		t.Helper()
		res := hooked.Run("refs/heads/main 0000000000000000000000000000000000000000 refs/heads/main 0000000000000000000000000000000000000001\n", "git-grite", args...)
		if res.Code != 0 && res.Code != 4 {
			t.Errorf("%s: exit %d, %s", what, res.Code, res.Stderr)
		}
		check(t, what, most, count())
	}
	run("pre-commit without locks", 1, "hook", "pre-commit")
	run("first acquire", 2, "lock", "acquire", "-r", "path:src/a.go")
	run("acquire of what is not there yet", 2, "lock", "acquire", "-r", "path:src/new.go")
	run("pre-commit with own locks", 1, "hook", "pre-commit")
	run("renew", 2, "lock", "renew", "--mine")
	run("status", 1, "lock", "status")
	grite(t, r.With("GRITE_ACTOR=alice"), "lock", "acquire", "-r", "path:other/")
	run("pre-commit with locks of others", 2, "hook", "pre-commit")
	run("pre-push of a deletion", 1, "hook", "pre-push", "origin", "nowhere")
	run("refused acquire", 1, "lock", "acquire", "-r", "path:other/x")
	run("release", 2, "lock", "release", "--mine")
	r.Git("gc", "-q", "--prune=now")
	run("status of packed locks", 2, "lock", "status")
}
