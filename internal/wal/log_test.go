package wal

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/cbor"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
)

// member is a clone with its log.
type member struct {
	*Log
	t     testing.TB
	clone *gittest.Repo
	n     uint64 // events made so far
}

// join opens the log of a clone, shared through origin unless it has none.
func join(t testing.TB, clone *gittest.Repo, i int) *member {
	t.Helper()
	repo, err := git.Open(t.Context(), clone.Dir, clone.Env)
	if err != nil {
		t.Fatal(err)
	}
	l := &Log{Repo: repo, Actor: ActorID{0xac, byte(i)}, Now: time.Now}
	if clone.Git("remote") != "" {
		if l.Remote, err = repo.OpenRemote(t.Context(), "origin", false); err != nil {
			t.Fatal(err)
		}
	}
	return &member{Log: l, t: t, clone: clone}
}

// event makes an event that no other member makes.
func (m *member) event() Event {
	m.n++
	e := Event{Issue: IssueID{1}, Actor: m.Actor, Time: 1700000000000 + m.n, Kind: 3}
	e.Payload = cbor.AppendText(cbor.AppendArray(nil, 1), fmt.Sprintf("comment %d", m.n))
	e.Seal()
	return e
}

func (m *member) mustAppend(offline bool) Event {
	m.t.Helper()
	e := m.event()
	if _, err := m.Append(m.t.Context(), []Event{e}, offline); err != nil {
		m.t.Fatal(err)
	}
	return e
}

func (m *member) mustSync() Appended {
	m.t.Helper()
	a, err := m.Sync(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	return a
}

// ids reads the whole log as this clone has it: the events in order, each once,
// and how often an event is stored beyond the first time.
func (m *member) ids() (ids []EventID, repeated int) {
	m.t.Helper()
	heads, err := m.Heads(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	refs, whole, err := m.List(m.t.Context(), heads, Heads{})
	if err != nil || !whole {
		m.t.Fatal(whole, err)
	}
	var events []Event
	err = m.Read(m.t.Context(), refs, func(c Chunk) {
		if c.Err != nil || c.Bad > 0 {
			m.t.Errorf("chunk %s: %v, %d malformed: %v", c.ID, c.Err, c.Bad, c.Why)
		}
		events = append(events, c.Events...)
	})
	if err != nil {
		m.t.Fatal(err)
	}
	slices.SortFunc(events, Compare)
	for _, e := range events {
		if len(ids) > 0 && ids[len(ids)-1] == e.ID {
			repeated++
		} else {
			ids = append(ids, e.ID)
		}
	}
	return ids, repeated
}

func (m *member) mustHave(events ...Event) {
	m.t.Helper()
	slices.SortFunc(events, Compare)
	var want []EventID
	for _, e := range events {
		want = append(want, e.ID)
	}
	if got, _ := m.ids(); !slices.Equal(got, want) {
		m.t.Errorf("the log has\n%s\nnot\n%s", got, want)
	}
}

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

// TestRewound: somebody deletes the log on the remote, moves it back, or puts
// another one in its place. That is noticed once, and nothing is lost.
func TestRewound(t *testing.T) {
	for name, harm := range map[string]func(remote *gittest.Repo){
		"deleted":    func(remote *gittest.Repo) { remote.Git("update-ref", "-d", string(Ref)) },
		"moved back": func(remote *gittest.Repo) { remote.Git("update-ref", string(Ref), string(Ref)+"~2") },
		"replaced": func(remote *gittest.Repo) {
			other := join(t, remote.At(remote.Dir), 9)
			remote.Git("update-ref", "-d", string(Ref))
			other.mustAppend(true)
		},
	} {
		for _, act := range []string{"append", "sync", "fetch, then append"} {
			t.Run(name+", "+act, func(t *testing.T) {
				t.Parallel()
				remote := gittest.NewRemote(t)
				alice, bob := join(t, remote.Clone(t, remote.Dir), 0), join(t, remote.Clone(t, remote.Dir), 1)
				events := []Event{alice.mustAppend(false), alice.mustAppend(false), alice.mustAppend(false)}
				before, _ := alice.Heads(t.Context())
				harm(remote)
				if name == "replaced" {
					m := &member{}
					m.Log = &Log{Actor: ActorID{0xac, 9}}
					events = append(events, m.event())
				}
				var rewound git.OID
				switch act {
				case "append":
					e := alice.event()
					a, err := alice.Append(t.Context(), []Event{e}, false)
					if err != nil {
						t.Fatal(err)
					}
					events, rewound = append(events, e), a.Rewound
				case "sync":
					rewound = alice.mustSync().Rewound
				default:
					f, err := alice.Fetch(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					alice.mustHave(slices.Clone(events)...)
					rewound = f.Rewound
					if f, err := alice.Fetch(t.Context()); err != nil || f.Rewound != "" {
						t.Errorf("noticed again: %+v, %v", f, err)
					}
					events = append(events, alice.mustAppend(false))
				}
				if rewound != before.There {
					t.Errorf("rewound from %q, not %q", rewound, before.There)
				}
				alice.mustHave(slices.Clone(events)...)
				bob.mustSync()
				bob.mustHave(events...)
			})
		}
	}
}

// TestRefHereLost: the ref of this clone is deleted or set to something older;
// what the remote had is still there.
func TestRefHereLost(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	m := join(t, remote.Clone(t, remote.Dir), 0)
	a, b := m.mustAppend(false), m.mustAppend(false)
	m.clone.Git("update-ref", string(Ref), string(Ref)+"~1")
	m.mustHave(a, b)
	c := m.mustAppend(false)
	m.clone.Git("update-ref", "-d", string(Ref))
	m.mustHave(a, b, c)
	d := m.mustAppend(true)
	m.mustHave(a, b, c, d)
	m.mustSync()
	remote.Git("cat-file", "-e", string(Ref)+"~3")
}

// TestAbandoned: what a killed fetch left behind is removed after an hour.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	m := join(t, remote.Clone(t, remote.Dir), 0)
	m.mustAppend(false)
	old, young := fmt.Sprintf("%s%d-0a", fetched, time.Now().Add(-2*time.Hour).UnixMilli()), fmt.Sprintf("%s%d-0b", fetched, time.Now().UnixMilli())
	for _, ref := range []string{old, young, fetched + "odd"} {
		m.clone.Git("update-ref", ref, string(Ref))
	}
	m.mustSync()
	if left := m.clone.Git("for-each-ref", "--format=%(refname)", strings.TrimSuffix(fetched, "/")); left != young+"\n"+fetched+"odd" {
		t.Errorf("left is %s", left)
	}
}

// TestClones: clones that lack most objects, and a linked work tree, have the
// whole log.
func TestClones(t *testing.T) {
	remote := gittest.NewRemote(t)
	first := join(t, remote.Clone(t, remote.Dir), 0)
	first.clone.Git("commit", "-q", "--allow-empty", "-m", "first")
	first.clone.Git("push", "-q", "origin", "HEAD:refs/heads/main")
	events := []Event{first.mustAppend(false), first.mustAppend(false)}
	for i, args := range [][]string{{"--depth=1"}, {"--filter=blob:none"}, {"--filter=tree:0"}, {"--bare"}} {
		t.Run(args[0], func(t *testing.T) {
			remote.Git("config", "uploadpack.allowFilter", "true")
			m := join(t, remote.Clone(t, "file://"+remote.Dir, args...), i+1)
			m.mustSync()
			m.mustHave(events...)
			events = append(events, m.mustAppend(true))
			m.mustSync()
			m.mustHave(events...)
			if args[0] != "--bare" {
				tree := join(t, m.clone.Worktree("linked"), i+1)
				tree.mustHave(events...)
			}
		})
	}
	first.mustSync()
	first.mustHave(events...)
}

// TestAnswers: replies that are lost, requests that are, and both late.
func TestAnswers(t *testing.T) {
	t.Parallel()
	bare := gittest.NewRemote(t)
	var smart gittest.Transport
	for _, tr := range gittest.Transports(t) {
		if tr.Name == "http" {
			smart = tr
		}
	}
	url, env := smart.Serve(t, bare.Dir)
	proxy := gittest.Proxy(t, url)
	alice, bob := join(t, bare.With(env...).Clone(t, proxy.URL), 0), join(t, bare.With(env...).Clone(t, url), 1)
	all := []Event{alice.mustAppend(false)}
	stored := func() (n int) {
		return strings.Count(bare.Git("rev-list", string(Ref)), "\n") + 1
	}
	for name, fault := range map[string]gittest.Fault{
		"reply": gittest.DropReply, "request": gittest.DropRequest, "late": gittest.Later, "twice": gittest.Duplicate,
	} {
		before := stored()
		proxy.On(gittest.Nth(gittest.Push, 1, fault))
		all = append(all, alice.mustAppend(false))
		proxy.Release()
		if n := stored(); n != before+1 {
			t.Errorf("%s: %d commits more", name, n-before)
		}
		// Somebody else appends before the late one comes.
		before = stored()
		proxy.On(gittest.Nth(gittest.Push, 1, fault))
		all = append(all, bob.mustAppend(false), alice.mustAppend(false), bob.mustAppend(false))
		proxy.Release()
		if n := stored(); n != before+3 {
			t.Errorf("%s, beside another: %d commits more", name, n-before)
		}
	}

	// The remote is gone for good: nothing is left behind.
	proxy.On(func(r *http.Request, _ int) gittest.Fault { return gittest.Status(503) })
	heads, _ := alice.Heads(t.Context())
	var unreachable *git.RemoteError
	if _, err := alice.Append(t.Context(), []Event{alice.event()}, false); !errors.As(err, &unreachable) || errors.Is(err, ErrUnknown) {
		t.Errorf("away: %v", err)
	}
	if now, _ := alice.Heads(t.Context()); now != heads {
		t.Errorf("the heads are %+v, not %+v", now, heads)
	}
	// It did the push, and went away before it said so: not known, and kept.
	var pushed bool
	proxy.On(func(r *http.Request, _ int) gittest.Fault {
		switch {
		case pushed:
			return gittest.Status(503)
		case gittest.KindOf(r) == gittest.Push:
			pushed = true
			return gittest.DropReply
		}
		return gittest.Pass
	})
	e := alice.event()
	if _, err := alice.Append(t.Context(), []Event{e}, false); !errors.Is(err, ErrUnknown) {
		t.Errorf("no answer: %v", err)
	}
	all = append(all, e)
	alice.mustHave(slices.Clone(all)...)
	proxy.On(nil)
	if s := alice.mustSync(); s.Here != s.There {
		t.Errorf("settled: %+v", s)
	}
	bob.mustSync()
	for _, m := range []*member{alice, bob} {
		m.mustHave(slices.Clone(all)...)
		if _, repeated := m.ids(); repeated > 0 {
			t.Errorf("%d events are stored twice", repeated)
		}
	}
}

// TestRefused: servers that do not want the log, and a busy one.
func TestRefused(t *testing.T) {
	for _, p := range gittest.Policies() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			remote := gittest.NewRemote(t)
			p.Apply(remote)
			m := join(t, remote.Clone(t, remote.Dir), 0)
			_, err := m.Append(t.Context(), []Event{m.event()}, false)
			var refused *RefusedError
			if p.Refuses != errors.As(err, &refused) || !p.Refuses && err != nil {
				t.Errorf("append: %v", err)
			}
			if p.Refuses {
				m.mustHave()
			}
		})
	}
	t.Run("busy", func(t *testing.T) {
		t.Parallel()
		remote := gittest.NewRemote(t)
		remote.Write("refs/grite/wal.lock", "")
		m := join(t, remote.Clone(t, remote.Dir), 0)
		_, err := m.Append(t.Context(), []Event{m.event()}, false)
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, "failed to update ref") {
			t.Errorf("append: %v", err)
		}
	})
	t.Run("not a log", func(t *testing.T) {
		t.Parallel()
		remote := gittest.NewRemote(t)
		blob := remote.GitIn("no log", "hash-object", "-w", "--stdin")
		m := join(t, remote.Clone(t, remote.Dir), 0)
		remote.Git("update-ref", string(Ref), blob)
		var damaged *DamagedError
		if _, err := m.Append(t.Context(), []Event{m.event()}, false); !errors.As(err, &damaged) {
			t.Errorf("append: %v", err)
		}
		m.mustHave()
		e := m.mustAppend(true) // the clone goes on
		m.mustHave(e)
		if remote.Git("rev-parse", string(Ref)) != blob {
			t.Error("it was replaced")
		}
	})
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
	expect("append after a lost race", "push", "fetch", "cat-file", "rev-list", "update-ref", "push", "update-ref")
}
