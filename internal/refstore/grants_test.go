package refstore

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
)

// TestRenamedArbiter: a lock belongs to the place that granted it, whatever the
// remote is called.
func TestRenamedArbiter(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	clone := remote.Clone(t, remote.Dir)
	join(t, clone, 0).mustTake("path:src/")
	at := func() string {
		return remote.Git("for-each-ref", "--format=%(objectname)", gittest.LockRef("path:src/"))
	}
	before := at()
	clone.Git("remote", "rename", "origin", "a/b")
	clone.Git("remote", "add", "a", remote.Dir) // the same place under a name that is a part of the other
	for _, name := range []string{"a/b", "a"} {
		m := joinRemote(t, clone, 0, name)
		locks, err := m.renew(3*time.Hour, "path:src/")
		if err != nil || len(locks) != 1 || locks[0].Remote != name {
			t.Errorf("renewed %+v, %v", locks, err)
		}
		if again := m.mustTake("path:src/"); !again[0].AlreadyHeld {
			t.Errorf("taken again: %+v", again)
		}
	}
	if at() == before {
		t.Error("the record has not been renewed")
	}
	joinRemote(t, clone, 0, "a/b").mustRelease()
	if at() != "" {
		t.Error("the record has not been released")
	}
}

// TestOtherArbiter: what one arbiter granted is not held of another, and nothing
// that is done with the other touches it.
func TestOtherArbiter(t *testing.T) {
	t.Parallel()
	remote, backup := gittest.NewRemote(t), gittest.NewRemote(t)
	clone := remote.Clone(t, remote.Dir)
	clone.Git("remote", "add", "backup", backup.Dir)
	here, there := join(t, clone, 0), joinRemote(t, clone, 0, "backup")
	granted := here.mustTake("path:src/")
	if held, err := there.granted(); err != nil || len(held) != 0 {
		t.Errorf("held of the other arbiter: %+v, %v", held, err)
	}
	others, err := there.grants.Elsewhere()
	if err != nil || len(others) != 1 || others[0].Nonce != granted[0].Nonce || others[0].Arbiter != here.store.Arbiter() {
		t.Errorf("elsewhere: %+v, %v", others, err)
	}
	if _, err := there.renew(time.Hour); err == nil {
		t.Error("renewed where it was not granted")
	}
	if again := there.mustTake("path:src/"); again[0].AlreadyHeld || again[0].Nonce == granted[0].Nonce {
		t.Errorf("taken of the other arbiter: %+v", again)
	}
	there.mustRelease()
	if locks, err := here.renew(2 * time.Hour); err != nil || len(locks) != 1 || locks[0].Nonce != granted[0].Nonce {
		t.Errorf("renewed %+v, %v", locks, err)
	}
}

// TestOldGrants: files of older versions, which know the name of a remote alone.
func TestOldGrants(t *testing.T) {
	l := sample(t)
	dir := t.TempDir()
	held := filepath.Join(dir, "actors", string(l.Owner), "held")
	if err := os.MkdirAll(held, 0o777); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"remote": "origin", "oid": "o1", "next": "o2", "record": json.RawMessage(Encode(l))})
	if err != nil {
		t.Fatal(err)
	}
	key := l.Resource.Key()
	if err := os.WriteFile(filepath.Join(held, key), text, 0o666); err != nil {
		t.Fatal(err)
	}
	origin := NewGrants(dir, l.Owner, Arbiter{Name: "origin", URL: "/x"})
	all, err := origin.Held()
	h := all[key]
	if err != nil || h.Nonce != l.Nonce || !h.Stands("o1") || !h.Stands("o2") || !h.Verify {
		t.Errorf("%+v, %v", h, err)
	}
	other := NewGrants(dir, l.Owner, Arbiter{Name: "backup", URL: "/y"})
	if others, err := other.Elsewhere(); err != nil || len(others) != 1 || others[0].Arbiter != (Arbiter{Name: "origin"}) {
		t.Errorf("%+v, %v", others, err)
	}
	if err := other.Drop(key); err != nil {
		t.Error(err)
	}
	h.Pending = []lock.Pending{{Version: "o3", Expires: l.Expires.Add(time.Hour), TTL: time.Hour}}
	if err := origin.Put(h); err != nil {
		t.Fatal(err)
	}
	again, err := origin.Held()
	if got := again[key]; err != nil || len(again) != 1 || got.Stands("o2") || !got.Stands("o3") || !got.Pending[0].Expires.Equal(h.Pending[0].Expires) {
		t.Errorf("%+v, %v", again, err)
	}
	if err := origin.Drop(key); err != nil {
		t.Error(err)
	}
	if files, err := os.ReadDir(held); err != nil || len(files) != 0 {
		t.Errorf("%v are left, %v", files, err)
	}
}

// TestGrantsReadOnce: a verb reads what was granted once, and once more when it
// got its turn, because others had theirs.
func TestGrantsReadOnce(t *testing.T) {
	l := sample(t)
	dir := t.TempDir()
	open := func() *Grants { return NewGrants(dir, l.Owner, Arbiter{Name: "origin", URL: "/x"}) }
	one, other := open(), open()
	holds := func(g *Grants, want string) {
		t.Helper()
		held, err := g.Held()
		if got := held[l.Resource.Key()].Version; err != nil || got != want {
			t.Errorf("holds %q, %v; not %q", got, err, want)
		}
	}
	put := func(g *Grants, version string) {
		t.Helper()
		if err := g.Put(lock.Holding{Lock: l, Version: version}); err != nil {
			t.Fatal(err)
		}
	}
	holds(one, "")
	put(other, "o1")
	holds(one, "")
	holds(other, "o1")
	end, err := one.Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	holds(one, "o1")
	put(one, "o2")
	holds(one, "o2")
	holds(open(), "o2")
	if err := one.Drop(l.Resource.Key()); err != nil {
		t.Fatal(err)
	}
	holds(one, "")
	holds(open(), "")
	holds(other, "o1")
}
