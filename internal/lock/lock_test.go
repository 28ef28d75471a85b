package lock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func resource(t testing.TB, s string) Resource {
	t.Helper()
	r, err := ParseResource(s, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseResource(t *testing.T) {
	for _, tt := range []struct{ text, prefix, want string }{
		{"path:src/main.rs", "", "path:src/main.rs"},
		{"path:./x", "src/", "path:src/x"},
		{"path:../x", "src/deep/", "path:src/x"},
		{"path:.", "src/", "path:src/"},
		{"path:..", "src/deep/", "path:src/"},
		{"path:a//b/./c/../d", "zzz/", "path:a/b/d"},
		{"path:src/", "", "path:src/"},
		{"path:a:b", "", "path:a:b"},
		{"path:**", "", "path:**"},
		{"issue:A b", "", "issue:A b"},
		{"repo:x", "", "repo:x"},
	} {
		r, err := ParseResource(tt.text, tt.prefix)
		if err != nil || r.String() != tt.want {
			t.Errorf("ParseResource(%q, %q) = %q, %v", tt.text, tt.prefix, r, err)
		}
	}
	for _, text := range []string{"", ":", "path:", "path:/", "path:/a", "path:..", "path:a/../..", "path:.", "issue:", "repo: ", "x:y", "plain",
		"path:a\x00", "path:a\n", "issue:\u0085", "path:\xff", "path:" + strings.Repeat("a", 5000), "path:[a", "path:{" + strings.Repeat("a,", 70) + "}"} {
		_, err := ParseResource(text, "")
		var bad *ResourceError
		if !errors.As(err, &bad) {
			t.Errorf("ParseResource(%q): %v", text, err)
		}
	}
}

func TestKeys(t *testing.T) {
	for text, want := range map[string]string{"repo:global": "4fa20104a646a633", "path:src/main.rs": "eda6df87daf5b23f", "issue:abc123": "877f08b680e1e50b"} {
		if got := Key(text); got != want {
			t.Errorf("Key(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestParseTTL(t *testing.T) {
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "15m": 15 * time.Minute, "1h": time.Hour, "2d": 48 * time.Hour,
		"1h30m": 90 * time.Minute, "90m": 90 * time.Minute, "30d": MaxTTL, "1s": MinTTL} {
		if got, err := ParseTTL(text); got != want || err != nil {
			t.Errorf("ParseTTL(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "15", "0s", "-5m", "+5m", "1.5h", "5 m", "30m1h", "31d", "1w", "99999999999h", "5M", "1h1h", "٣m"} {
		if got, err := ParseTTL(text); err == nil {
			t.Errorf("ParseTTL(%q) = %v", text, got)
		}
	}
}

func TestConflicts(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"path:src/", "path:src/a.go", true}, {"path:a", "path:b", false}, {"path:a", "issue:a", false}, {"path:a", "repo:x", true},
		{"issue:a", "issue:a", true}, {"issue:a", "issue:A", false}, {"issue:a", "repo:x", true}, {"repo:x", "repo:y", true},
		{"path:A/b", "path:a", true}, {"path:src/*.go", "path:src/*.rs", false},
	} {
		a, b := resource(t, tt.a), resource(t, tt.b)
		if a.Conflicts(b) != tt.want || b.Conflicts(a) != tt.want {
			t.Errorf("%s and %s: want %v", a, b, tt.want)
		}
	}
}

// memory is a Store for tests: a table behind a mutex.
type memory struct {
	begin sync.Mutex
	mu    sync.Mutex
	locks map[string]Entry
	next  int
}

func newMemory() *memory { return &memory{locks: map[string]Entry{}} }

func (m *memory) Queue(context.Context) (func(), error) {
	m.begin.Lock()
	return m.begin.Unlock, nil
}

func (m *memory) Load(context.Context, bool) (*Table, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &Table{}
	for _, e := range m.locks {
		t.Entries = append(t.Entries, e)
	}
	return t, nil
}

func (m *memory) Write(context.Context, Lock) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	return fmt.Sprint(m.next), nil
}

func (m *memory) Swap(_ context.Context, changes []Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes {
		if m.locks[c.Key].Version != c.Old {
			return ErrLostRace
		}
	}
	for _, c := range changes {
		delete(m.locks, c.Key)
		if c.New != nil {
			m.locks[c.Key] = Entry{Lock: *c.New, Key: c.Key, Version: c.Version}
		}
	}
	return nil
}

func owner(i int) Owner { return Owner(fmt.Sprintf("%032x", i+1)) }

// TestNeverTwo: after any sequence of commands and whatever time passes, no two
// records of different owners overlap, expired or not.
func TestNeverTwo(t *testing.T) {
	pool := []string{"path:src/", "path:src/a.go", "path:**/*.go", "path:docs/", "path:SRC/b", "issue:1", "issue:2", "repo:x"}
	rapid.Check(t, func(t *rapid.T) {
		store := newMemory()
		now := time.UnixMilli(1e12)
		nonces := 0
		manager := func(i int) *Manager {
			return &Manager{Store: store, Queue: store.Queue, Owner: owner(i), Now: func() time.Time { return now },
				Nonce: func() string { nonces++; return fmt.Sprint(nonces) }}
		}
		draw := func() Resource {
			r, err := ParseResource(rapid.SampledFrom(pool).Draw(t, "resource"), "")
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			m := manager(rapid.IntRange(0, 2).Draw(t, "actor"))
			ctx := context.Background()
			switch rapid.IntRange(0, 5).Draw(t, "command") {
			case 0, 1:
				o := AcquireOptions{TTL: time.Minute, Exclusive: rapid.Bool().Draw(t, "exclusive")}
				for range rapid.IntRange(1, 3).Draw(t, "resources") {
					o.Resources = append(o.Resources, draw())
				}
				if grants, err := m.Acquire(ctx, o); err == nil {
					for _, g := range grants {
						if !g.Live(now) || g.Owner != m.Owner {
							t.Fatalf("granted %+v", g)
						}
					}
				} else if held := new(HeldError); !errors.As(err, &held) || len(held.Conflicts) == 0 {
					t.Fatal(err)
				}
			case 2:
				m.Renew(ctx, []Resource{draw()}, time.Duration(rapid.IntRange(1, 300).Draw(t, "ttl"))*time.Second)
			case 3:
				m.Release(ctx, []Resource{draw()}, "")
			case 4:
				m.Collect(ctx)
			case 5:
				now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "seconds")) * time.Second)
			}
			table, _ := store.Load(ctx, true)
			for _, a := range table.Entries {
				for _, b := range table.Entries {
					if a.Owner != b.Owner && a.Resource.Conflicts(b.Resource) {
						t.Fatalf("%s of %s and %s of %s stand together", a.Resource, a.Owner, b.Resource, b.Owner)
					}
				}
			}
		}
	})
}

func TestRenewNeverShortens(t *testing.T) {
	now := time.UnixMilli(1e12)
	store := newMemory()
	m := &Manager{Store: store, Queue: store.Queue, Owner: owner(0), Now: func() time.Time { return now }, Nonce: func() string { return "n" }}
	r := []Resource{resource(t, "path:a")}
	if _, err := m.Acquire(t.Context(), AcquireOptions{Resources: r, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	locks, err := m.Renew(t.Context(), r, time.Minute)
	if err != nil || !locks[0].Expires.Equal(now.Add(time.Hour)) || locks[0].Nonce != "n" {
		t.Errorf("%+v, %v", locks, err)
	}
	again, err := m.Acquire(t.Context(), AcquireOptions{Resources: r, TTL: time.Minute})
	if err != nil || !again[0].AlreadyHeld || !again[0].Expires.Equal(now.Add(time.Hour)) {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestAcquireWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		manager := func(i int) *Manager {
			return &Manager{Store: store, Queue: store.Queue, Owner: owner(i), Now: time.Now, Nonce: func() string { return fmt.Sprint(i) }}
		}
		r := []Resource{resource(t, "path:a")}
		if _, err := manager(0).Acquire(t.Context(), AcquireOptions{Resources: r, TTL: 30 * time.Minute}); err != nil {
			t.Fatal(err)
		}
		told := 0
		o := AcquireOptions{Resources: r, TTL: time.Minute, Wait: 10 * time.Minute, Waiting: func(*HeldError) { told++ }}
		began := time.Now()
		var held *HeldError
		if _, err := manager(1).Acquire(t.Context(), o); !errors.As(err, &held) || time.Since(began) < 10*time.Minute || time.Since(began) > 11*time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		o.Wait = time.Hour
		grants, err := manager(1).Acquire(t.Context(), o)
		if err != nil || len(grants[0].TakenOver) != 1 || time.Since(began) > 31*time.Minute {
			t.Errorf("%+v, %v after %v", grants, err, time.Since(began))
		}
		if told != 2 {
			t.Errorf("told %d times", told)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("stop")
		time.AfterFunc(time.Second, func() { cancel(stop) })
		if _, err := manager(0).Acquire(ctx, o); !errors.Is(err, stop) {
			t.Error(err)
		}
	})
}

func FuzzParseResource(f *testing.F) {
	f.Add("path:./a/../b", "src/")
	f.Add("path:[a-", "")
	f.Add("issue:1", "")
	f.Fuzz(func(t *testing.T, text, prefix string) {
		if prefix != "" && (strings.HasPrefix(prefix, "/") || !strings.HasSuffix(prefix, "/")) {
			return
		}
		r, err := ParseResource(text, prefix)
		if err != nil {
			return
		}
		again, err := ParseResource(r.String(), "")
		if err != nil && prefix == "" || err == nil && again.String() != r.String() {
			t.Fatalf("%q is stored as %q, which is read as %q, %v", text, r, again, err)
		}
		if r.Namespace() == Path && !r.Covers(strings.TrimSuffix(r.Name(), "/"), false) {
			t.Fatalf("%q does not cover its own spelling", r)
		}
	})
}
