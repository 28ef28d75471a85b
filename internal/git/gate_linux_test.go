package git

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestOwner holds that a repository of another user is git's to judge, by each of
// the places whose owner git looks at.
func TestOwner(t *testing.T) {
	if os.Getuid() != 0 {
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
	r := gittest.New(t)
	mounted := gittest.Tmpfs(t, "64k")
	if err := os.Rename(filepath.Join(r.Dir, ".git"), filepath.Join(filepath.Dir(mounted), ".git")); err != nil {
		t.Fatal(err)
	}
	refusedAsGit(t, r.At(mounted))
	open(t, r.At(mounted).With("GIT_DISCOVERY_ACROSS_FILESYSTEM=1"))
}
