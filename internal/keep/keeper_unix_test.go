//go:build unix

package keep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// memory is a Holder that remembers until when each lock is held, on the clock
// of the bubble.
type memory struct {
	*testing.T
	mu       sync.Mutex
	until    map[string]time.Time
	renewals []time.Time
	released []string
	err      error
	lost     map[string]error
}

func (m *memory) Renew(_ context.Context, locks []Kept) (map[string]error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.renewals = append(m.renewals, now)
	for _, k := range locks {
		if now.After(m.until[k.Resource]) {
			m.Errorf("%s lapsed", k.Resource)
		}
		if m.err == nil && m.lost[k.Resource] == nil {
			m.until[k.Resource] = now.Add(k.ttl())
		}
	}
	return m.lost, m.err
}

func (m *memory) Release(_ context.Context, locks []Kept) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range locks {
		m.released = append(m.released, k.Resource)
	}
	return nil
}

func newMemory(t *testing.T) (*memory, Keeper) {
	dir := t.TempDir()
	m := &memory{T: t, until: map[string]time.Time{}}
	return m, Keeper{Dir: Dir(dir), Holder: m, Clock: NewClock(time.Now), Random: middle, Label: "alice", Log: Log{Path: filepath.Join(dir, "log"), Now: time.Now}}
}

func (m *memory) add(k Keeper, resource string, ttl, life time.Duration) {
	m.mu.Lock()
	m.until[resource] = time.Now().Add(ttl)
	m.mu.Unlock()
	if err := k.Dir.Add(Kept{Resource: resource, Nonce: "n", TTLMS: ttl.Milliseconds(), AskedUnixMS: time.Now().UnixMilli(), UntilUnixMS: time.Now().Add(life).UnixMilli()}); err != nil {
		m.Fatal(err)
	}
}

// answer is what renewals bring from now on.
func (m *memory) answer(err error, lost map[string]error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err, m.lost = err, lost
}

func (m *memory) gone() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.released)
}

func (m *memory) log(k Keeper) string {
	text, _ := os.ReadFile(k.Log.Path)
	return string(text)
}

// TestKeeperKeeps keeps 50 locks for ten minutes.
func TestKeeperKeeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, k := newMemory(t)
		for i := range 50 {
			m.add(k, fmt.Sprintf("path:%d", i), 30*time.Second, 10*time.Minute)
		}
		begin := time.Now()
		if err := k.Serve(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took.Round(time.Minute) != 10*time.Minute || len(m.released) != 50 {
			t.Errorf("took %s, released %d\n%s", took, len(m.released), m.log(k))
		}
		if n := len(m.renewals); n < 50 || n > 60 {
			t.Errorf("%d renewals", n)
		}
		if _, runs := k.Dir.Running(); runs {
			t.Error("it is said to run still")
		}
		if _, err := os.Stat(k.Dir.state()); err == nil {
			t.Error("its state is left")
		}
	})
}

// TestKeeperComesAndGoes has locks of different terms, one added later, and one
// that is no longer to be kept.
func TestKeeperComesAndGoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, k := newMemory(t)
		m.add(k, "path:long", 15*time.Minute, time.Hour)
		done := make(chan error)
		go func() { done <- k.Serve(t.Context()) }()
		time.Sleep(10 * time.Minute)
		if state, runs := k.Dir.Running(); !runs || state.PID != os.Getpid() || state.RenewedUnixMS == 0 {
			t.Errorf("%+v, %v", state, runs)
		}
		if err := k.Serve(t.Context()); !errors.Is(err, ErrRuns) {
			t.Errorf("a second one: %v", err)
		}
		m.add(k, "path:short", 30*time.Second, 5*time.Minute)
		time.Sleep(7 * time.Minute)
		if !slices.Equal(m.gone(), []string{"path:short"}) {
			t.Errorf("released %q\n%s", m.gone(), m.log(k))
		}
		if err := k.Dir.Remove("path:long", "another"); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		if _, runs := k.Dir.Running(); !runs {
			t.Error("it ended for a removal of another grant")
		}
		if err := k.Dir.Remove("path:long", "n"); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil || len(m.released) != 1 {
			t.Errorf("%v, released %q", err, m.released)
		}
	})
}

func TestKeeperLoses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, k := newMemory(t)
		m.add(k, "path:a", time.Minute, 10*time.Minute)
		m.add(k, "path:b", time.Minute, 10*time.Minute)
		go func() {
			m.answer(errors.New("the remote is away\nfor now"), nil)
			time.Sleep(50 * time.Second)
			m.answer(nil, map[string]error{"path:a": errors.New("broken by bob")})
		}()
		if err := k.Serve(t.Context()); err != nil {
			t.Fatal(err)
		}
		log := m.log(k)
		for _, want := range []string{"cannot renew: the remote is away for now", "path:b ends in 20s and could not be renewed", "lost path:a: broken by bob", "releases path:b: its time is up"} {
			if !strings.Contains(log, want) {
				t.Errorf("the log lacks %q:\n%s", want, log)
			}
		}
		if !slices.Equal(m.released, []string{"path:b"}) || strings.Count(log, "cannot renew") != 1 {
			t.Errorf("released %q\n%s", m.released, log)
		}
	})
}

// TestKeeperSurvivesItself is killed and started again: the lease still counts
// from the last renewal.
func TestKeeperSurvivesItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, k := newMemory(t)
		m.add(k, "path:a", time.Minute, time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(75*time.Second, cancel)
		if err := k.Serve(ctx); err != nil {
			t.Fatal(err)
		}
		before := len(m.renewals)
		time.Sleep(20 * time.Second) // less than a lease; the next renewal is due
		again := time.Now()
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(30*time.Second, cancel)
		if err := k.Serve(ctx); err != nil {
			t.Fatal(err)
		}
		if len(m.renewals) <= before || m.renewals[before].Sub(again) > time.Second {
			t.Errorf("renewed at %v, started again at %v", m.renewals, again)
		}
	})
}

func TestKeeperEnds(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(k Keeper) error{
		"the clone is gone":        func(k Keeper) error { return os.RemoveAll(string(k.Dir)) },
		"the program was replaced": func(k Keeper) error { return os.WriteFile(k.Binary, []byte("newer"), 0o777) },
		"context canceled":         nil,
	} {
		synctest.Test(t, func(t *testing.T) {
			m, k := newMemory(t)
			home := t.TempDir()
			k.Log.Path, k.Binary = filepath.Join(home, "log"), filepath.Join(home, "binary")
			if err := os.WriteFile(k.Binary, []byte("old"), 0o777); err != nil {
				t.Fatal(err)
			}
			m.add(k, "path:a", time.Minute, time.Hour)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(89500*time.Millisecond, func() { // while the keeper sleeps
				if do == nil {
					cancel()
				} else if err := do(k); err != nil {
					t.Error(err)
				}
			})
			begin := time.Now()
			if err := k.Serve(ctx); err != nil {
				t.Fatal(err)
			}
			cancel()
			if took := time.Since(begin); took > 95*time.Second || !strings.Contains(m.log(k), name) || len(m.released) > 0 {
				t.Errorf("%s: after %s, released %q\n%s", name, took, m.released, m.log(k))
			}
		})
	}
}
