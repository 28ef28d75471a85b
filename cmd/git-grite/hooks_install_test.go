package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// hooksFire checks that status says that git runs our hooks, and that it does.
func hooksFire(t *testing.T, r *gittest.Repo) {
	t.Helper()
	for _, command := range []string{"status", "test"} {
		try(t, r, "hooks", command).exits(0)
	}
}

func TestHooksPlaces(t *testing.T) {
	for name, place := range map[string]func(t *testing.T, r *gittest.Repo) *gittest.Repo{
		"subdirectory":    func(_ *testing.T, r *gittest.Repo) *gittest.Repo { r.Write("sub/x", ""); return r.At("sub") },
		"linked worktree": func(_ *testing.T, r *gittest.Repo) *gittest.Repo { return r.Worktree("wt") },
		"submodule": func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("submodule", "add", "-q", r.Dir, "mod")
			return r.At("mod")
		},
		"bare": func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("clone", "-q", "--bare", ".", "../bare.git")
			return r.At("../bare.git")
		},
		"linked to bare": func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("clone", "-q", "--bare", ".", "../bare.git")
			return r.At("../bare.git").Worktree("wt")
		},
		"separate git directory": func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("init", "-q", "--separate-git-dir", "../apart.git")
			return r
		},
		"linked to separate": func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("init", "-q", "--separate-git-dir", "../apart.git")
			return r.Worktree("wt")
		},
		"template without hooks": func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("init", "-q", "--template="+t.TempDir(), "../other")
			return r.At("../other")
		},
		"sha256": func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("init", "-q", "--object-format=sha256", "../other")
			o := r.At("../other")
			o.Git("commit", "-q", "--allow-empty", "-m", "first")
			return o
		},
		"shallow": func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("commit", "-q", "--allow-empty", "-m", "second")
			r.Git("clone", "-q", "--depth=1", "file://"+r.Dir, "../other")
			return r.At("../other")
		},
		"relative path": func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Worktree("wt") // it is another directory there, unless both are in one
			r.Git("config", "core.hooksPath", "../hooks")
			return r
		},
		"relative path to own": func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("config", "core.hooksPath", ".git/hooks")
			return r
		},
		"absolute path with a space": func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("config", "core.hooksPath", filepath.Join(t.TempDir(), "my hooks"))
			return r
		},
		"path of one worktree": func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("config", "extensions.worktreeConfig", "true")
			w := r.Worktree("wt")
			w.Git("config", "--worktree", "core.hooksPath", filepath.Join(t.TempDir(), "hooks"))
			return r // both are installed from here
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := place(t, gittest.New(t))
			grite(t, r, "hooks", "install")
			hooksFire(t, r)
			if res := grite(t, r, "hooks", "install"); strings.Contains(res.Stdout, "installed") || !strings.Contains(res.Stdout, "unchanged") {
				t.Errorf("installed twice: %s", res.Stdout)
			}
			grite(t, r, "hooks", "uninstall")
			for _, command := range []string{"status", "test"} {
				try(t, r, "hooks", command).exits(4)
			}
		})
	}
}

func TestHooksRefused(t *testing.T) {
	hook := ".git/hooks/pre-commit"
	for name, tt := range map[string]struct {
		arrange func(t *testing.T, r *gittest.Repo)
		says    string
	}{
		"global path": {func(t *testing.T, r *gittest.Repo) { r.Git("config", "--global", "core.hooksPath", t.TempDir()) }, "(global)"},
		"empty path":  {func(_ *testing.T, r *gittest.Repo) { r.Git("config", "core.hooksPath", "") }, "git config --local --unset core.hooksPath"},
		"null device": {func(_ *testing.T, r *gittest.Repo) { r.Git("config", "core.hooksPath", "/dev/null") }, "turns all hooks off"},
		"in the tree": {func(_ *testing.T, r *gittest.Repo) { r.Git("config", "core.hooksPath", ".githooks") }, ".githooks/pre-push:"},
		"in one tree": {func(_ *testing.T, r *gittest.Repo) {
			r.Git("config", "extensions.worktreeConfig", "true")
			r.Git("config", "--worktree", "core.hooksPath", ".githooks")
		}, "(worktree)"},
		"own name":   {func(t *testing.T, r *gittest.Repo) { script(t, r, hook, "#!/bin/sh\n\"run-$(basename \"$0\")\"\n") }, "add a line to it"},
		"own suffix": {func(t *testing.T, r *gittest.Repo) { script(t, r, hook, "#!/bin/sh\nrun ${0##*/}\n") }, "add a line to it"},
		"one file for several": {func(t *testing.T, r *gittest.Repo) {
			script(t, r, ".git/hooks/all", "#!/bin/sh\n")
			for _, name := range []string{"pre-commit", "commit-msg"} {
				if err := os.Symlink("all", filepath.Join(r.Dir, ".git/hooks", name)); err != nil {
					t.Fatal(err)
				}
			}
		}, "by its own name"},
		"saved name taken": {func(t *testing.T, r *gittest.Repo) {
			script(t, r, hook, "#!/bin/sh\n: new\n")
			script(t, r, hook+".pre-grite", "#!/bin/sh\n: old\n")
		}, "pre-commit.pre-grite exists too"},
		"ours replaced": {func(t *testing.T, r *gittest.Repo) {
			script(t, r, hook, "#!/bin/sh\n: old\n")
			grite(t, r, "hooks", "install")
			script(t, r, hook, "#!/bin/sh\n: new\n")
		}, "pre-commit.pre-grite exists too"},
		"directory": {func(_ *testing.T, r *gittest.Repo) { r.Write(hook+"/x", "") }, "is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := gittest.New(t)
			tt.arrange(t, r)
			before := files(t, r.Dir)
			res := r.Run("", "git-grite", "hooks", "install")
			if res.Code != 5 || !strings.Contains(res.Stderr, tt.says) {
				t.Errorf("exit %d, %q", res.Code, res.Stderr)
			}
			if after := files(t, r.Dir); after != before {
				t.Errorf("something was written: %s\nbefore: %s", after, before)
			}
			try(t, r, "hooks", "status").exits(4)
			try(t, r, "init").exits(0, "hooks are not installed: ")
		})
	}
}

// files lists what is below a directory, with modes and contents.
func files(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		content, _ := os.Readlink(path)
		if d.Type().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = string(text)
		}
		rel, _ := filepath.Rel(dir, path)
		all.WriteString(rel + " " + st.Mode().String() + " " + content + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// TestHooksLine adds the line that a refusal prints, and it works: in a tracked
// directory of hooks, and in a hook that decides by its own name.
func TestHooksLine(t *testing.T) {
	for name, dir := range map[string]string{"in the tree": ".githooks", "own name": ".git/hooks"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := guarded(t, "path:src/")
			grite(t, r, "hooks", "uninstall")
			for _, hook := range []string{"pre-commit", "pre-push"} {
				script(t, r, dir+"/"+hook, "#!/bin/sh -e\ncase $(basename \"$0\") in *) echo theirs >&2 ;; esac\n")
			}
			r.Git("config", "core.hooksPath", dir)
			for pasted := false; ; pasted = true {
				res := r.Run("", "git-grite", "hooks", "install")
				if res.Code == 0 {
					if !pasted || strings.Count(res.Stdout, "unchanged") != 2 {
						t.Errorf("install: %s", res.Stdout)
					}
					break
				}
				paste(t, res.Stderr)
			}
			hooksFire(t, r)
			grite(t, r, "hooks", "uninstall")
			hooksFire(t, r) // the line is the user's
			r = r.With("GRITE_LOCK_POLICY=require")
			r.Write("src/a.go", "y")
			if res := r.Run("", "git", "commit", "-am", "x"); res.Code == 0 || !strings.Contains(res.Stderr, "theirs\n") || !strings.Contains(res.Stderr, "locked by others") {
				t.Errorf("exit %d, %q", res.Code, res.Stderr)
			}
			without(t, r, func(r *gittest.Repo) { git(t, r, "commit", "-am", "x").exits(0) })
		})
	}
}

// paste adds the lines that follow on "PATH:" to the files that those name.
func paste(t *testing.T, words string) {
	t.Helper()
	path := ""
	pasted := false
	for line := range strings.Lines(words) {
		line = strings.TrimSpace(line)
		if path != "" {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString(line + "\n"); err != nil {
				t.Fatal(err)
			}
			f.Close()
			path, pasted = "", true
		} else if strings.HasPrefix(line, "/") && strings.HasSuffix(line, ":") {
			path = strings.TrimSuffix(line, ":")
		}
	}
	if !pasted {
		t.Fatalf("nothing to paste in %s", words)
	}
}

func TestHooksUpgrade(t *testing.T) {
	t.Parallel()
	old := "#!/bin/sh\n# git-grite hook shim, format 0 -- whatever else\nexec git-grite hook pre-commit --chain \"$0.pre-grite\" -- \"$@\"\n"
	theirs := "#!/bin/sh\necho theirs >&2\n"
	r := guarded(t, "")
	path := filepath.Join(r.Dir, ".git/hooks/pre-commit")
	script(t, r, ".git/hooks/pre-commit", old)
	script(t, r, ".git/hooks/pre-commit.pre-grite", theirs)
	if res := grite(t, r, "hooks", "status"); !strings.Contains(res.Stdout, "older form") {
		t.Errorf("status: %s", res.Stdout)
	}
	hooksFire(t, r)
	if res := grite(t, r, "hooks", "install"); !strings.Contains(res.Stdout, "pre-commit: updated") || !strings.Contains(res.Stdout, "pre-push: unchanged") {
		t.Errorf("install: %s", res.Stdout)
	}
	if text, _ := os.ReadFile(path); string(text) == old {
		t.Error("the shim is as it was")
	}
	hooksFire(t, r)
	git(t, r, "commit", "--allow-empty", "-m", "x").exits(0, "theirs")
	script(t, r, ".git/hooks/pre-commit", old)
	grite(t, r, "hooks", "uninstall")
	if text, _ := os.ReadFile(path); string(text) != theirs {
		t.Errorf("uninstall of an older form leaves %q", text)
	}
}

func TestHooksStatusStates(t *testing.T) {
	shim := func(r *gittest.Repo) string {
		text, _ := os.ReadFile(filepath.Join(r.Dir, ".git/hooks/pre-commit"))
		return string(text)
	}
	for state, arrange := range map[string]func(t *testing.T, r *gittest.Repo, path string) error{
		"missing":  func(_ *testing.T, _ *gittest.Repo, path string) error { return os.Remove(path) },
		"disabled": func(_ *testing.T, _ *gittest.Repo, path string) error { return os.Chmod(path, 0o644) },
		"dangling": func(_ *testing.T, _ *gittest.Repo, path string) error {
			os.Remove(path)
			return os.Symlink("nowhere", path)
		},
		"foreign": func(t *testing.T, r *gittest.Repo, _ string) error {
			script(t, r, ".git/hooks/pre-commit", "#!/bin/sh\n# git-grite hook pre-commit is not called\n")
			return nil
		},
		"renamed": func(t *testing.T, r *gittest.Repo, path string) error {
			script(t, r, ".git/hooks/pre-commit.old", shim(r))
			script(t, r, ".git/hooks/pre-commit", "#!/bin/sh\n: another\n")
			return nil
		},
		"shadowed": func(_ *testing.T, r *gittest.Repo, _ string) error {
			r.Git("config", "core.hooksPath", "in-tree")
			return nil
		},
	} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			r := guarded(t, "")
			if err := arrange(t, r, filepath.Join(r.Dir, ".git/hooks/pre-commit")); err != nil {
				t.Fatal(err)
			}
			res := r.Run("", "git-grite", "hooks", "status", "--json")
			if res.Code != 4 || !strings.Contains(res.Stdout, `"state":"`+state+`"`) || strings.Count(res.Stdout, "\n") != 1 {
				t.Errorf("exit %d: %s", res.Code, res.Stdout)
			}
			try(t, r, "hooks", "test").exits(4)
			if state == "shadowed" {
				return
			}
			grite(t, r, "hooks", "install")
			hooksFire(t, r)
		})
	}
}

// TestHooksSurroundings commits where the environment is unlike a shell's.
func TestHooksSurroundings(t *testing.T) {
	t.Parallel()
	blocked := func(t *testing.T, what string, res gittest.Result) {
		t.Helper()
		if res.Code == 0 || !strings.Contains(res.Stderr, "src/a.go") {
			t.Errorf("%s: exit %d, %q", what, res.Code, res.Stderr)
		}
	}
	r := guarded(t, "path:src/").With("GRITE_LOCK_POLICY=require")
	r.Write("src/a.go", "y")
	git(t, desktop(t, r), "commit", "-am", "x").stopped("src/a.go")

	// A linked work tree is an actor of its own: what the main one holds stops it.
	grite(t, r.With("GRITE_ACTOR=alice"), "lock", "release", "--mine")
	grite(t, r, "lock", "acquire", "-r", "path:src/")
	w := r.Worktree("wt")
	w.Write("src/a.go", "y")
	blocked(t, "linked work tree", w.Run("", "git", "commit", "-am", "x"))
	blocked(t, "linked work tree of a graphical client", desktop(t, w).Run("", "git", "commit", "-am", "x"))
	r.Git("commit", "-q", "-am", "my own lock")
	grite(t, r, "lock", "release", "--mine")
	grite(t, w, "lock", "acquire", "-r", "path:src/")
	w.Git("commit", "-q", "-am", "its own lock")
	r.Write("src/a.go", "z")
	blocked(t, "main work tree", r.Run("", "git", "commit", "-am", "x"))

	// Another repository around the hook: what counts is the one of the commit.
	other := guarded(t, "")
	other.Write("src/a.go", "y")
	blocked(t, "--git-dir", other.With("GRITE_LOCK_POLICY=require").Run("", "git", "--git-dir="+filepath.Join(r.Dir, ".git"), "--work-tree="+r.Dir, "commit", "-am", "x"))
	foreign := r.With("GIT_DIR="+filepath.Join(other.Dir, ".git"), "GIT_WORK_TREE="+other.Dir)
	foreign.Git("commit", "-q", "-am", "free there")
	if got := other.Git("log", "-1", "--format=%s"); got != "free there" {
		t.Errorf("committed %q", got)
	}
}
