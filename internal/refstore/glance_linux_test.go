package refstore

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
)

// glances is a clone with many locks of its own, whose clock is so far ahead that
// every change is an old one.
type glances struct {
	*testing.T
	clone *gittest.Repo
	store *Local
	ahead time.Duration
	refs  []git.RefUpdate
}

func newGlances(t *testing.T) *glances {
	t.Helper()
	g := &glances{T: t, clone: gittest.New(t), ahead: time.Hour}
	repo, err := git.Open(t.Context(), g.clone.Dir, g.clone.Env)
	if err != nil {
		t.Fatal(err)
	}
	g.store = NewLocal(repo, filepath.Join(repo.CommonDir, "grite"), func() time.Time { return time.Now().Add(g.ahead) })
	if err := os.MkdirAll(g.store.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range worthAStamp + 5 { // some are deleted
		g.refs = append(g.refs, git.RefUpdate{Name: refName(lock.Key(fmt.Sprintf("path:f%d", i))), New: g.record(fmt.Sprintf("path:f%d", i), "first")})
	}
	if err := repo.UpdateRefs(t.Context(), g.refs); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *glances) record(resource, nonce string) git.OID {
	g.Helper()
	l := sample(g)
	var err error
	if l.Resource, err = lock.ParseResource(resource, ""); err != nil {
		g.Fatal(err)
	}
	l.Nonce = nonce
	oid, err := g.store.Write(g.Context(), l)
	if err != nil {
		g.Fatal(err)
	}
	return git.OID(oid)
}

// file is that of the first ref.
func (g *glances) file() string { return filepath.Join(g.clone.Dir, ".git", string(g.refs[0].Name)) }

func (g *glances) load(fresh bool) (text string) {
	g.Helper()
	v, err := g.store.Load(g.Context(), fresh)
	if err != nil {
		g.Fatal(err)
	}
	for _, e := range v.Entries {
		text += fmt.Sprintln(e.Key, e.Version, e.Resource, e.Nonce, e.Expires.UnixMilli())
	}
	return text + fmt.Sprintln(v.Damaged)
}

// trusts reports whether a look goes by what is remembered, which a ref that is
// written over in its place gives away.
func (g *glances) trusts() bool {
	g.Helper()
	text, err := os.ReadFile(g.file())
	if err != nil {
		g.Fatal(err)
	}
	write := func(text []byte) {
		if err := os.WriteFile(g.file(), text, 0o666); err != nil {
			g.Fatal(err)
		}
	}
	write([]byte(g.record("path:f0", "in its place") + "\n"))
	defer write(text)
	return g.load(false) != g.load(true)
}

// TestGlance: a look that opens no ref sees every change that git makes.
func TestGlance(t *testing.T) {
	t.Parallel()
	g := newGlances(t)
	same := func(what string, trusted bool) {
		t.Helper()
		for range 2 { // the second finds what the first remembers
			if glance, all := g.load(false), g.load(true); glance != all {
				t.Errorf("after %s a look shows\n%s, not\n%s", what, glance, all)
			}
		}
		if g.trusts() != trusted {
			t.Errorf("after %s: trusts what is remembered: %v", what, !trusted)
		}
		time.Sleep(50 * time.Millisecond) // the next change is at another tick of the clock
	}
	move := func(args ...string) func() { return func() { g.clone.Git(append([]string{"update-ref"}, args...)...) } }
	name := string(g.refs[0].Name)
	next := string(g.record("path:f0", "second"))
	dir := filepath.Dir(g.file())
	for _, change := range []struct {
		what    string
		do      func()
		trusted bool
	}{
		{"nothing", func() {}, true},
		{"a change", move(name, next), true},
		{"a change of two", func() {
			g.clone.GitIn(fmt.Sprintf("update %s %s\ndelete %s\n", name, g.refs[0].New, g.refs[1].Name), "update-ref", "--stdin")
		}, true},
		{"one more", move(string(g.refs[1].Name), string(g.refs[1].New)), true},
		{"our own change", func() {
			if err := g.store.repo.UpdateRef(t.Context(), git.RefUpdate{Name: g.refs[0].Name, Old: g.refs[0].New, New: git.OID(next)}); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"a rename by hand", func() {
			if err := os.WriteFile(g.file()+".new", []byte(g.refs[0].New+"\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(g.file()+".new", g.file()); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"the directory was copied", func() {
			g.clone.Git("update-ref", name, next)
			g.load(false)
			sh := fmt.Sprintf("cp -a %[1]q %[1]q.copy && git update-ref %s %s && rm -r %[1]q && mv %[1]q.copy %[1]q", dir, name, g.refs[0].New)
			if res := g.clone.Run("", "sh", "-c", sh); res.Code != 0 {
				t.Fatal(res.Stderr)
			}
		}, true},
		{"a symbolic ref", func() { g.clone.Git("symbolic-ref", string(g.refs[2].Name), name) }, false},
		{"none any more", move("--no-deref", string(g.refs[2].Name), string(g.refs[2].New)), true},
		{"a directory", func() { g.clone.Git("update-ref", "refs/grite/locks/a/b", next) }, false},
		{"a change in it", move("refs/grite/locks/a/b", string(g.refs[0].New)), false},
		{"its end", func() {
			g.clone.Git("update-ref", "-d", "refs/grite/locks/a/b")
			_ = os.Remove(filepath.Join(dir, "a"))
		}, true},
		{"an empty directory", func() { _ = os.Mkdir(filepath.Join(dir, "b"), 0o777) }, false},
		{"a ref in it", func() { g.clone.Git("update-ref", "refs/grite/locks/b/c", next) }, false},
		{"the end of that", func() {
			g.clone.Git("update-ref", "-d", "refs/grite/locks/b/c")
			_ = os.Remove(filepath.Join(dir, "b"))
		}, true},
		{"packing", func() { g.clone.Git("pack-refs", "--all", "--no-prune") }, true},
		{"a change of a packed one", func() {
			g.clone.Git("update-ref", "-d", string(g.refs[3].Name))
		}, true},
		{"a look too soon", func() { g.ahead = 0; g.clone.Git("update-ref", name, next) }, false},
	} {
		change.do()
		same(change.what, change.trusted)
	}
}
