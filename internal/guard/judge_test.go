package guard

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/git-grite/git-grite/internal/lock"
)

var now = time.Date(2026, 1, 15, 10, 0, 0, 0, time.UTC)

const me, other = lock.Owner("11111111111111111111111111111111"), lock.Owner("22222222222222222222222222222222")

func held(t testing.TB, owner lock.Owner, label, resource string, left time.Duration) lock.Lock {
	t.Helper()
	r, err := lock.ParseRecorded(resource)
	if err != nil {
		t.Fatal(err)
	}
	return lock.Lock{Owner: owner, Label: label, Resource: r, Nonce: string(owner) + resource, Expires: now.Add(left)}
}

func judge(t testing.TB, q Question) Verdict {
	t.Helper()
	q.Now = now
	v, err := Judge(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestJudge(t *testing.T) {
	mine := func(r string) lock.Lock { return held(t, me, "ann", r, time.Minute) }
	theirs := func(r string) lock.Lock { return held(t, other, "bob", r, time.Minute) }
	for _, tt := range []struct {
		name     string
		locks    []lock.Lock
		lockable []string
		edit     func(*Question)
		paths    string
		collides string
		unheld   string
	}{
		{name: "nobody holds anything", paths: "a b"},
		{name: "a file, and what is below a directory", locks: []lock.Lock{theirs("path:a"), theirs("path:src/")}, paths: "a ab b src/x/y src2", collides: "a src/x/y"},
		{name: "a pattern", locks: []lock.Lock{theirs("path:**/*.go")}, paths: "x.go d/y.go z.rs", collides: "x.go d/y.go"},
		{name: "the whole repository", locks: []lock.Lock{theirs("repo:release")}, paths: "a", collides: "a"},
		{name: "an issue covers no path", locks: []lock.Lock{theirs("issue:a")}, paths: "a"},
		{name: "an ended lease", locks: []lock.Lock{held(t, other, "bob", "path:a", 0), held(t, other, "bob", "path:b", time.Millisecond)}, paths: "a b", collides: "b"},
		{name: "my own", locks: []lock.Lock{mine("path:a"), mine("repo:r")}, paths: "a"},
		{name: "nobody in particular", locks: []lock.Lock{mine("path:a")}, edit: func(q *Question) { q.Owner = "" }, paths: "a", collides: "a"},
		{name: "a lock without an owner is nobody's", locks: []lock.Lock{held(t, "", "", "path:a", time.Minute)}, edit: func(q *Question) { q.Owner = "" }, paths: "a", collides: "a"},
		{name: "as a label", locks: []lock.Lock{theirs("path:a"), held(t, other, "bob/wt", "path:b", time.Minute), held(t, other, "bobby", "path:c", time.Minute)},
			edit: func(q *Question) { q.As = []string{"", "bob"} }, paths: "a b c", collides: "c"},
		{name: "case is exact", locks: []lock.Lock{theirs("path:SRC/")}, paths: "src/a"},
		{name: "case is folded", locks: []lock.Lock{theirs("path:SRC/")}, edit: func(q *Question) { q.Fold = true }, paths: "src/a", collides: "src/a"},
		{name: "lockable", lockable: []string{"*.psd", "assets/**"}, paths: "a.psd x/b.psd assets/x c", unheld: "a.psd x/b.psd assets/x"},
		{name: "lockable and held", lockable: []string{"*.psd"}, locks: []lock.Lock{mine("path:x/")}, paths: "x/a.psd b.psd", unheld: "b.psd"},
		{name: "lockable and held until a moment ago", lockable: []string{"*.psd"}, locks: []lock.Lock{held(t, me, "ann", "path:a.psd", 0)}, paths: "a.psd", unheld: "a.psd"},
		{name: "lockable and held by another", lockable: []string{"*.psd"}, locks: []lock.Lock{theirs("path:a.psd")}, paths: "a.psd b.psd", collides: "a.psd", unheld: "b.psd"},
		{name: "lockable and held as a label", lockable: []string{"*"}, locks: []lock.Lock{theirs("path:a")}, edit: func(q *Question) { q.As, q.Held = []string{"bob"}, func(lock.Lock) bool { return false } }, paths: "a"},
		{name: "a forged record satisfies nothing", lockable: []string{"*"}, locks: []lock.Lock{mine("path:a"), mine("path:b")},
			edit: func(q *Question) {
				q.Held = func(l lock.Lock) bool { return l.Resource.Name() == "b" }
			}, paths: "a b", unheld: "a"},
		{name: "a forged record is in nobody's way either", locks: []lock.Lock{mine("path:a")}, edit: func(q *Question) { q.Held = func(lock.Lock) bool { return false } }, paths: "a"},
		{name: "off", locks: []lock.Lock{theirs("path:a")}, lockable: []string{"*"}, edit: func(q *Question) { q.Policy = Off }, paths: "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lockable, err := ParseLockable(tt.lockable)
			if err != nil {
				t.Fatal(err)
			}
			q := Question{Policy: Require, Owner: me, Locks: tt.locks, Lockable: lockable, Paths: strings.Fields(tt.paths)}
			if tt.edit != nil {
				tt.edit(&q)
			}
			v := judge(t, q)
			var collides []string
			for _, c := range v.Collisions {
				collides = append(collides, c.Path)
			}
			if got := strings.Join(collides, " "); got != tt.collides {
				t.Errorf("collisions: %q, want %q", got, tt.collides)
			}
			if got := strings.Join(v.Unheld, " "); got != tt.unheld {
				t.Errorf("unheld: %q, want %q", got, tt.unheld)
			}
			if want := tt.collides+tt.unheld != ""; v.Blocked() != want || v.Clear() == want {
				t.Errorf("blocked %v, clear %v", v.Blocked(), v.Clear())
			}
			if q.Policy = Warn; judge(t, q).Blocked() {
				t.Error("warn blocks")
			}
		})
	}
}

// TestJudgeStops has the deadline pass before and between the two halves.
func TestJudgeStops(t *testing.T) {
	late := errors.New("it took too long")
	ctx, cancel := context.WithCancelCause(t.Context())
	lockable, _ := ParseLockable([]string{"*"})
	q := Question{Policy: Require, Owner: me, Now: now, Paths: []string{"a", "b"}, Lockable: lockable,
		Locks: []lock.Lock{held(t, other, "bob", "path:a*", time.Minute), held(t, me, "ann", "path:[b]", time.Minute)}}
	q.Held = func(lock.Lock) bool { cancel(late); return true }
	v, err := Judge(ctx, q)
	if !errors.Is(err, late) || len(v.Collisions) != 1 || len(v.Unheld) != 0 || !v.Blocked() {
		t.Errorf("between: %v, %v", v, err)
	}
	if v, err := Judge(ctx, q); !errors.Is(err, late) || v.Blocked() {
		t.Errorf("before: %v, %v", v, err)
	}
}

// TestJudgeLikeEach compares the verdict with asking each lock for each path.
func TestJudgeLikeEach(t *testing.T) {
	resources := []string{"path:a", "path:a/", "path:A/b", "path:**/*.go", "path:a/*", "path:{a,b}/c.go", "path:[ab]", "path:a[", "repo:x", "issue:a"}
	paths := []string{"a", "b", "A/b", "a/b", "a/c.go", "b/c.go", "x.go", "a[", "c"}
	rapid.Check(t, func(rt *rapid.T) {
		q := Question{Policy: Require, Owner: rapid.SampledFrom([]lock.Owner{me, ""}).Draw(rt, "owner"), Now: now, Fold: rapid.Bool().Draw(rt, "fold"),
			Paths: rapid.SliceOfDistinct(rapid.SampledFrom(paths), rapid.ID).Draw(rt, "paths")}
		for range rapid.IntRange(0, 5).Draw(rt, "locks") {
			q.Locks = append(q.Locks, held(t, rapid.SampledFrom([]lock.Owner{me, other}).Draw(rt, "holder"), "", rapid.SampledFrom(resources).Draw(rt, "resource"),
				rapid.SampledFrom([]time.Duration{-time.Second, time.Second}).Draw(rt, "left")))
		}
		var err error
		if q.Lockable, err = ParseLockable(rapid.SliceOfN(rapid.SampledFrom([]string{"*.go", "a", "a/**", "b/"}), 0, 2).Draw(rt, "lockable")); err != nil {
			rt.Fatal(err)
		}
		forged := rapid.Bool().Draw(rt, "forged")
		q.Held = func(lock.Lock) bool { return !forged }
		v, err := Judge(t.Context(), q)
		if err != nil {
			rt.Fatal(err)
		}
		covers := func(path string, ok func(lock.Lock) bool) bool {
			return slices.ContainsFunc(q.Locks, func(l lock.Lock) bool { return l.Expires.After(now) && ok(l) && l.Resource.Covers(path, q.Fold) })
		}
		for _, path := range q.Paths {
			foreign := covers(path, func(l lock.Lock) bool { return l.Owner != q.Owner })
			own := covers(path, func(l lock.Lock) bool { return l.Owner == q.Owner && !forged })
			must := slices.ContainsFunc(q.Lockable, func(r lock.Resource) bool { return r.Covers(path, q.Fold) })
			if got := slices.ContainsFunc(v.Collisions, func(c Collision) bool { return c.Path == path }); got != foreign {
				rt.Fatalf("%s collides: %v, want %v", path, got, foreign)
			}
			if got := slices.Contains(v.Unheld, path); got != (must && !own && !foreign) {
				rt.Fatalf("%s unheld: %v, must %v, own %v, foreign %v", path, got, must, own, foreign)
			}
		}
	})
}

func FuzzLockable(f *testing.F) {
	for _, s := range []string{"*.psd", "assets/**", "a/", "[", "{a,b}/c", "", "/", "../x"} {
		f.Add(s, "assets/x.psd")
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		resources, err := ParseLockable([]string{pattern})
		if err != nil {
			var fault *lock.ResourceError
			if !errors.As(err, &fault) {
				t.Fatalf("%q: %v", pattern, err)
			}
			return
		}
		v := judge(t, Question{Policy: Require, Owner: me, Lockable: resources, Paths: []string{path}})
		if want := resources[0].Covers(path, false); v.Blocked() != want {
			t.Fatalf("%q for %q: blocked %v, covers %v", pattern, path, v.Blocked(), want)
		}
	})
}

func TestParsePolicy(t *testing.T) {
	for _, s := range []string{"off", "warn", "require"} {
		if p, err := ParsePolicy(s); err != nil || string(p) != s {
			t.Errorf("%q: %q, %v", s, p, err)
		}
	}
	for _, s := range []string{"", "Off", "on"} {
		if _, err := ParsePolicy(s); err == nil || !strings.Contains(err.Error(), `"off", "warn" and "require"`) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
