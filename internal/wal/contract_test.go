package wal

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/cbor"
	"github.com/git-grite/git-grite/internal/gittest"
)

// TestContract is what the log promises over every transport and in both object
// formats.
func TestContract(t *testing.T) {
	t.Parallel()
	for _, tr := range gittest.Transports(t) {
		for _, format := range []string{"sha1", "sha256"} {
			if format == "sha256" && tr.Name != "file" {
				continue
			}
			t.Run(tr.Name+" "+format, func(t *testing.T) {
				t.Parallel()
				remote := gittest.NewRemote(t, "--object-format="+format)
				url, env := tr.Serve(t, remote.Dir)
				contract(t, remote, func() *gittest.Repo { return remote.With(env...).Clone(t, url) })
			})
		}
	}
}

func contract(t *testing.T, remote *gittest.Repo, clone func() *gittest.Repo) {
	alice, bob := join(t, clone(), 0), join(t, clone(), 1)
	a := alice.mustAppend(false)
	alice.mustHave(a)
	bob.mustHave()
	b := bob.mustAppend(false) // without having looked
	bob.mustHave(a, b)
	alice.mustHave(a)
	if s := alice.mustSync(); s.Here != s.There || s.Sent != 0 || s.Merged != 0 || s.Rewound != "" {
		t.Errorf("nothing to send: %+v", s)
	}
	alice.mustHave(a, b)

	// Offline, on both sides: diverged, and merged by whoever comes second.
	c, d := alice.mustAppend(true), alice.mustAppend(true)
	e := bob.mustAppend(true)
	if unsent, err := alice.Unsent(t.Context()); err != nil || len(unsent) != 2 || unsent[0].ID != c.ID || unsent[1].ID != d.ID {
		t.Errorf("unsent: %v, %v", unsent, err)
	}
	if s := bob.mustSync(); s.Sent != 1 || s.Merged != 0 {
		t.Errorf("sent first: %+v", s)
	}
	if s := alice.mustSync(); s.Sent != 2 || s.Merged != 2 {
		t.Errorf("sent second: %+v", s)
	}
	f := bob.mustAppend(false)
	alice.mustSync()
	for _, m := range []*member{alice, bob} {
		m.mustHave(a, b, c, d, e, f)
		if _, repeated := m.ids(); repeated != 0 {
			t.Errorf("%d events are stored twice", repeated)
		}
		if unsent, err := m.Unsent(t.Context()); len(unsent) > 0 || err != nil {
			t.Errorf("unsent: %v, %v", unsent, err)
		}
		if left := m.clone.Git("for-each-ref", "--format=%(refname)", strings.TrimSuffix(fetched, "/")); left != "" {
			t.Errorf("left is %s", left)
		}
		m.clone.Git("fsck", "--strict")
	}
	remote.Git("fsck", "--strict")
	// One straight line, in which both ways to go back lead to the same.
	for line := range strings.Lines(remote.Git("log", "--format=%H %P", string(Ref))) {
		commit, parents, _ := strings.Cut(strings.TrimSpace(line), " ")
		prev := "null"
		if parents != "" {
			prev = `"` + parents + `"`
		}
		if meta := remote.Git("show", commit+":meta.json"); !strings.Contains(meta, `"prev_wal": `+prev) || strings.Contains(parents, " ") {
			t.Errorf("commit %s with parents %q has %s", commit, parents, meta)
		}
	}
}

// TestForm is a commit of the log down to the byte, but for what git computes.
func TestForm(t *testing.T) {
	m := join(t, gittest.New(t), 0)
	m.Now = func() time.Time { return time.Unix(1700000000, 0) }
	e := vectors(t)[0].event(t)
	m.Actor = e.Actor
	if _, err := m.Append(t.Context(), []Event{e}, false); err != nil {
		t.Fatal(err)
	}
	const hash = "762674a2ca507121c33ab91f1b674fe02f13665681c164bb6044fbecd881d66d"
	if got := m.clone.Git("ls-tree", "-r", "--name-only", string(Ref)); got != "events/2023/11/14/"+hash+".bin\nmeta.json" {
		t.Errorf("the files are %s", got)
	}
	want := `{
  "schema_version": 1,
  "actor_id": "101112131415161718191a1b1c1d1e1f",
  "chunk_hash": "` + hash + `",
  "prev_wal": null
}`
	if got := m.clone.Git("show", string(Ref)+":meta.json"); got != want {
		t.Errorf("meta.json is %s", got)
	}
	if got := m.clone.Git("log", "--format=%an <%ae> %ad|%cn <%ce>|%B", "--date=raw", string(Ref)); got !=
		"grite <grit@local> 1700000000 +0000|grite <grit@local>|WAL: 1 events from 10111213" {
		t.Errorf("the commit is %s", got)
	}
}

// TestLarge: many events become several commits, and are one append all the
// same.
func TestLarge(t *testing.T) {
	m := join(t, gittest.New(t), 0)
	var events []Event
	for range 2500 {
		events = append(events, m.event())
	}
	huge := m.event()
	huge.Payload = cbor.AppendBytes(cbor.AppendArray(nil, 1), make([]byte, 3*maxCommitBytes))
	huge.Seal()
	events = append(events, huge, m.event())
	if _, err := m.Append(t.Context(), events, false); err != nil {
		t.Fatal(err)
	}
	if n := m.clone.Git("rev-list", "--count", string(Ref)); n != "5" {
		t.Errorf("%s commits", n)
	}
	m.mustHave(events...)
}

// TestConcurrent: eight clones, and processes of the same clone, append at once;
// each event is there once, and everybody sees the same.
func TestConcurrent(t *testing.T) {
	t.Run("clones", func(t *testing.T) {
		t.Parallel()
		remote := gittest.NewRemote(t)
		var members []*member
		for i := range 8 {
			members = append(members, join(t, remote.Clone(t, remote.Dir), i))
		}
		concurrent(t, members)
	})
	t.Run("one clone with a remote", func(t *testing.T) {
		t.Parallel()
		remote := gittest.NewRemote(t)
		clone := remote.Clone(t, remote.Dir)
		concurrent(t, []*member{join(t, clone, 0), join(t, clone, 1), join(t, clone, 2), join(t, clone, 3)})
	})
	t.Run("one clone alone", func(t *testing.T) {
		t.Parallel()
		clone := gittest.New(t)
		concurrent(t, []*member{join(t, clone, 0), join(t, clone, 1), join(t, clone, 2), join(t, clone, 3)})
	})
}

func concurrent(t *testing.T, members []*member) {
	const each = 3
	var mu sync.Mutex
	var all []Event
	var wg sync.WaitGroup
	for i, m := range members {
		wg.Go(func() {
			for k := range each {
				e := m.event()
				// Every other member is offline now and then.
				if _, err := m.Append(t.Context(), []Event{e}, i%2 == 1 && k == 1); err != nil {
					t.Errorf("member %d: %v", i, err)
					return
				}
				mu.Lock()
				all = append(all, e)
				mu.Unlock()
			}
			if m.Remote != nil {
				if _, err := m.Sync(t.Context()); err != nil {
					t.Errorf("member %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	if len(all) != each*len(members) {
		t.Fatalf("%d events", len(all))
	}
	for _, m := range members {
		if m.Remote != nil {
			m.mustSync()
		}
		m.mustHave(all...)
	}
}

// TestBudget: an append is one push, a fetch one fetch, and reading the heads
// nothing; the length of the log does not matter.
func TestBudget(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	clone, processes := remote.Clone(t, remote.Dir).Trace(0)
	m := join(t, clone, 0)
	m.mustAppend(false)
	bob := join(t, remote.Clone(t, remote.Dir), 1)
	expect := func(what string, want ...string) {
		t.Helper()
		var got []string
		for _, p := range processes() {
			for _, verb := range []string{"push", "fetch", "update-ref", "rev-list", "cat-file", "ls-remote"} {
				if slices.Contains(strings.Fields(p), verb) {
					got = append(got, verb)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s, not %s", what, got, want)
		}
	}
	processes()
	if _, err := m.Heads(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect("heads")
	m.mustAppend(false)
	expect("append", "push", "update-ref")
	m.mustAppend(true)
	expect("append offline", "update-ref")
	m.mustAppend(false)
	expect("append after one offline", "rev-list", "push", "update-ref")
	m.mustSync()
	expect("sync of nothing", "fetch", "update-ref")
	bob.mustAppend(false)
	m.mustAppend(false)
	expect("append after a lost race", "push", "fetch", "rev-list", "rev-list", "update-ref", "push", "update-ref")
}
