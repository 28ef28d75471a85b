package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// judgedRow is one way to change src/a.go, which alice has locked.
type judgedRow struct {
	what               string // as in the table of docs/hooks.md
	precommit, prepush bool
	act                func(t *testing.T, r *gittest.Repo) gittest.Result
}

func judgedRows() []judgedRow {
	edit := func(r *gittest.Repo, content string) { r.Write("src/a.go", content) }
	git := func(r *gittest.Repo, args ...string) gittest.Result { return r.Run("", "git", args...) }
	commit := func(args ...string) func(*testing.T, *gittest.Repo) gittest.Result {
		return func(_ *testing.T, r *gittest.Repo) gittest.Result {
			edit(r, "mine\n")
			return git(r, append([]string{"commit", "-m", "x"}, args...)...)
		}
	}
	// side makes a branch that changes src/a.go, and comes back to one that has
	// changed something else; push publishes it.
	side := func(r *gittest.Repo, content, file, other string, push bool) {
		r.Git("checkout", "-q", "-b", "side")
		edit(r, content)
		r.Git("commit", "-q", "--no-verify", "-am", "side")
		if push {
			r.Git("push", "-q", "--no-verify", "origin", "side")
		}
		r.Git("checkout", "-q", "main")
		if file != "" {
			r.Write(file, other)
			r.Git("add", ".")
			r.Git("commit", "-q", "--no-verify", "-m", "main")
			r.Git("push", "-q", "--no-verify", "origin", "main")
		}
	}
	first, last := "1 theirs\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\n5\n6\n7\n8 ours\n"
	resolve := func(r *gittest.Repo, args ...string) gittest.Result {
		edit(r, "both\n")
		r.Git("add", ".")
		return git(r, args...)
	}
	return []judgedRow{
		{"`git commit`", true, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			edit(r, "mine\n")
			r.Git("add", ".")
			return git(r, "commit", "-m", "x")
		}},
		{"`git commit -a`", true, true, commit("-a")},
		{"`git commit -p`", true, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			edit(r, "mine\n")
			return r.Run("y\n", "git", "commit", "-p", "-m", "x")
		}},
		{"`git commit --only`", true, true, commit("--only", "--", "src/a.go")},
		{"`git commit --amend`", true, true, commit("-a", "--amend")},
		{"`git commit --no-verify`", false, true, commit("-a", "--no-verify")},
		{"`git merge`: fast-forward to published commits", false, false, func(t *testing.T, r *gittest.Repo) gittest.Result {
			side(r, first, "", "", true)
			return git(r, "merge", "side")
		}},
		{"`git merge`: clean, of published commits, the file changed on both sides", false, false, func(t *testing.T, r *gittest.Repo) gittest.Result {
			side(r, first, "src/a.go", last, true)
			return git(r, "merge", "-m", "x", "side")
		}},
		{"`git merge`: clean, of commits nobody has pushed", false, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			side(r, first, "free/y", "y\n", false)
			return git(r, "merge", "-m", "x", "side")
		}},
		{"`git merge`: a conflict in the file, resolved", true, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			side(r, first, "src/a.go", "1 ours\n2\n3\n4\n5\n6\n7\n8\n", true)
			git(r, "merge", "side")
			return resolve(r, "commit", "-m", "x")
		}},
		{"`git merge`: a conflict in another file, resolved", false, false, func(t *testing.T, r *gittest.Repo) gittest.Result {
			r.Git("checkout", "-q", "-b", "side")
			edit(r, first)
			r.Write("free/x", "theirs\n")
			r.Git("commit", "-q", "--no-verify", "-am", "side")
			r.Git("push", "-q", "--no-verify", "origin", "side")
			r.Git("checkout", "-q", "main")
			r.Write("free/x", "ours\n")
			r.Git("commit", "-q", "-am", "main")
			git(r, "merge", "side")
			r.Write("free/x", "both\n")
			r.Git("add", ".")
			return git(r, "commit", "-m", "x")
		}},
		{"`git merge -s ours`: the other side had changed the file, pushed to the branch of that side", false, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			side(r, first, "free/y", "y\n", true)
			r.Git("push", "-q", "--no-verify", "origin", "side:refs/heads/pushed")
			return git(r, "merge", "-s", "ours", "-m", "x", "side")
		}},
		{"`git merge --squash`, then `git commit`", true, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			side(r, first, "", "", true)
			r.Git("merge", "-q", "--squash", "side")
			return git(r, "commit", "-m", "x")
		}},
		{"`git rebase`", false, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			side(r, first, "free/y", "y\n", false)
			return git(r, "rebase", "main", "side")
		}},
		{"`git rebase`: a conflict in the file, resolved", false, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			side(r, first, "src/a.go", "1 ours\n2\n3\n4\n5\n6\n7\n8\n", false)
			git(r, "rebase", "main", "side")
			return resolve(r, "rebase", "--continue")
		}},
		{"`git cherry-pick`", false, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			side(r, first, "free/y", "y\n", true)
			return git(r, "cherry-pick", "side")
		}},
		{"`git revert`", false, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			edit(r, "mine\n")
			r.Git("commit", "-q", "--no-verify", "-am", "x")
			r.Git("push", "-q", "--no-verify", "origin", "main")
			return git(r, "revert", "--no-edit", "HEAD")
		}},
		{"`git am`", false, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			side(r, first, "free/y", "y\n", true) // else the very same commit comes out
			return r.Run(r.Git("format-patch", "--stdout", "-1", "side")+"\n", "git", "am")
		}},
		{"`git stash`, `git stash pop`", false, false, func(t *testing.T, r *gittest.Repo) gittest.Result {
			edit(r, "mine\n")
			r.Git("stash", "-q")
			return git(r, "stash", "pop")
		}},
		{"a graphical client: `PATH=/usr/bin:/bin`, git-grite in `~/.local/bin`", true, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			return commit("-a")(t, r)
		}},
		{"a foreign directory, with `GIT_DIR` and `GIT_WORK_TREE`", true, true, func(t *testing.T, r *gittest.Repo) gittest.Result {
			edit(r, "mine\n")
			foreign := gittest.New(t)
			return git(r.At(foreign.Dir).With("GIT_DIR="+filepath.Join(r.Dir, ".git"), "GIT_WORK_TREE="+r.Dir), "commit", "-am", "x")
		}},
		{"`git -C DIR commit` below a foreign `GIT_DIR`: git commits there", false, false, func(t *testing.T, r *gittest.Repo) gittest.Result {
			edit(r, "mine\n")
			foreign := gittest.New(t)
			astray := r.With("GIT_DIR=" + filepath.Join(foreign.Dir, ".git"))
			astray.Git("-C", r.Dir, "add", "src/a.go")
			res := git(astray, "-C", r.Dir, "commit", "-m", "x")
			if subject := foreign.Git("log", "-1", "--format=%s"); subject != "x" {
				t.Errorf("git committed elsewhere: %s", subject)
			}
			return res
		}},
	}
}

// TestJudged executes each row of the table in docs/hooks.md.
func TestJudged(t *testing.T) {
	t.Parallel()
	rows := judgedRows()
	documented := judgedTable(t)
	for _, row := range rows {
		want := fmt.Sprintf("| %s | %s | %s |", row.what, yes(row.precommit), yes(row.prepush))
		if !slices.Contains(documented, want) {
			t.Errorf("docs/hooks.md has no row %s", want)
		}
	}
	if len(documented) != len(rows) {
		t.Errorf("docs/hooks.md has %d rows, and %d are executed", len(documented), len(rows))
	}
	for _, row := range rows {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			r := guarded(t, "path:src/a.go")
			remote := filepath.Join(filepath.Dir(r.Dir), "remote.git")
			r.Git("init", "-q", "--bare", remote)
			r.Git("remote", "add", "origin", remote)
			r.Git("push", "-q", "--no-verify", "origin", "main")
			r.Write(".git/grite/config.toml", readFile(t, filepath.Join(r.Dir, ".git/grite/config.toml"))+"\n[lock]\nremote = \"none\"\n")
			if strings.Contains(row.what, "PATH=") {
				r = desktop(t, r)
			}
			res := row.act(t, r)
			if res.Code != 0 {
				t.Fatalf("exit %d, %s%s", res.Code, res.Stdout, res.Stderr)
			}
			if judged := strings.Contains(res.Stderr, "commit goes on") && strings.Contains(res.Stderr, "  src/a.go\n"); judged != row.precommit {
				t.Errorf("pre-commit: judged is %v: %s", judged, res.Stderr)
			}
			res = r.Run("", "git", "push", "--force", "origin", "HEAD:refs/heads/pushed")
			if judged := strings.Contains(res.Stderr, "push goes on") && strings.Contains(res.Stderr, "  src/a.go\n"); judged != row.prepush || res.Code != 0 {
				t.Errorf("pre-push: exit %d, judged is %v: %s", res.Code, judged, res.Stderr)
			}
		})
	}
}

// judgedTable returns the rows of the table in docs/hooks.md.
func judgedTable(t *testing.T) []string {
	t.Helper()
	_, table, found := strings.Cut(readFile(t, "../../docs/hooks.md"), "| pre-commit judges | pre-push judges |\n|---|---|---|\n")
	if !found {
		t.Fatal("docs/hooks.md has no table of what is judged")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	return strings.Split(table, "\n")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
