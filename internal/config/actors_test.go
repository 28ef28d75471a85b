package config

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

var made = time.UnixMilli(1_700_000_000_000)

func mustMake(t *testing.T, a Actors, label string, asDefault bool, at time.Time) Actor {
	t.Helper()
	actor, err := a.Make(label, "", asDefault, at)
	if err != nil {
		t.Fatal(err)
	}
	return actor
}

func TestFindActor(t *testing.T) {
	t.Parallel()
	a := Actors{Dir: t.TempDir(), Worktrees: []string{"feature"}}
	ann := mustMake(t, a, "ann@example.com", true, made)
	a.Default = ann.ID
	agent := mustMake(t, a, "agent-70", false, made.Add(1))
	tree, err := a.InWorktree("feature")
	if err != nil || tree.Label != "ann@example.com/feature" || tree.ID != Derive(ann.ID, "feature") {
		t.Fatalf("%+v, %v", tree, err)
	}
	gone := Derive(ann.ID, "old")
	if err := os.MkdirAll(filepath.Join(a.Dir, "actors", string(gone)), 0o777); err != nil {
		t.Fatal(err)
	}
	session, err := a.Session("claude:3f2a", "claude/3f2a")
	if err != nil || session.ID != Derive(ann.ID, "claude:3f2a") {
		t.Fatalf("%+v, %v", session, err)
	}
	if err := a.Record(session, made.Add(2)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]lock.Owner{
		string(ann.ID): ann.ID, string(ann.ID[:6]): ann.ID, "ann@example.com": ann.ID, "agent-70": agent.ID,
		"ann@example.com/feature": tree.ID, string(tree.ID[:8]): tree.ID,
		"ann@example.com/old": gone, string(gone): gone, string(gone[:8]): gone, "claude/3f2a": session.ID,
	} {
		for _, find := range []func(string) (Actor, error){a.Find, a.FindHolder} {
			if actor, err := find(name); err != nil || actor.ID != want || (want == gone) != actor.Gone {
				t.Errorf("%s: %+v, %v", name, actor, err)
			}
		}
	}
	for name, near := range map[string]string{"agent-7": "agent-70", "agnet-70": "agent-70", "claude/": "", "ann@example.com/never": "", "": "", "an": "", "zz": ""} {
		_, err := a.Find(name)
		var unknown *UnknownActorError
		if !errors.As(err, &unknown) || !errors.Is(err, ErrNoActor) || near != "" && unknown.Nearest != near {
			t.Errorf("%q: %v, want nearest %q", name, err, near)
		}
	}
	if actor, err := a.FindHolder("claude/"); err != nil || actor.ID != session.ID {
		t.Errorf("the beginning of a label: %+v, %v", actor, err)
	}
	var unknown *UnknownActorError
	if _, err := a.FindHolder("ann@"); !errors.As(err, &unknown) || unknown.Matches != 2 {
		t.Errorf("an ambiguous beginning: %v", err)
	}
	var taken *LabelError
	if _, err := a.Make("ann@example.com/feature", "", false, made); !errors.As(err, &taken) {
		t.Errorf("a label that a work tree has: %v", err)
	}
}

func TestRemoveActor(t *testing.T) {
	t.Parallel()
	a := Actors{Dir: t.TempDir()}
	ann := mustMake(t, a, "ann", true, made)
	a.Default = ann.ID
	other := mustMake(t, a, "other", false, made)
	var refused *RemoveError
	if err := a.Remove(ann); !errors.As(err, &refused) {
		t.Errorf("the default actor: %v", err)
	}
	elsewhere := t.TempDir()
	if err := a.Remove(Actor{ID: other.ID, DataDir: elsewhere}); !errors.As(err, &refused) {
		t.Errorf("one kept elsewhere: %v", err)
	}
	if _, err := os.Stat(elsewhere); err != nil {
		t.Error(err)
	}
	if err := a.Remove(other); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Find("other"); !errors.Is(err, ErrNoActor) {
		t.Errorf("it is still found: %v", err)
	}
	if list, err := a.List(); err != nil || len(list) != 1 {
		t.Errorf("left: %v, %v", list, err)
	}
}

func TestIsCopy(t *testing.T) {
	t.Parallel()
	was := Clone{Host: "h", Path: "/r/.git", Inode: 7}
	for name, tt := range map[string]struct {
		here Clone
		copy bool
	}{
		"as it was":                      {was, false},
		"moved on the machine":           {Clone{Host: "h", Path: "/s/.git", Inode: 7}, false},
		"another name of the machine":    {Clone{Host: "i", Path: "/r/.git", Inode: 7}, false},
		"restored in its place":          {Clone{Host: "h", Path: "/r/.git", Inode: 8}, false},
		"cp -r":                          {Clone{Host: "h", Path: "/s/.git", Inode: 8}, true},
		"an image at the same path":      {Clone{Host: "i", Path: "/r/.git", Inode: 8}, true},
		"the same inode on another disk": {Clone{Host: "i", Path: "/s/.git", Inode: 7}, true},
		"another machine, another place": {Clone{Host: "i", Path: "/s/.git", Inode: 8}, true},
	} {
		if got := was.IsCopy(tt.here); got != tt.copy {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestCopiedClone copies a clone twice and looks who its actors are.
func TestCopiedClone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := Actors{Dir: dir, Worktrees: []string{"wt"}}
	ann, agent := mustMake(t, a, "ann", true, made), mustMake(t, a, "agent", false, made)
	a.Default = ann.ID
	here, err := Here("h", dir)
	if err != nil || here.Path == "" {
		t.Fatal(here, err)
	}
	settle := func(at Clone, now time.Time, wantChanged, wantCopied bool) Clone {
		t.Helper()
		c, changed, copied, err := Settle(dir, at, now)
		if err != nil || changed != wantChanged || copied != wantCopied {
			t.Fatalf("%+v, changed %v, copied %v, %v", c, changed, copied, err)
		}
		if changed {
			if err := c.Write(dir); err != nil {
				t.Fatal(err)
			}
		}
		a.Copies = c.Copies
		return c
	}
	settle(here, made, true, false)
	settle(here, made, false, false)
	moved := here
	moved.Path = "/moved"
	settle(moved, made, true, false)
	if base, err := a.Base(); err != nil || base.ID != ann.ID {
		t.Fatalf("moved: %+v, %v", base, err)
	}
	known := map[lock.Owner]bool{ann.ID: true, agent.ID: true}
	for i, at := range []Clone{{Host: "h", Path: "/copy", Inode: 1}, {Host: "i", Path: "/copy/2", Inode: 1}} {
		now := made.Add(time.Duration(i+1) * time.Hour)
		settle(at, now, true, true)
		settle(at, now, false, false)
		base, err := a.Base()
		if err != nil || known[base.ID] || filepath.Base(base.DataDir) != string(base.ID) {
			t.Fatalf("copy %d: base %+v, %v", i, base, err)
		}
		list, err := a.List()
		if err != nil || len(list) != 3+i {
			t.Fatalf("copy %d: %+v, %v", i, list, err)
		}
		for _, actor := range list {
			if known[actor.ID] {
				t.Errorf("copy %d: %+v is still the same", i, actor)
			}
			known[actor.ID] = true
		}
		if tree, err := a.InWorktree("wt"); err != nil || tree.ID != Derive(base.ID, "wt") {
			t.Errorf("copy %d: %+v, %v", i, tree, err)
		}
		if late := mustMake(t, a, []string{"late", "later"}[i], false, now.Add(time.Minute)); !known[late.ID] {
			if found, err := a.Find(late.Label); err != nil || found.ID != late.ID {
				t.Errorf("made in the copy: %+v, %v", found, err)
			}
		}
		if renamed, err := a.Relabel(base, []string{"bea", "cat"}[i]); err != nil || renamed.ID != base.ID {
			t.Errorf("renamed: %+v, %v", renamed, err)
		}
		if again, err := a.Base(); err != nil || again.ID != base.ID || again.Label != []string{"bea", "cat"}[i] {
			t.Errorf("copy %d: afterwards %+v, %v", i, again, err)
		}
	}
	adopted, err := ReadClone(dir)
	if err != nil {
		t.Fatal(err)
	}
	if a.Copies = adopted.Adopt().Adopt().Copies; len(a.Copies) != 0 {
		t.Fatal(a.Copies)
	}
	if base, err := a.Base(); err != nil || base.ID != ann.ID {
		t.Errorf("adopted: %+v, %v", base, err)
	}
}

func TestRandom(t *testing.T) {
	t.Parallel()
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		id, nonce := NewID(), NewNonce()
		if !lock.Owner(id).Valid() || !uuid.MatchString(nonce) || seen[id] || seen[nonce] {
			t.Fatal(id, nonce)
		}
		seen[id], seen[nonce] = true, true
	}
}
