package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestMoveRefs compares the change of a ref that is a copy with git's own, in pairs
// of repositories, and holds in which cases that costs a git process.
func TestMoveRefs(t *testing.T) {
	const name = "refs/git-grite/remotes/origin/0000"
	git := func(args ...string) func(*gittest.Repo) { return func(r *gittest.Repo) { r.Git(args...) } }
	file := func(path, text string) func(*gittest.Repo) {
		return func(r *gittest.Repo) { r.Write(".git/"+path, text) }
	}
	for what, c := range map[string]struct {
		make  []func(*gittest.Repo)
		moves int // git processes to move it
		drops int // and to delete it
	}{
		"loose":              {nil, 0, 0},
		"packed":             {[]func(*gittest.Repo){git("pack-refs", "--all")}, 1, 1}, // git makes the directory
		"both":               {[]func(*gittest.Repo){git("pack-refs", "--all", "--no-prune")}, 0, 1},
		"others packed":      {[]func(*gittest.Repo){git("update-ref", name+"x", "HEAD"), git("pack-refs", "--all"), git("update-ref", "-d", name), git("update-ref", name, "HEAD")}, 0, 0},
		"gone":               {[]func(*gittest.Repo){git("update-ref", "-d", name)}, 1, 1},
		"another value":      {[]func(*gittest.Repo){git("commit", "-q", "--allow-empty", "-m", "2"), git("update-ref", name, "HEAD")}, 1, 1},
		"symbolic":           {[]func(*gittest.Repo){git("symbolic-ref", name, "refs/heads/main")}, 1, 1},
		"broken":             {[]func(*gittest.Repo){file(name, "junk\n")}, 1, 1},
		"locked":             {[]func(*gittest.Repo){file(name+".lock", "")}, 1, 1},
		"packed-refs locked": {[]func(*gittest.Repo){file("packed-refs.lock", "")}, 0, 1},
		"log":                {[]func(*gittest.Repo){file("logs/"+name, "")}, 1, 1},
		"hook":               {[]func(*gittest.Repo){func(r *gittest.Repo) { r.Hook("reference-transaction", "exit 0") }}, 1, 1},
		"hooks elsewhere":    {[]func(*gittest.Repo){git("config", "core.hooksPath", "x y")}, 1, 1},
		"configured hook":    {[]func(*gittest.Repo){git("config", "hook.x.command", `say "x"; true`)}, 1, 1},
		"shared":             {[]func(*gittest.Repo){git("config", "core.sharedRepository", "0640")}, 0, 0},
		"link to packed-refs": {[]func(*gittest.Repo){git("pack-refs", "--all"), git("update-ref", "-d", name), git("update-ref", name, "HEAD"), func(r *gittest.Repo) {
			packed := filepath.Join(r.Dir, ".git/packed-refs")
			if err := os.Rename(packed, packed+".far"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("packed-refs.far", packed); err != nil {
				t.Fatal(err)
			}
		}}, 0, 1},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := gittest.New(t)
			old := OID(r.Git("rev-parse", "HEAD"))
			next := OID(r.Git("commit-tree", "-m", "next", "HEAD^{tree}"))
			r.Git("update-ref", name, "HEAD")
			if what == "broken" || what == "packed-refs locked" {
				gittest.Unhealthy(t, "the ref or the lock file is the test's")
			}
			for _, step := range c.make {
				step(r)
			}
			for _, to := range []OID{next, ""} {
				ours, theirs := r.Copy(), r.Copy()
				traced, processes := ours.Trace(0)
				updates := []RefUpdate{{Name: name, Old: old, New: to}}
				err := open(t, traced).MoveRefs(context.Background(), updates)
				want := open(t, theirs).UpdateRefs(context.Background(), updates)
				if (err == nil) != (want == nil) {
					t.Errorf("to %q: error %v, git's %v", to, err, want)
				}
				if got, want := standing(ours, name), standing(theirs, name); got != want {
					t.Errorf("to %q:\n%s\ngit has\n%s", to, got, want)
				}
				cost := c.moves
				if to == "" {
					cost = c.drops
				}
				if n := len(processes()); n != cost {
					t.Errorf("to %q: %d processes, want %d", to, n, cost)
				}
			}
		})
	}
}

// standing is what is in a repository of refs and lock files, and how a ref is shared.
func standing(r *gittest.Repo, name string) string {
	text := r.Run("", "git", "for-each-ref", "--format=%(objectname) %(refname) %(symref)").Stdout
	_ = filepath.WalkDir(filepath.Join(r.Dir, ".git"), func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".lock") {
			text += filepath.Base(path) + "\n"
		}
		return err
	})
	if st, err := os.Stat(filepath.Join(r.Dir, ".git", name)); err == nil {
		text += st.Mode().String()
	}
	return text
}

// TestUpdateRef compares each case of a change that grants a lock, among them the
// creation of a ref, with git's own.
func TestUpdateRef(t *testing.T) {
	const dir, name = "refs/grite/locks", "refs/grite/locks/0000"
	git := func(args ...string) func(*gittest.Repo) { return func(r *gittest.Repo) { r.Git(args...) } }
	other := git("update-ref", dir+"/1111", "HEAD")
	for what, c := range map[string]struct {
		make  []func(*gittest.Repo)
		costs int // git processes to make it
	}{
		"beside another":      {[]func(*gittest.Repo){other}, 0},
		"the first":           {nil, 1}, // git makes the directory
		"others packed":       {[]func(*gittest.Repo){other, git("update-ref", dir+"/2222", "HEAD"), git("pack-refs", "--all"), other, git("update-ref", dir+"/3333", "HEAD")}, 0},
		"there":               {[]func(*gittest.Repo){git("update-ref", name, "HEAD")}, 1},
		"packed":              {[]func(*gittest.Repo){git("update-ref", name, "HEAD"), git("pack-refs", "--all"), git("update-ref", dir+"/3333", "HEAD")}, 1},
		"broken":              {[]func(*gittest.Repo){other, func(r *gittest.Repo) { r.Write(".git/"+name, "junk\n") }}, 1},
		"a directory there":   {[]func(*gittest.Repo){other, git("update-ref", name+"/x", "HEAD")}, 1},
		"one packed there":    {[]func(*gittest.Repo){git("update-ref", name+"/x", "HEAD"), git("pack-refs", "--all"), other}, 1},
		"packed as the dir":   {[]func(*gittest.Repo){git("update-ref", dir, "HEAD"), git("pack-refs", "--all"), func(r *gittest.Repo) { r.Write(".git/"+dir+"/.keep", "") }}, 1},
		"symbolic":            {[]func(*gittest.Repo){other, git("symbolic-ref", name, "refs/heads/none")}, 1},
		"locked":              {[]func(*gittest.Repo){other, func(r *gittest.Repo) { r.Write(".git/"+name+".lock", "") }}, 1},
		"packed-refs locked":  {[]func(*gittest.Repo){other, func(r *gittest.Repo) { r.Write(".git/packed-refs.lock", "") }}, 0},
		"logs of all refs":    {[]func(*gittest.Repo){other, git("config", "core.logAllRefUpdates", "Always")}, 1},
		"hook":                {[]func(*gittest.Repo){other, func(r *gittest.Repo) { r.Hook("reference-transaction", "exit 0") }}, 1},
		"a hook that says no": {[]func(*gittest.Repo){other, func(r *gittest.Repo) { r.Hook("reference-transaction", "exit 1") }}, 1},
		"fsync":               {[]func(*gittest.Repo){other, git("config", "core.fsync", "none")}, 1},
		"shared":              {[]func(*gittest.Repo){other, git("config", "core.sharedRepository", "group")}, 0},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if what == "broken" || what == "packed-refs locked" || what == "symbolic" {
				gittest.Unhealthy(t, "the ref or the lock file is the test's")
			}
			r := gittest.New(t)
			for _, step := range c.make {
				step(r)
			}
			ours, theirs := r.Copy(), r.Copy()
			traced, processes := ours.Trace(0)
			u := RefUpdate{Name: name, New: OID(r.Git("rev-parse", "HEAD"))}
			err := open(t, traced).UpdateRef(t.Context(), u)
			want := open(t, theirs).UpdateRefs(t.Context(), []RefUpdate{u})
			if (err == nil) != (want == nil) {
				t.Errorf("error %v, git's %v", err, want)
			}
			if got, want := standing(ours, name), standing(theirs, name); got != want {
				t.Errorf("\n%s\ngit has\n%s", got, want)
			}
			if n := len(processes()); n != c.costs {
				t.Errorf("%d processes, want %d", n, c.costs)
			}
		})
	}
}

// TestMoveRefsRace moves and deletes refs while git packs all there are: none that was
// deleted comes back, and none is at a value that it was moved from.
func TestMoveRefsRace(t *testing.T) {
	r := gittest.New(t)
	repo := open(t, r)
	old := OID(r.Git("rev-parse", "HEAD"))
	next := OID(r.Git("commit-tree", "-m", "next", "HEAD^{tree}"))
	stop := make(chan struct{})
	var packer sync.WaitGroup
	packer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				r.Run("", "git", "pack-refs", "--all")
			}
		}
	})
	want := map[RefName]OID{}
	for i := range 60 {
		name := RefName(fmt.Sprintf("refs/git-grite/remotes/origin/%d", i))
		r.Git("update-ref", string(name), string(old))
		to := []OID{next, ""}[i%2]
		if err := repo.MoveRefs(context.Background(), []RefUpdate{{Name: name, Old: old, New: to}}); err != nil {
			want[name] = old // git did not get a lock in time
		} else if to != "" {
			want[name] = to
		}
	}
	close(stop)
	packer.Wait()
	refs, err := repo.Refs(context.Background(), "refs/git-grite/remotes/origin")
	if err != nil || len(refs) != len(want) {
		t.Errorf("%d refs, want %d, error %v", len(refs), len(want), err)
	}
	for _, ref := range refs {
		if want[ref.Name] != ref.OID {
			t.Errorf("%s is at %q, want %q", ref.Name, ref.OID, want[ref.Name])
		}
	}
	r.Git("fsck", "--strict")
}

// TestIsDirectory holds that git is asked about a path that does not exist only when
// the index may have something there.
func TestIsDirectory(t *testing.T) {
	r := gittest.New(t)
	r.Write("src/a.go", "x")
	r.Write("file", "x")
	r.Git("add", ".")
	r.Git("commit", "-q", "-m", "files")
	r.Git("update-index", "--add", "--cacheinfo", "160000,"+r.Git("rev-parse", "HEAD")+",sub")
	sparse := r.Copy()
	sparse.Git("update-index", "-q", "--refresh")
	sparse.Git("sparse-checkout", "set", "--cone", "--sparse-index", "none")
	for _, name := range []string{"src", "file"} {
		if err := os.RemoveAll(filepath.Join(r.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		repo  *gittest.Repo
		index string
		path  string
		is    bool
		asks  int
	}{
		{r, "2", "src", true, 1}, {r, "2", "file", false, 1}, {r, "2", "new", false, 0}, {r, "2", "src/new", false, 0}, {r, "2", "sr", false, 0},
		{r, "2", "sub", true, 1}, {r, "2", "ü", false, 1}, {r, "4", "src", true, 1}, {r, "4", "new", false, 1}, {r, "3", "new", false, 0},
		{sparse, "", "src", true, 1}, {sparse, "", "src/deep", false, 1},
	} {
		if c.index != "" {
			c.repo.Git("update-index", "--index-version", c.index)
		}
		traced, processes := c.repo.Trace(0)
		_, is, err := open(t, traced).Find(context.Background(), c.path)
		if err != nil || is != c.is || len(processes()) != c.asks {
			t.Errorf("index %q, %q: %v, %d processes, want %v, %d; error %v", c.index, c.path, is, len(processes()), c.is, c.asks, err)
		}
	}
	split := r.Copy()
	split.Git("update-index", "--split-index")
	if _, is, err := open(t, split).Find(context.Background(), "src"); err != nil || !is {
		t.Errorf("split index: %v, error %v", is, err)
	}
	if _, is, err := open(t, r.With("GIT_INDEX_FILE="+filepath.Join(r.Dir, ".git/none"))).Find(context.Background(), "src"); err != nil || is {
		t.Errorf("another index: %v, error %v", is, err)
	}
}
