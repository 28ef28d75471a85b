//go:build unix

package hook

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/hooks"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
)

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
			gittest.Executable(t, filepath.Join(dir, "git-grite"), "#!/bin/sh\n"+does+"\n")
		}
		for _, head := range []string{"#!/bin/sh\n", "#!/bin/sh -e\n"} {
			hook := filepath.Join(dir, "pre-push")
			gittest.Executable(t, hook, head+CallLine("pre-push")+"\n")
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
