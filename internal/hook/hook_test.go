//go:build unix

package hook

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/git-grite/git-grite/hooks"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
)

const theirs = "#!/bin/sh\necho theirs\n"

func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, r *gittest.Repo) Place {
	t.Helper()
	repo, err := git.Open(t.Context(), r.Dir, r.Env)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Find(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestFind has hooks directories of ours and of others. Git's own answer to where
// the hooks are is the other half of each row.
func TestFind(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		make  func(t *testing.T, r *gittest.Repo) *gittest.Repo
		fault string // "" where hooks may be installed
	}{
		"plain":           {make: func(t *testing.T, r *gittest.Repo) *gittest.Repo { return r }},
		"linked worktree": {make: func(t *testing.T, r *gittest.Repo) *gittest.Repo { return r.Worktree("wt") }},
		"hooksPath into the git directory": {make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("config", "core.hooksPath", ".git/hooks")
			return r
		}},
		"hooksPath into a directory of one's own": {make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("config", "core.hooksPath", "../my-hooks")
			return r
		}},
		"hooksPath off": {fault: "turns all hooks off", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("config", "core.hooksPath", "/dev/null")
			return r
		}},
		"hooksPath for all": {fault: "run in all repositories", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("config", "--global", "core.hooksPath", filepath.Join(filepath.Dir(r.Dir), "all"))
			return r
		}},
		"hooksPath into the work tree": {fault: "belong to the work tree", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("config", "core.hooksPath", "tools/hooks")
			return r
		}},
		"hooksPath into another repository": {fault: "another repository's", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("clone", "-q", r.Dir, "../other")
			r.Git("config", "core.hooksPath", "../other/.git/hooks")
			return r
		}},
		"link into the work tree": {fault: "belong to the work tree", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			linked(t, r, "../.githooks")
			return r
		}},
		"link into the work tree, to nothing yet": {fault: "belong to the work tree", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			linked(t, r, "../.githooks")
			return gone(t, r, ".githooks")
		}},
		"link into the work tree, seen from a linked one": {fault: "may run in other repositories", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			linked(t, r, "../.githooks")
			return r.Worktree("wt")
		}},
		"link elsewhere": {fault: "may run in other repositories", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			linked(t, r, "../../shared")
			return r
		}},
		"link into another repository": {fault: "may run in other repositories", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("clone", "-q", r.Dir, "../other")
			linked(t, r, "../../other/.git/hooks")
			return r
		}},
		"link within the git directory": {make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			linked(t, r, "my-hooks")
			return r
		}},
		"git-new-workdir": {make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			dir := filepath.Join(filepath.Dir(r.Dir), "workdir")
			for _, name := range []string{"config", "refs", "objects", "info", "hooks", "packed-refs"} {
				link(t, filepath.Join(r.Dir, ".git", name), filepath.Join(dir, ".git", name))
			}
			write(t, filepath.Join(dir, ".git/HEAD"), "ref: refs/heads/main\n", 0o644)
			return r.At(dir)
		}},
		"git directory behind a link": {make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			if err := os.Rename(filepath.Join(r.Dir, ".git"), filepath.Join(filepath.Dir(r.Dir), "elsewhere")); err != nil {
				t.Fatal(err)
			}
			link(t, "../elsewhere", filepath.Join(r.Dir, ".git"))
			return r
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := tt.make(t, gittest.New(t))
			p := find(t, r)
			if (p.Fault != nil) != (tt.fault != "") || tt.fault != "" && !strings.Contains(p.Fault.Error(), tt.fault) {
				t.Fatalf("fault: %v, want %q", p.Fault, tt.fault)
			}
			if p.Dir == "" {
				return
			}
			if git := r.Git("rev-parse", "--path-format=absolute", "--git-path", "hooks"); real(git) != real(p.Dir) {
				t.Errorf("found %s, git says %s", p.Dir, git)
			}
			if p.Fault != nil {
				if len(p.Fault.Lines) != len(hooks.Names) {
					t.Errorf("lines to add: %v", p.Fault.Lines)
				}
				for _, s := range InspectPlace(p, r.Dir) {
					if s.OK() || s.State == Missing {
						t.Errorf("%s is %s", s.Name, s.State)
					}
				}
			}
		})
	}
}

// linked makes the hooks directory a link, whose target exists.
func linked(t *testing.T, r *gittest.Repo, target string) {
	t.Helper()
	dir := filepath.Join(r.Dir, ".git", "hooks")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(r.Dir, ".git", target), 0o777); err != nil {
		t.Fatal(err)
	}
	link(t, target, dir)
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func gone(t *testing.T, r *gittest.Repo, dir string) *gittest.Repo {
	t.Helper()
	if err := os.Remove(filepath.Join(r.Dir, dir)); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestInstallAndBack puts ours in the place of each kind of hook and takes it
// away again. Whatever was there is run meanwhile and is the same afterwards.
func TestInstallAndBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		make   func(t *testing.T, dir, path string)
		did    string
		back   string
		linked string // what the hook is a link to
	}{
		"nothing":        {make: func(*testing.T, string, string) {}, did: "installed", back: "removed"},
		"a hook":         {make: func(t *testing.T, dir, path string) { write(t, path, theirs, 0o750) }, did: "installed", back: "restored"},
		"not executable": {make: func(t *testing.T, dir, path string) { write(t, path, theirs, 0o640) }, did: "installed", back: "restored"},
		"a link": {linked: "../tracked", make: func(t *testing.T, dir, path string) {
			write(t, filepath.Join(dir, "../tracked"), theirs, 0o755)
			link(t, "../tracked", path)
		}, did: "installed", back: "restored"},
		"a dangling link": {linked: "../nothing", make: func(t *testing.T, dir, path string) { link(t, "../nothing", path) }, did: "installed", back: "restored"},
		"one of format 1": {make: func(t *testing.T, dir, path string) {
			write(t, path, "#!/bin/sh\n# git-grite hook shim, format 1\nexit 0\n", 0o755)
		}, did: "updated", back: "removed"},
		"one of format 2": {make: func(t *testing.T, dir, path string) {
			write(t, path, strings.Replace(string(hooks.Shim("pre-commit")), "format 3", "format 2", 1), 0o755)
			write(t, path+".pre-grite", theirs, 0o755)
		}, did: "updated", back: "restored"},
		"a later format": {make: func(t *testing.T, dir, path string) {
			write(t, path, "#!/bin/sh\n# git-grite hook shim, format 99\n", 0o755)
		}, did: "updated", back: "removed"},
		"an interrupted try": {make: func(t *testing.T, dir, path string) { write(t, path, theirs, 0o755); os.Link(path, path+".pre-grite") }, did: "installed", back: "restored"},
		"one interrupted copy": {make: func(t *testing.T, dir, path string) {
			write(t, path, theirs, 0o755)
			write(t, path+".pre-grite", theirs, 0o755)
		}, did: "installed", back: "restored"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "hooks")
			path := filepath.Join(dir, "pre-commit")
			tt.make(t, dir, path)
			before, _ := os.ReadFile(path)
			mode := lookAt(path).mode
			outside, _ := os.ReadFile(filepath.Join(dir, "../tracked"))
			changes, err := Install(dir, "")
			if err != nil || changes[0].Did != tt.did {
				t.Fatalf("install: %v, %v", changes, err)
			}
			if f := lookAt(path); !f.shim || f.link || !f.executable || !bytes.Equal(f.text, hooks.Shim("pre-commit")) {
				t.Errorf("installed: %+v", f)
			}
			if again, err := Install(dir, ""); err != nil || again[0].Did != "unchanged" {
				t.Errorf("again: %v, %v", again, err)
			}
			if tt.back == "restored" && tt.did == "installed" {
				if kept := lookAt(path + ".pre-grite"); !bytes.Equal(kept.text, before) || kept.mode != mode || kept.link != (tt.linked != "") {
					t.Errorf("kept: %+v", kept)
				}
			}
			changes, err = Uninstall(dir, "")
			if err != nil || changes[0].Did != tt.back {
				t.Fatalf("uninstall: %v, %v", changes, err)
			}
			f := lookAt(path)
			if tt.did == "installed" && (f.exists != (tt.back == "restored") || !bytes.Equal(f.text, before) || f.mode != mode) {
				t.Errorf("afterwards: %+v", f)
			}
			if tt.linked != "" {
				if target, _ := os.Readlink(path); target != tt.linked {
					t.Errorf("the link is to %q", target)
				}
			}
			if now, _ := os.ReadFile(filepath.Join(dir, "../tracked")); !bytes.Equal(now, outside) {
				t.Error("written through the link")
			}
			if left := names(t, dir); slices.ContainsFunc(left, func(n string) bool { return n != "pre-commit" }) {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// TestNeverWithoutAHook looks all the time whether there is a hook while ours is
// installed and removed, whatever kind of file the older one is: a process that
// is killed at any moment leaves what is seen then.
func TestNeverWithoutAHook(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(t *testing.T, path string){
		"file": func(t *testing.T, path string) { write(t, path, theirs, 0o755) },
		"link": func(t *testing.T, path string) {
			write(t, filepath.Join(filepath.Dir(path), "../tracked"), theirs, 0o755)
			link(t, "../tracked", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "hooks")
			path := filepath.Join(dir, "pre-commit")
			place(t, path)
			var done atomic.Bool
			looked := make(chan int)
			go func() {
				missed := 0
				for !done.Load() {
					if st, err := os.Stat(path); err != nil || !Executable(st) {
						missed++
					}
				}
				looked <- missed
			}()
			for range 300 {
				if _, err := Install(dir, ""); err != nil {
					t.Fatal(err)
				}
				if _, err := Uninstall(dir, ""); err != nil {
					t.Fatal(err)
				}
			}
			done.Store(true)
			if missed := <-looked; missed > 0 {
				t.Errorf("%d looks found no hook", missed)
			}
		})
	}
}

// TestDuplicateWithoutHardLinks copies, as on a file system that has none.
func TestDuplicateWithoutHardLinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hook")
	write(t, path, theirs, 0o751)
	if err := writeNew(path+".copy", lookAt(path)); err != nil {
		t.Fatal(err)
	}
	if f := lookAt(path + ".copy"); string(f.text) != theirs || f.mode != 0o751 {
		t.Errorf("copied: %+v", f)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(t *testing.T, path string){
		"a hook that goes by its name": func(t *testing.T, path string) { write(t, path, "#!/bin/sh\nrun \"$(basename \"$0\")\"\n", 0o755) },
		"two links to one file": func(t *testing.T, path string) {
			write(t, filepath.Join(filepath.Dir(path), "../all"), theirs, 0o755)
			link(t, "../all", path)
			link(t, "../all", filepath.Join(filepath.Dir(path), "commit-msg"))
		},
		"a saved one is there": func(t *testing.T, path string) {
			write(t, path, theirs, 0o755)
			write(t, path+".pre-grite", "#!/bin/sh\nanother\n", 0o755)
		},
		"a directory": func(t *testing.T, path string) { write(t, path+"/x", "", 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "hooks")
			make(t, filepath.Join(dir, "pre-commit"))
			before := names(t, dir)
			_, err := Install(dir, "")
			var foreign *ForeignError
			if !errors.As(err, &foreign) {
				t.Fatalf("install: %v", err)
			}
			if after := names(t, dir); !slices.Equal(before, after) {
				t.Errorf("changed from %v to %v", before, after)
			}
		})
	}
}

func TestConfiguredHooks(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	for _, kv := range [][2]string{
		{"hook.lint.command", "make lint"}, {"hook.lint.event", "pre-commit"},
		{"hook.mail.command", "mail"}, {"hook.mail.event", "post-commit"},
		{"hook.locks.command", `git-grite hook pre-push -- "$@"`}, {"hook.locks.event", "pre-push"},
		{"hook.off.command", "x"}, {"hook.off.event", "pre-push"}, {"hook.off.enabled", "false"},
	} {
		r.Git("config", kv[0], kv[1])
	}
	repo, err := git.Open(t.Context(), r.Dir, r.Env)
	if err != nil {
		t.Fatal(err)
	}
	found, err := ConfiguredHooks(t.Context(), repo)
	if err != nil || len(found) != 2 || found[0].Name != "lint" || found[0].Calls || found[1].Name != "locks" || !found[1].Calls || found[1].Events[0] != "pre-push" {
		t.Errorf("found %+v, %v", found, err)
	}
	if r.Git("config", "--remove-section", "hook.lint"); len(found) != 2 {
		t.Error("what was found changed")
	}
}

// TestCallLine runs the line in the hook of another program.
func TestCallLine(t *testing.T) {
	t.Parallel()
	for does, want := range map[string]int{"": 0, "exit 0": 0, "exit 4": 4, "exit 1": 0, "exit 2": 0, "kill -9 $$": 0, "exit 130": 4} {
		dir := t.TempDir()
		if does != "" {
			write(t, filepath.Join(dir, "git-grite"), "#!/bin/sh\n"+does+"\n", 0o755)
		}
		for _, head := range []string{"#!/bin/sh\n", "#!/bin/sh -e\n"} {
			hook := filepath.Join(dir, "pre-push")
			write(t, hook, head+CallLine("pre-push")+"\n", 0o755)
			cmd := exec.CommandContext(t.Context(), hook, "origin")
			cmd.Env = []string{"PATH=" + dir}
			if err := cmd.Run(); cmd.ProcessState.ExitCode() != want {
				t.Errorf("%q with a git-grite that does %q: %v, want exit code %d", head, does, err, want)
			}
		}
		if s := inspect(dir, "pre-push", ""); s.State != Called {
			t.Errorf("a hook with the line is %s", s.State)
		}
	}
}
