package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// way is what stands behind a label in a message, to be pasted.
func way(t *testing.T, stderr, label string) string {
	t.Helper()
	for line := range strings.Lines(stderr) {
		if rest, ok := strings.CutPrefix(line, label+":"); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("no %q in %s", label, stderr)
	return ""
}

// TestWaysOnForOddNames pastes the ways on for names that mean something to a
// shell, to a pattern or to git; the lock then taken is on that file.
func TestWaysOnForOddNames(t *testing.T) {
	t.Parallel()
	names := []string{
		"app/[id]/page.tsx", "app/[x/page", "app/{a,b}.go", "app/**", `app/?\*`, "app/ lead and trail ", `app/it's "so"`,
		"app/$HOME`id`;exit", "app/-r", "app/!x&|<>()~#", "app/ü é", "app/new\nline", "app/\x1b[31mred", "app/\xff\xfe",
	}
	r := gittest.New(t)
	for _, name := range names {
		r.Write(name, "1\n")
	}
	r.Git("add", ".")
	r.Git("commit", "-q", "-m", "odd names")
	grite(t, r, "init")
	alice := r.With("GRITE_ACTOR=alice")
	grite(t, alice, "lock", "acquire", "-r", "path:app/", "-r", "path:-f")
	r = r.With("GRITE_LOCK_POLICY=require")
	r.Write("-f", "x")
	r.Git("add", "--", "-f")
	for _, name := range names {
		r.Write(name, "2\n")
	}
	commit := func(r *gittest.Repo, name string) gittest.Result {
		return r.Run("", "git", "--literal-pathspecs", "commit", "-m", "x", "--only", "--", name)
	}
	ways := map[string]string{}
	for _, name := range append(names, "-f") {
		res := commit(r, name)
		if res.Code == 0 {
			t.Fatalf("%q: not stopped: %s", name, res.Stderr)
		}
		ways[name] = way(t, res.Stderr, "wait for it")
		if strings.Contains(res.Stderr, "\x1b") || strings.Contains(res.Stderr, "\xff") {
			t.Errorf("%q: raw on stderr: %q", name, res.Stderr)
		}
	}
	grite(t, alice, "lock", "release", "--mine")
	carol := r.With("GRITE_ACTOR=carol")
	for _, name := range append(names, "-f") {
		// From elsewhere in the repository too: resources are named from the top.
		if res := carol.At("app").Run("", "sh", "-c", ways[name]); res.Code != 0 {
			t.Errorf("%q: %s: exit %d, %s", name, ways[name], res.Code, res.Stderr)
			continue
		}
		if res := commit(r, name); res.Code == 0 || !strings.Contains(res.Stderr, "carol") {
			t.Errorf("%q: %s does not cover it: exit %d, %s", name, ways[name], res.Code, res.Stderr)
		}
		grite(t, carol, "lock", "release", "--mine")
	}
	grite(t, alice, "lock", "acquire", "-r", "path:app/")
	res := commit(r, names[0])
	override := way(t, res.Stderr, "override")
	if res := r.Run("", "sh", "-c", override+" -am x"); res.Code != 0 {
		t.Errorf("%s: exit %d, %s", override, res.Code, res.Stderr)
	}
}

// TestWaysOnUnderRepoLock: what is suggested for a name that cannot be a resource
// locks that file, and never the whole repository.
func TestWaysOnUnderRepoLock(t *testing.T) {
	t.Parallel()
	r := guarded(t, "repo:freeze").With("GRITE_LOCK_POLICY=require")
	for _, name := range []string{"src/new\nline", "src/[x\xff"} {
		r.Write(name, "y")
		r.Git("--literal-pathspecs", "add", "--", name)
		res := r.Run("", "git", "commit", "-m", "x")
		if line := way(t, res.Stderr, "wait for it"); strings.Contains(line, "repo:") || !strings.Contains(line, "path:src/") || strings.Contains(line, "path:src/ ") {
			t.Errorf("%q: %s", name, line)
		}
		r.Git("reset", "-q")
	}
}

// TestLockable: paths that have to be held to be changed.
func TestLockable(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	r.Write(".grite.toml", "lockable = [\"*.psd\", \"assets/**\"]\n")
	change := func(r *gittest.Repo, path string) gittest.Result {
		r.Git("reset", "-q", "--hard")
		r.Write(".grite.toml", "lockable = [\"*.psd\", \"assets/**\"]\n")
		r.Write(path, "x")
		r.Git("add", path)
		return r.Run("", "git", "commit", "-m", "x")
	}
	for _, path := range []string{"a.psd", "deep/er/b.psd", "assets/x/y z"} {
		if res := change(r, path); res.Code != 0 || !strings.Contains(res.Stderr, "1 changed path is not locked by you and must be; commit goes on") {
			t.Errorf("%s, warn: exit %d, %s", path, res.Code, res.Stderr)
		}
		r.Git("reset", "-q", "--hard", "HEAD~1")
		if res := change(r.With("GRITE_LOCK_POLICY=off"), path); res.Code != 0 || strings.Contains(res.Stderr, "git-grite") {
			t.Errorf("%s, off: exit %d, %s", path, res.Code, res.Stderr)
		}
		r.Git("reset", "-q", "--hard", "HEAD~1")
		must := r.With("GRITE_LOCK_POLICY=require")
		res := change(must, path)
		if res.Code == 0 || !strings.Contains(res.Stderr, "  "+path+"\n") {
			t.Errorf("%s, require: exit %d, %s", path, res.Code, res.Stderr)
		}
		if res := must.Run("", "sh", "-c", way(t, res.Stderr, "lock it")); res.Code != 0 {
			t.Errorf("%s: exit %d, %s", path, res.Code, res.Stderr)
		}
		if res := change(must, path); res.Code != 0 || strings.Contains(res.Stderr, "git-grite") {
			t.Errorf("%s, held: exit %d, %s", path, res.Code, res.Stderr)
		}
	}
	if res := change(r.With("GRITE_LOCK_POLICY=require"), "assets.txt"); res.Code != 0 {
		t.Errorf("another path: exit %d, %s", res.Code, res.Stderr)
	}
}

// TestPreCommitOddMerges: what git merged by itself is nobody's edit.
func TestPreCommitOddMerges(t *testing.T) {
	t.Parallel()
	// merging begins a merge in which src/a.go, locked by alice, changed on the
	// given sides and free/x conflicts.
	merging := func(t *testing.T, ours, theirs string) *gittest.Repo {
		r := guarded(t, "path:src/").With("GRITE_LOCK_POLICY=require")
		r.Git("checkout", "-q", "-b", "other")
		r.Write("src/a.go", theirs)
		r.Write("free/x", "theirs\n")
		r.Git("commit", "-q", "--no-verify", "-am", "theirs")
		r.Git("checkout", "-q", "main")
		r.Write("src/a.go", ours)
		r.Write("free/x", "ours\n")
		r.Git("commit", "-q", "--no-verify", "-am", "ours")
		if res := r.Run("", "git", "merge", "other"); res.Code == 0 {
			t.Fatal("no conflict")
		}
		r.Write("free/x", "both\n")
		r.Git("add", ".")
		return r
	}
	first, last, plain := "1 theirs\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\n5\n6\n7\n8 ours\n", "1\n2\n3\n4\n5\n6\n7\n8\n"
	for name, tt := range map[string]struct {
		ours    string
		old     bool // a git that writes no AUTO_MERGE (before 2.36)
		edit    bool
		blocked bool
	}{
		"merged by git":                {last, false, false, false},
		"merged by git, then edited":   {last, false, true, true},
		"carried in, git 2.31":         {plain, true, false, false},
		"carried in, edited, git 2.31": {plain, true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := merging(t, tt.ours, first)
			if tt.old {
				if err := os.Remove(filepath.Join(r.Dir, ".git/AUTO_MERGE")); err != nil {
					t.Fatal(err)
				}
			}
			if tt.edit {
				r.Write("src/a.go", "by hand\n")
				r.Git("add", ".")
			}
			if res := r.Run("", "git", "commit", "-m", "x"); (res.Code != 0) != tt.blocked || tt.blocked != strings.Contains(res.Stderr, "src/a.go") {
				t.Errorf("exit %d, %s", res.Code, res.Stderr)
			}
		})
	}
}

// TestWorktreeActors: a linked work tree is somebody of its own, in both ways.
func TestWorktreeActors(t *testing.T) {
	t.Parallel()
	r := guarded(t, "").With("GRITE_LOCK_POLICY=require")
	w := r.Worktree("wt")
	grite(t, r, "lock", "acquire", "-r", "path:src/")
	grite(t, w, "lock", "acquire", "-r", "path:free/")
	for path, owner := range map[string]*gittest.Repo{"src/a.go": r, "free/x": w} {
		for _, tree := range []*gittest.Repo{r, w} {
			tree.Write(path, "y")
			if res := tree.Run("", "git", "commit", "-m", "x", "--", path); (res.Code == 0) != (tree.Dir == owner.Dir) {
				t.Errorf("%s in %s: exit %d, %s", path, tree.Dir, res.Code, res.Stderr)
			}
		}
	}
}

// TestPreCommitWithAFailingGit: infrastructure stops nobody, and is one line.
func TestPreCommitWithAFailingGit(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/").With("GRITE_LOCK_POLICY=require")
	r.Write("src/a.go", "y")
	r.Git("add", ".")
	broken := r.With(gittest.WrapGit(t, `if is diff-index; then echo "fatal: out of memory" >&2; exit 128; fi`)...)
	// Started directly: a commit would put git's own directory before the wrapper.
	res := broken.Run("", "git-grite", "hook", "pre-commit")
	if res.Code != 0 || res.Stdout != "" || strings.Count(res.Stderr, "\n") != 1 || !strings.Contains(res.Stderr, "locks were not fully checked: git diff-index: fatal: out of memory; going on") {
		t.Errorf("exit %d, %q", res.Code, res.Stderr)
	}
	push := "HEAD " + r.Git("rev-parse", "HEAD") + " refs/heads/x " + strings.Repeat("0", 40) + "\n"
	broken = r.With(gittest.WrapGit(t, `if is diff-tree; then echo "fatal: out of memory" >&2; exit 128; fi`)...)
	res = broken.Run(push, "git-grite", "hook", "pre-push", "/nowhere", "/nowhere")
	if res.Code != 0 || strings.Count(res.Stderr, "\n") != 1 || !strings.Contains(res.Stderr, "going on") {
		t.Errorf("exit %d, %q", res.Code, res.Stderr)
	}
}

// TestPreCommitGitlinks: a submodule that moves to another commit, and a copy.
func TestPreCommitGitlinks(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/").With("GRITE_LOCK_POLICY=require")
	bump := func(commit string) { r.Git("update-index", "--add", "--cacheinfo", "160000,"+commit+",src/sub") }
	bump(r.Git("rev-parse", "HEAD~1"))
	r.Git("commit", "-q", "--no-verify", "-m", "a submodule")
	bump(r.Git("rev-parse", "HEAD"))
	if res := r.Run("", "git", "commit", "-m", "x"); res.Code == 0 || !strings.Contains(res.Stderr, "src/sub") {
		t.Errorf("bump: exit %d, %s", res.Code, res.Stderr)
	}
	r.Git("reset", "-q")
	r.Write("src/copy", "x\n") // of free/x
	r.Git("add", "src/copy")
	if res := r.Run("", "git", "-c", "diff.renames=copies", "commit", "-m", "x"); res.Code == 0 || !strings.Contains(res.Stderr, "src/copy") {
		t.Errorf("copy: exit %d, %s", res.Code, res.Stderr)
	}
}
