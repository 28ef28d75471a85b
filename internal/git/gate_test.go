package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestRefused holds that what git refuses is refused in git's words, and that
// nothing is left behind.
func TestRefused(t *testing.T) {
	for name, settings := range map[string][]string{
		"unknown format":            {"core.repositoryFormatVersion 99"},
		"unknown extension":         {"core.repositoryFormatVersion 1", "extensions.frobnicate true"},
		"new extension, old format": {"core.repositoryFormatVersion 0", "extensions.objectFormat sha1"},
		"unknown ref storage":       {"core.repositoryFormatVersion 1", "extensions.refStorage frob"},
		"unknown object format":     {"core.repositoryFormatVersion 1", "extensions.objectFormat frob"},
		"safe.bareRepository":       {"core.bare true"},
	} {
		t.Run(name, func(t *testing.T) {
			r := gittest.New(t)
			if name == "safe.bareRepository" {
				r.Git("config", "--global", "safe.bareRepository", "explicit")
				r = r.At(".git")
			}
			for _, s := range settings {
				key, value, _ := strings.Cut(s, " ")
				r.Git("config", "-f", strings.TrimSuffix(r.Dir, "/.git")+"/.git/config", key, value)
			}
			refusedAsGit(t, r)
		})
	}
	t.Run("broken configuration", func(t *testing.T) {
		r := gittest.New(t)
		r.Write(".git/config", "[core\n")
		refusedAsGit(t, r)
	})
	t.Run("no repository", func(t *testing.T) {
		r := gittest.New(t)
		refusedAsGit(t, r.At(t.TempDir()))
	})
}

func refusedAsGit(t *testing.T, r *gittest.Repo) {
	t.Helper()
	git := r.Run("", "git", "rev-parse", "--git-dir")
	if git.Code == 0 {
		t.Fatal("git does not refuse it")
	}
	_, err := Open(context.Background(), r.Dir, r.Env)
	if !errors.Is(err, ErrNoRepository) {
		t.Fatalf("error %v; git says %s", err, git.Stderr)
	}
	if words := strings.Join(strings.Fields(strings.TrimPrefix(git.Stderr, "fatal: ")), " "); !strings.Contains(err.Error(), words) {
		t.Errorf("%q instead of git's words %q", err, words)
	}
}

// TestPrefix holds what a path means where git sets GIT_PREFIX. (Aliases are in
// TestPrefixBelowGit: whether there is one above us depends on who runs the tests.)
func TestPrefix(t *testing.T) {
	r := gittest.New(t)
	r.Write("sub/f", "f")
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"commit hook":      {[]string{"GIT_PREFIX=sub/", "GIT_INDEX_FILE=.git/index"}, ""},
		"rebase --exec":    {[]string{"GIT_PREFIX=sub/", "GIT_CHERRY_PICK_HELP=x"}, ""},
		"outside":          {[]string{"GIT_PREFIX=../"}, ""},
		"alias at the top": {[]string{"GIT_PREFIX="}, ""},
		"in another clone": {[]string{"GIT_PREFIX=sub/", "GIT_DIR=.git", "GIT_EDITOR=:"}, ""},
	} {
		if repo := open(t, r.With(c.env...)); repo.Prefix != c.want {
			t.Errorf("%s: prefix %q, want %q", name, repo.Prefix, c.want)
		}
	}
	if repo := open(t, r.At("sub").With("GIT_PREFIX=other/")); repo.Prefix != "sub/" {
		t.Errorf("below the top: prefix %q", repo.Prefix)
	}
	if err := os.Symlink("sub", filepath.Join(r.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	if repo := open(t, r.At("link")); repo.Prefix != "sub/" {
		t.Errorf("behind a link: prefix %q", repo.Prefix)
	}
}

// TestMain lets the test's own program stand for git-grite below git.
func TestMain(m *testing.M) {
	if file := os.Getenv("PREFIX_TO"); file != "" {
		dir, err := os.Getwd()
		if err == nil {
			var repo *Repo
			if repo, err = Open(context.Background(), dir, os.Environ()); err == nil {
				err = os.WriteFile(file, []byte(repo.Prefix), 0o666)
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestPrefixBelowGit lets git start us from a subdirectory, in all its ways.
func TestPrefixBelowGit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	hub := gittest.NewRemote(t)
	r := gittest.New(t)
	commitFile(r, "sub/f", "f")
	r.Git("remote", "add", "origin", hub.Dir)
	r.Git("config", "alias.we", "!"+self)
	r.Git("config", "alias.p", "push -q origin HEAD:refs/heads/y")
	r.Git("config", "alias.we-too", "!sh -c "+self)
	for name, c := range map[string]struct {
		hook string
		args []string
		want string
	}{
		"alias":           {"", []string{"we"}, "sub/"},
		"alias by sh":     {"", []string{"we-too"}, "sub/"},
		"commit":          {"pre-commit", []string{"commit", "-q", "--allow-empty", "-m", "m"}, ""},
		"after a commit":  {"post-commit", []string{"commit", "-q", "--allow-empty", "-m", "m"}, ""},
		"message":         {"commit-msg", []string{"commit", "-q", "--allow-empty", "-m", "m"}, ""},
		"push":            {"pre-push", []string{"push", "-q", "origin", "HEAD:refs/heads/x"}, ""},
		"checkout":        {"post-checkout", []string{"checkout", "-q", "-b", "branch"}, ""},
		"rebase":          {"pre-rebase", []string{"rebase", "-q", "--force-rebase", "HEAD~1"}, ""},
		"push by alias":   {"pre-push", []string{"p"}, ""},
		"rebase --exec":   {"", []string{"rebase", "-q", "--exec", self, "HEAD~1"}, ""},
		"alias in a tree": {"", []string{"-C", "../../linked/sub", "we"}, "sub/"},
	} {
		if name == "alias in a tree" {
			r.Worktree("linked")
		}
		file := filepath.Join(t.TempDir(), "prefix")
		if err := os.WriteFile(file, []byte("none"), 0o666); err != nil {
			t.Fatal(err)
		}
		if c.hook != "" {
			r.Hook(c.hook, "exec "+self)
		}
		r.At("sub").With("PREFIX_TO=" + file).Git(c.args...)
		if got, err := os.ReadFile(file); err != nil || string(got) != c.want {
			t.Errorf("%s: prefix %q, want %q, error %v", name, got, c.want, err)
		}
		if c.hook != "" {
			os.Remove(filepath.Join(r.Dir, ".git/hooks", c.hook))
		}
	}
}

// TestStateDir holds that all that share refs have one directory for it.
func TestStateDir(t *testing.T) {
	r := gittest.New(t)
	main := open(t, r).StateDir
	for name, other := range map[string]*gittest.Repo{"linked": r.Worktree("linked"), "new-workdir": newWorkdir(t, r)} {
		if got := open(t, other).StateDir; got != main {
			t.Errorf("%s: %s, want %s", name, got, main)
		}
	}
}
