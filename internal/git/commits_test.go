package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// commitFile commits one file on the current branch and returns the commit.
func commitFile(r *gittest.Repo, path, text string) OID {
	r.Write(path, text)
	r.Git("add", path)
	r.Git("commit", "-q", "-m", path)
	return OID(r.Git("rev-parse", "HEAD"))
}

func TestPushedCommits(t *testing.T) {
	r := gittest.New(t)
	base := OID(r.Git("rev-parse", "HEAD"))
	second := commitFile(r, "b", "b")
	third := commitFile(r, "c", "c")
	side := OID(r.GitIn("side", "commit-tree", "-p", string(base), string(base)+"^{tree}"))
	pushed := func(published Published, updates ...PushUpdate) []OID {
		t.Helper()
		commits, _, err := open(t, r).PushedCommits(context.Background(), updates, published, 100)
		if err != nil {
			t.Fatal(err)
		}
		oids := []OID{}
		for _, c := range commits {
			oids = append(oids, c.OID)
		}
		return oids
	}
	main := PushUpdate{LocalOID: third}
	unknown := OID(strings.Repeat("12", 20))
	for name, c := range map[string]struct {
		published Published
		update    PushUpdate
		want      []OID
	}{
		"nothing known":           {Published{}, main, []OID{third, second, base}},
		"old value":               {Published{}, PushUpdate{LocalOID: third, RemoteOID: second}, []OID{third}},
		"unknown old value":       {Published{}, PushUpdate{LocalOID: third, RemoteOID: unknown}, []OID{third, second, base}},
		"tips of the remote":      {Published{Tips: []OID{base, unknown}}, main, []OID{third, second}},
		"tip that is a blob":      {Published{Tips: []OID{OID(r.Git("rev-parse", "HEAD:b")), second}}, main, []OID{third}},
		"deletion":                {Published{}, PushUpdate{RemoteOID: third}, []OID{}},
		"branch of other history": {Published{Tips: []OID{base}}, PushUpdate{LocalOID: side}, []OID{side}},
	} {
		if got := pushed(c.published, c.update); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	r.Git("update-ref", "refs/remotes/o/main", string(second))
	r.Git("update-ref", "refs/remotes/o-two/main", string(third))
	if got := pushed(Published{Remotes: []string{"o"}}, main); !slices.Equal(got, []OID{third}) {
		t.Errorf("tracking branch: %v", got)
	}

	// What only this clone believes of the history is not what is pushed.
	r.Git("update-ref", "-d", "refs/remotes/o/main")
	r.Git("update-ref", "-d", "refs/remotes/o-two/main")
	r.Git("replace", "--graft", string(third))
	if got := pushed(Published{}, main); len(got) != 3 {
		t.Errorf("git replace: %v", got)
	}
	r.Git("replace", "-d", string(third))
	r.Write(".git/info/grafts", string(third)+"\n")
	gittest.Unhealthy(t, "git pushes nothing whose parents a graft hides", r)
	if got := pushed(Published{}, main); len(got) != 3 {
		t.Errorf("grafts: %v", got)
	}
}

func TestMergeEdits(t *testing.T) {
	r := gittest.New(t)
	commitFile(r, "locked", "1\n2\n3\n4\n5\n")
	for _, branch := range []string{"x", "y", "z"} {
		r.Git("checkout", "-q", "-b", branch, "main")
		commitFile(r, branch, branch)
	}
	merge := func(edit bool, branches ...string) OID {
		r.Git("checkout", "-q", "--detach", "main")
		commitFile(r, "m", "m")
		r.Git(append([]string{"merge", "-q", "--no-commit"}, branches...)...)
		if edit {
			r.Write("locked", "by hand\n")
			r.Git("add", "locked")
		}
		r.Git("commit", "-q", "-m", "merge")
		return OID(r.Git("rev-parse", "HEAD"))
	}
	repo := open(t, r)
	for name, c := range map[string]struct {
		merge OID
		want  string
		fails bool
	}{
		"clean":                  {merge: merge(false, "x")},
		"by hand":                {merge: merge(true, "x"), want: "locked"},
		"octopus":                {merge: merge(false, "x", "y"), fails: true},
		"octopus edited by hand": {merge: merge(true, "x", "y", "z"), fails: true},
	} {
		edits, err := repo.MergeEdits(context.Background(), c.merge)
		if strings.Join(edits, " ") != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %q, error %v", name, edits, err)
		}
	}
}

// TestFailureIsNoAnswer: a git that could not find out has not said no.
func TestFailureIsNoAnswer(t *testing.T) {
	r := gittest.New(t)
	gittest.Unhealthy(t, "objects are damaged and missing on purpose", r)
	commitFile(r, "team", "settings")
	older := commitFile(r, "a", "1")
	old := commitFile(r, "a", "2")
	r.Git("checkout", "-q", "-b", "side", string(older))
	commitFile(r, "b", "b")
	r.Git("merge", "-q", "-s", "ours", "-m", "ours", string(old))
	next := OID(r.Git("rev-parse", "HEAD"))
	repo, ctx := open(t, r), context.Background()
	all := func(paths []string) ([]string, error) { return paths, nil }
	undone := func(old OID) string {
		paths, err := repo.Undone(ctx, old, next, []Commit{{OID: next, Merge: true}}, 100, all)
		return fmt.Sprint(strings.Join(paths, " "), err != nil)
	}
	unknown := OID(strings.Repeat("12", 20))
	sound := func() {
		t.Helper()
		for _, c := range []struct {
			old  OID
			want string
		}{{old, "afalse"}, {OID(r.Git("commit-tree", "-m", "x", string(old)+"^{tree}")), "false"}, {unknown, "false"}} {
			if got := undone(c.old); got != c.want {
				t.Errorf("from %s to %s: %s, want %s", c.old, next, got, c.want)
			}
		}
	}
	sound()
	for name, oid := range map[string]OID{"old": old, "history": older} {
		for how, damage := range map[string]func(path string) error{
			"damaged": func(path string) error { return os.WriteFile(path, []byte("junk"), 0o666) }, "missing": os.Remove,
		} {
			path := filepath.Join(r.Dir, ".git/objects", string(oid[:2]), string(oid[2:]))
			saved, err := os.ReadFile(path)
			if err = errors.Join(err, os.Chmod(path, 0o666), damage(path)); err != nil {
				t.Fatal(err)
			}
			want := "true"
			if name == "old" && how == "missing" { // as after a forced push of others
				want = "false"
			}
			if got := undone(old); got != want {
				t.Errorf("%s %s: %s, want %s", name, how, got, want)
			}
			if err := os.WriteFile(path, saved, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	sound()

	tree := r.Git("rev-parse", string(old)+"^{tree}")
	if err := os.Remove(filepath.Join(r.Dir, ".git/objects", tree[:2], tree[2:])); err != nil {
		t.Fatal(err)
	}
	if text, err := repo.FileIn(ctx, string(old), "team", 100); err == nil {
		t.Errorf("a file of a tree that is missing: %q", text)
	}
	if text, err := repo.FileIn(ctx, "nowhere", "team", 100); text != nil || err != nil {
		t.Errorf("a file of no commit: %q, %v", text, err)
	}
	_, _, err := repo.RangeCommits(ctx, string(old), "nowhere", 100)
	var missing *RevisionError
	if !errors.As(err, &missing) {
		t.Errorf("no such commit: %v", err)
	}
	for _, kv := range gittest.WrapGit(t, `if is rev-parse; then kill -9 $$; fi`) { // where our git is looked for
		if path, ok := strings.CutPrefix(kv, "PATH="); ok {
			t.Setenv("PATH", path)
		}
	}
	if _, err := repo.CommitOf(ctx, "HEAD"); No(err) {
		t.Error("no commit, because a git was killed")
	}
}

func TestProjectRef(t *testing.T) {
	for name, want := range map[RefName]bool{
		"refs/heads/main": true, "refs/tags/v1": true, "refs/for/main": true, "refs/drafts/x": true, "refs/changes/01/1/1": true,
		"refs/notes/commits": false, "refs/bugs/1234": false, "refs/grite/locks/1": false, "refs/git-grite/x": false, "refs/identities/1": false, "HEAD": false,
	} {
		if ProjectRef(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// TestCheckPath compares with what "git add" says.
func TestCheckPath(t *testing.T) {
	s := gittest.New(t)
	r := gittest.New(t)
	r.Write("real/f", "f")
	r.Git("add", ".")
	r.Git("submodule", "add", "-q", s.Dir, "sub")
	r.Git("submodule", "add", "-q", s.Dir, "deep/sub")
	r.Git("commit", "-q", "-m", "submodules")
	r.Git("submodule", "deinit", "-q", "-f", "deep/sub")
	if res := r.Run("", "ln", "-s", "real", "link"); res.Code != 0 {
		t.Fatal(res.Stderr)
	}
	r.Write("nested/.git/HEAD", "junk")
	r.Write("nested/f", "f")
	for path, want := range map[string]string{
		"real/f": "", "real/new": "", "new/dir/f": "", "README": "", "link": "", "sub": "",
		"link/f": "is beyond a symbolic link", "link/new/f": "is beyond a symbolic link",
		"sub/README": "is in submodule 'sub'", "sub/new": "is in submodule 'sub'", "deep/sub/x": "is in submodule 'deep/sub'", "nested/f": "", ".gitignore": "", ".git*": "", "a.git/b": "",
		".git": "invalid path '.git'", ".git/": "invalid path", ".git/config": "invalid path", ".GIT/config": "invalid path '.GIT/config'", "new/.git/x": "invalid path",
	} {
		err := open(t, r).CheckPath(context.Background(), path)
		var refused *PathError
		if want == "" && err != nil || want != "" && (!errors.As(err, &refused) || !strings.Contains(refused.Reason, want)) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if git := r.Run("", "git", "add", "-n", path); want != "" && !strings.HasPrefix(want, "invalid") && !strings.Contains(git.Stderr, want) {
			t.Errorf("%s: git says %q", path, git.Stderr)
		}
	}
	plain := gittest.New(t)
	plain.Write("a/b", "b")
	repo := open(t, plain)
	t.Setenv("PATH", "") // in an ordinary repository it takes no git
	if err := repo.CheckPath(context.Background(), "a/b"); err != nil {
		t.Error(err)
	}
}

func FuzzPorcelain(f *testing.F) {
	f.Add("!\tabc:refs/grite/locks/x\t[rejected] (stale info)")
	f.Add("*\t:refs/grite/locks/x\t[new]")
	f.Add("!\t:refs/grite/locks/x\t[remote rejected] (")
	f.Fuzz(func(t *testing.T, line string) {
		report := PushReport{Status: map[RefName]PushStatus{"refs/grite/locks/x": PushUnknown}}
		report.read(line)
		if len(report.Status) != 1 {
			t.Fatal("a ref that nobody asked for")
		}
		remoteWords(line)
		reason(line)
		local(line)
	})
}

func FuzzListing(f *testing.F) {
	f.Add([]byte("0123456789012345678901234567890123456789\trefs/heads/main\nref: refs/heads/main\tHEAD\n"))
	f.Add([]byte("ref: \t\nx\n\t\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		symrefs, refs := parseListing(out)
		for name, target := range symrefs {
			if strings.ContainsAny(string(name+target), "\n") {
				t.Fatalf("%q %q", name, target)
			}
		}
		for _, ref := range refs {
			if len(ref.OID) != 40 && len(ref.OID) != 64 {
				t.Fatalf("%q", ref.OID)
			}
		}
	})
}

// TestOutgoingPaths: merges, names of every kind, first commits, and what is
// published already.
func TestOutgoingPaths(t *testing.T) {
	remote := gittest.NewRemote(t)
	c := remote.Clone(t, remote.Dir)
	commit := func(paths ...string) {
		for _, path := range paths {
			c.Write(path, path)
		}
		c.Git("add", ".")
		c.Git("commit", "-q", "-m", "x")
	}
	commit("old")
	c.Git("push", "-q", "origin", "HEAD:main")
	c.Git("checkout", "-q", "-b", "side")
	commit("side", "both", strings.Repeat("a", 40))
	c.Git("checkout", "-q", "-")
	commit("\nfeed", "two\nlines", "both ")
	c.Git("merge", "-q", "--no-commit", "side")
	commit("in the merge")
	c.Git("checkout", "-q", "--orphan", "root")
	c.Git("rm", "-rfq", ".")
	commit("root")
	c.Git("checkout", "-q", "side")
	repo, err := Open(t.Context(), c.Dir, c.Env)
	if err != nil {
		t.Fatal(err)
	}
	a40 := strings.Repeat("a", 40)
	for source, want := range map[string][]string{
		"side": {a40, "both", "side"}, "root": {"root"}, "HEAD~1": nil, "refs/heads/r*": {"root"},
		":": {"\nfeed", a40, "both", "both ", "in the merge", "root", "side", "two\nlines"},
	} {
		paths, all, err := repo.OutgoingPaths(t.Context(), []string{source}, "origin", 100)
		if got := slices.Sorted(maps.Keys(paths)); err != nil || !all || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, %v; want %q", source, got, all, err, want)
		}
	}
	if _, all, err := repo.OutgoingPaths(t.Context(), []string{":"}, "origin", 2); all || err != nil {
		t.Errorf("more commits than asked for: %v, %v", all, err)
	}
	var failed *Error
	if _, _, err := repo.OutgoingPaths(t.Context(), []string{"nowhere"}, "origin", 2); !errors.As(err, &failed) {
		t.Errorf("nowhere: %v", err)
	}
}
