package lock

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// server is an arbiter that many clients change at once over a bad line: swaps
// and reads take their time, replies get lost, and requests arrive late.
type server struct {
	mu    sync.Mutex
	locks map[string]Entry
	next  int
	rng   *rand.Rand
	// faults is how many in a hundred swaps lose their reply; half of those
	// arrive late, or never.
	faults int
	atomic bool
	// The rules that a control takes out.
	blind, forced bool
}

func newServer(seed uint64) *server {
	return &server{locks: map[string]Entry{}, rng: rand.New(rand.NewPCG(seed, 1)), atomic: true}
}

func (s *server) random(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.IntN(n)
}

func (s *server) pause() { time.Sleep(time.Duration(s.random(40)) * time.Millisecond) }

// client is a clone with its mirror, its ledger and its actor lock.
type client struct {
	*server
	owner  Owner
	queue  sync.Mutex
	mirror *Table
	ledger map[string]Holding
}

func (s *server) client(i int) *client {
	return &client{server: s, owner: owner(i), mirror: &Table{}, ledger: map[string]Holding{}}
}

func (c *client) Queue(context.Context) (func(), error) {
	c.queue.Lock()
	return c.queue.Unlock, nil
}

func (c *client) Held() (map[string]Holding, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.ledger), nil
}

func (c *client) Enter(h Holding) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ledger[h.Resource.Key()] = h
	return nil
}

func (c *client) Strike(key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.ledger, key)
	return nil
}

func (c *client) Load(_ context.Context, fresh bool) (*Table, error) {
	if !fresh {
		return c.mirror, nil
	}
	c.pause()
	t := &Table{}
	c.mu.Lock()
	for _, e := range c.locks {
		if !c.blind || e.Owner == c.owner {
			t.Entries = append(t.Entries, e)
		}
	}
	c.mu.Unlock()
	slices.SortFunc(t.Entries, func(a, b Entry) int { return byResource(a.Lock, b.Lock) })
	c.mirror = t
	c.pause()
	return t, nil
}

func (c *client) Write(context.Context, Lock) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	return fmt.Sprint("v", c.next), nil
}

func (c *client) Swap(ctx context.Context, changes []Change) error {
	if len(changes) > 1 && !c.atomic {
		return ErrNotAtomic
	}
	changes = slices.Clone(changes)
	c.pause()
	lost, late := c.random(100) < c.faults, c.random(2) == 0
	if lost && late {
		go func() {
			time.Sleep(time.Duration(c.random(5000)) * time.Millisecond)
			if c.random(2) == 0 {
				_ = c.apply(changes)
			}
		}()
	} else if err := c.apply(changes); err != nil || !lost {
		c.pause()
		return err
	}
	c.pause()
	return fmt.Errorf("%w: the line is dead", ErrUnknown)
}

func (c *client) apply(changes []Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range changes {
		if at := c.locks[ch.Key].Version; at != ch.Old && !c.forced {
			return ErrLostRace
		}
	}
	for _, ch := range changes {
		if ch.New == nil {
			delete(c.locks, ch.Key)
		} else {
			c.locks[ch.Key] = Entry{Lock: *ch.New, Key: ch.Key, Version: ch.Version}
		}
	}
	return nil
}

// violation looks for two granted locks of different owners that overlap and
// whose records stand, expired or not.
func (s *server) violation(clients []*client) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var granted []Holding
	for _, c := range clients {
		for key, h := range c.ledger {
			if h.stands(s.locks[key].Version) {
				granted = append(granted, h)
			}
		}
	}
	for i, a := range granted {
		for _, b := range granted[:i] {
			if a.Owner != b.Owner && a.Resource.Conflicts(b.Resource) {
				return fmt.Sprintf("%s of %s and %s of %s", a.Resource, a.Owner.Short(), b.Resource, b.Owner.Short())
			}
		}
	}
	return ""
}

// play lets clients do random things for a while and returns the first violation.
func play(t *testing.T, s *server, clients, steps int, skew bool) (violation string, grants int) {
	resources := []Resource{resource(t, "path:src/"), resource(t, "path:src/a.go"), resource(t, "path:**/*.go"), resource(t, "path:docs/"), resource(t, "repo:x")}
	synctest.Test(t, func(t *testing.T) {
		var all []*client
		for i := range clients {
			all = append(all, s.client(i))
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		nonces := 0
		for i, c := range all {
			ahead := time.Duration(0)
			if skew {
				ahead = time.Duration(i) * 5 * time.Minute
			}
			rng := rand.New(rand.NewPCG(uint64(i), uint64(s.random(1<<30))))
			wg.Go(func() {
				m := &Manager{Store: c, Queue: c.Queue, Ledger: c, Owner: c.owner, Skew: 2 * time.Second,
					Now: func() time.Time { return time.Now().Add(ahead) },
					Nonce: func() string {
						mu.Lock()
						defer mu.Unlock()
						nonces++
						return fmt.Sprint(nonces)
					}}
				for range steps {
					r := resources[rng.IntN(len(resources))]
					switch rng.IntN(7) {
					case 0, 1, 2:
						o := AcquireOptions{TTL: time.Duration(1+rng.IntN(5)) * time.Second, Resources: []Resource{r}, Wait: time.Duration(rng.IntN(3)) * time.Second}
						if rng.IntN(3) == 0 {
							o.Resources = append(o.Resources, resources[rng.IntN(len(resources))])
						}
						if _, err := m.Acquire(t.Context(), o); err == nil {
							mu.Lock()
							grants++
							mu.Unlock()
						}
					case 3:
						_, _ = m.Renew(t.Context(), nil, 3*time.Second)
					case 4:
						_, _, _ = m.Release(t.Context(), nil, "")
					case 5:
						_, _ = m.Collect(t.Context())
					case 6:
						if table, _ := c.Load(t.Context(), true); len(table.Entries) > 0 && rng.IntN(4) == 0 {
							e := table.Entries[rng.IntN(len(table.Entries))]
							_, _ = m.Break(t.Context(), e.Resource, e.Nonce, "why")
						}
					}
					time.Sleep(time.Duration(rng.IntN(800)) * time.Millisecond)
				}
			})
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		for {
			synctest.Wait() // everybody sleeps, so that nobody is in the middle of a write
			if v := s.violation(all); v != "" && violation == "" {
				violation = v
			}
			select {
			case <-done:
				time.Sleep(10 * time.Second) // what is late arrives
				return
			case <-time.After(3 * time.Millisecond):
			}
		}
	})
	return violation, grants
}

func TestSharedNeverTwo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		faults int
		atomic bool
		skew   bool
	}{
		{"good line", 0, true, false}, {"bad line", 20, true, false}, {"not atomic", 20, false, false},
		{"skewed clocks", 10, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all := 0
			for seed := range uint64(12) {
				s := newServer(seed)
				s.faults, s.atomic = tt.faults, tt.atomic
				violation, grants := play(t, s, 4, 40, tt.skew)
				if violation != "" {
					t.Fatalf("seed %d: %s are both granted", seed, violation)
				}
				all += grants
			}
			if all < 100 {
				t.Errorf("only %d grants", all)
			}
		})
	}
}

// TestSharedControls: without the second look, and without the old values, two
// clients do get overlapping locks, or the test above proves nothing.
func TestSharedControls(t *testing.T) {
	for name, spoil := range map[string]func(*server){
		"no verify": func(s *server) { s.blind = true }, "no lease": func(s *server) { s.forced = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(60) {
				s := newServer(seed)
				s.faults = 20
				spoil(s)
				if violation, _ := play(t, s, 4, 40, false); violation != "" {
					return
				}
			}
			t.Error("the check sees nothing wrong")
		})
	}
}
