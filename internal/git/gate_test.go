package git

import (
	"context"
	"errors"
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
	if words := strings.TrimSpace(strings.TrimPrefix(git.Stderr, "fatal: ")); !strings.Contains(err.Error(), words) {
		t.Errorf("%q instead of git's words %q", err, words)
	}
}

// TestOwner holds that a repository of another user is git's to judge, by each of
// the places whose owner git looks at.
func TestOwner(t *testing.T) {
	if os.Getuid() != 0 || runtime.GOOS == "windows" {
		t.Skip("only root can give files to somebody else")
	}
	const nobody = 65534
	chown := func(t *testing.T, path string) {
		t.Helper()
		if err := os.Lchown(path, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	for name, whose := range map[string]func(r *gittest.Repo) string{
		"work tree":     func(r *gittest.Repo) string { return r.Dir },
		"git directory": func(r *gittest.Repo) string { return filepath.Join(r.Dir, ".git") },
	} {
		t.Run(name, func(t *testing.T) {
			r := gittest.New(t)
			chown(t, whose(r))
			refusedAsGit(t, r)
			r.Git("config", "--global", "safe.directory", r.Dir)
			open(t, r)
		})
	}
	t.Run("file that leads to it", func(t *testing.T) {
		r := gittest.New(t)
		linked := r.Worktree("linked")
		chown(t, filepath.Join(linked.Dir, ".git"))
		refusedAsGit(t, linked)
	})
	t.Run("sudo", func(t *testing.T) {
		r := gittest.New(t)
		chown(t, r.Dir)
		chown(t, filepath.Join(r.Dir, ".git"))
		open(t, r.With("SUDO_UID=65534"))
		refusedAsGit(t, r.With("SUDO_UID=1"))
	})
	t.Run("files of another's repository are not read", func(t *testing.T) {
		r := gittest.New(t)
		chown(t, r.Dir)
		for _, name := range []string{"config", "commondir", "grite/git"} {
			r.Write(".git/"+name, "")
			unreadable(t, filepath.Join(r.Dir, ".git", name)) // reading any of it would be another error
		}
		refusedAsGit(t, r)
	})
}

// TestMountPoint holds that, like git, nothing is found beyond a file system.
func TestMountPoint(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a mounted file system")
	}
	r := gittest.New(t)
	mounted := gittest.Tmpfs(t, "64k")
	if err := os.Rename(filepath.Join(r.Dir, ".git"), filepath.Join(filepath.Dir(mounted), ".git")); err != nil {
		t.Fatal(err)
	}
	refusedAsGit(t, r.At(mounted))
	open(t, r.At(mounted).With("GIT_DISCOVERY_ACROSS_FILESYSTEM=1"))
}

// TestPrefix holds what a path means where git sets GIT_PREFIX.
func TestPrefix(t *testing.T) {
	r := gittest.New(t)
	r.Write("sub/f", "f")
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"alias":             {[]string{"GIT_PREFIX=sub/"}, "sub/"},
		"commit hook":       {[]string{"GIT_PREFIX=sub/", "GIT_INDEX_FILE=.git/index"}, ""},
		"rebase --exec":     {[]string{"GIT_PREFIX=sub/", "GIT_CHERRY_PICK_HELP=x"}, ""},
		"outside":           {[]string{"GIT_PREFIX=../"}, ""},
		"alias at the top":  {[]string{"GIT_PREFIX="}, ""},
		"in another clone":  {[]string{"GIT_PREFIX=sub/", "GIT_DIR=.git", "GIT_EDITOR=:"}, ""},
		"alias with editor": {[]string{"GIT_PREFIX=sub/", "GIT_EDITOR=vi"}, "sub/"},
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
