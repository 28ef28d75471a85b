package protocol

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/git-grite/git-grite/internal/lock"
)

func resource(t testing.TB, s string) lock.Resource {
	t.Helper()
	r, err := lock.ParseResource(s, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// memory is a Store for tests: a table behind a mutex.
type memory struct {
	begin sync.Mutex
	mu    sync.Mutex
	locks map[string]lock.Entry
	next  int
}

func newMemory() *memory { return &memory{locks: map[string]lock.Entry{}} }

func (m *memory) Queue(context.Context) (func(), error) {
	m.begin.Lock()
	return m.begin.Unlock, nil
}

func (m *memory) Load(context.Context, bool) (*lock.View, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &lock.View{}
	for _, e := range m.locks {
		t.Entries = append(t.Entries, e)
	}
	return t, nil
}

func (m *memory) Write(context.Context, lock.Lock) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	return fmt.Sprint(m.next), nil
}

func (m *memory) Swap(_ context.Context, changes []lock.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes {
		if m.locks[c.Key].Version != c.Old {
			return lock.ErrLostRace
		}
	}
	for _, c := range changes {
		delete(m.locks, c.Key)
		if c.New != nil {
			m.locks[c.Key] = lock.Entry{Lock: *c.New, Key: c.Key, Version: c.Version}
		}
	}
	return nil
}

func owner(i int) lock.Owner { return lock.Owner(fmt.Sprintf("%032x", i+1)) }

// TestNeverTwo: after any sequence of commands and whatever time passes, no two
// records of different owners overlap, expired or not.
func TestNeverTwo(t *testing.T) {
	pool := []string{"path:src/", "path:src/a.go", "path:**/*.go", "path:docs/", "path:SRC/b", "issue:1", "issue:2", "repo:x"}
	rapid.Check(t, func(t *rapid.T) {
		store := newMemory()
		now := time.UnixMilli(1e12)
		nonces := 0
		manager := func(i int) *Solo {
			return &Solo{Store: store, Queue: store.Queue, Actor: Actor{Owner: owner(i), Now: func() time.Time { return now },
				Nonce: func() string { nonces++; return fmt.Sprint(nonces) }}}
		}
		draw := func() lock.Resource {
			r, err := lock.ParseResource(rapid.SampledFrom(pool).Draw(t, "resource"), "")
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
				o := AcquireRequest{TTL: time.Minute, Exclusive: rapid.Bool().Draw(t, "exclusive")}
				for range rapid.IntRange(1, 3).Draw(t, "resources") {
					o.Resources = append(o.Resources, draw())
				}
				if got, err := m.Acquire(ctx, o); err == nil {
					for _, g := range got.Grants {
						if !g.Live(now) || g.Owner != m.Owner {
							t.Fatalf("granted %+v", g)
						}
					}
				} else if held := new(lock.HeldError); !errors.As(err, &held) || len(held.Conflicts) == 0 {
					t.Fatal(err)
				}
			case 2:
				m.Renew(ctx, []lock.Resource{draw()}, time.Duration(rapid.IntRange(1, 300).Draw(t, "ttl"))*time.Second, "")
			case 3:
				m.Release(ctx, []lock.Resource{draw()}, "")
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
	m := &Solo{Store: store, Queue: store.Queue, Actor: Actor{Owner: owner(0), Now: func() time.Time { return now }, Nonce: func() string { return "n" }}}
	r := []lock.Resource{resource(t, "path:a")}
	if _, err := m.Acquire(t.Context(), AcquireRequest{Resources: r, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	renewed, err := m.Renew(t.Context(), r, time.Minute, "")
	locks := renewed.Locks
	if err != nil || !locks[0].Expires.Equal(now.Add(time.Hour)) || locks[0].Nonce != "n" {
		t.Errorf("%+v, %v", locks, err)
	}
	got, err := m.Acquire(t.Context(), AcquireRequest{Resources: r, TTL: time.Minute})
	again := got.Grants
	if err != nil || !again[0].AlreadyHeld || !again[0].Expires.Equal(now.Add(time.Hour)) {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestAcquireWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		manager := func(i int) *Solo {
			return &Solo{Store: store, Queue: store.Queue, Actor: Actor{Owner: owner(i), Now: time.Now, Nonce: func() string { return fmt.Sprint(i) }}}
		}
		r := []lock.Resource{resource(t, "path:a")}
		if _, err := manager(0).Acquire(t.Context(), AcquireRequest{Resources: r, TTL: 30 * time.Minute}); err != nil {
			t.Fatal(err)
		}
		told := 0
		o := AcquireRequest{Resources: r, TTL: time.Minute, Wait: 10 * time.Minute, Waiting: func(*lock.HeldError) { told++ }}
		began := time.Now()
		var held *lock.HeldError
		if _, err := manager(1).Acquire(t.Context(), o); !errors.As(err, &held) || time.Since(began) < 10*time.Minute || time.Since(began) > 11*time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		o.Wait = time.Hour
		got, err := manager(1).Acquire(t.Context(), o)
		grants := got.Grants
		if took := time.Since(began); err != nil || len(grants[0].TakenOver) != 1 || took != 30*time.Minute {
			t.Errorf("%+v, %v after %v: a lease that ends is taken at that moment", grants, err, took)
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
