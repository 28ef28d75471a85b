package protocol

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// A simulation makes much garbage, and little that stays.
func init() { debug.SetGCPercent(400) }

// play lets clients do random things for a while and returns the first violation.
func play(t *testing.T, w *world, steps int) (violation string, operations int) {
	var resources []lock.Resource
	for _, name := range []string{"issue:1", "issue:2", "issue:3", "repo:x"} {
		resources = append(resources, resource(t, name))
	}
	clients := w.clients
	if clients == 0 {
		clients = 4
	}
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		for i := range clients {
			c := w.client(i)
			rng := rand.New(rand.NewPCG(uint64(i), uint64(w.random(1<<30))))
			wg.Go(func() {
				for range steps {
					c.step(t, rng, resources)
					time.Sleep(time.Duration(rng.Int64N(int64(w.ttl / 2))))
				}
			})
		}
		wg.Wait()
		time.Sleep(4*w.ttl + 10*time.Second) // what is late arrives, and all leases end
		last := w.client(clients)
		last.ahead = w.skew * time.Duration(clients)
		w.mu.Lock()
		w.faults, w.doubled, w.crashes = 0, 0, 0
		w.mu.Unlock()
		for last.server = range w.servers {
			if got, err := last.Acquire(t.Context(), AcquireRequest{Resources: resources, TTL: time.Hour}); err != nil || len(got.Grants) != len(resources) {
				w.mu.Lock()
				w.fail("stuck when all leases are over: %v", err)
				w.mu.Unlock()
			}
		}
	})
	return w.violation, clients * steps
}

// step is one command of a client.
func (c *client) step(t *testing.T, rng *rand.Rand, resources []lock.Resource) {
	defer func() {
		if r := recover(); r != nil {
			if _, crashed := r.(crash); !crashed {
				panic(r)
			}
		}
	}()
	began := time.Now()
	c.server = rng.IntN(len(c.w.servers))
	ttl := time.Duration(1 + rng.Int64N(int64(c.w.ttl)))
	var err error
	switch command := rng.IntN(13); command {
	case 0, 1, 2, 3:
		q := AcquireRequest{TTL: ttl, Resources: []lock.Resource{resources[rng.IntN(len(resources))]}}
		if rng.IntN(3) == 0 {
			q.Resources = append(q.Resources, resources[rng.IntN(len(resources))])
		}
		if rng.IntN(3) == 0 {
			q.Wait = time.Duration(rng.Int64N(int64(min(c.w.ttl, 10*time.Second))))
		}
		var got Acquired
		got, err = c.Acquire(t.Context(), q)
		for _, l := range got.Lost {
			c.w.lost(c, l, began)
		}
		for _, g := range got.Grants {
			c.w.holds(c, g.Lock, began)
		}
	case 4, 5, 6, 7:
		var got Renewed
		got, err = c.Renew(t.Context(), nil, ttl, "")
		for _, l := range got.Lost {
			c.w.lost(c, l, began)
		}
		for _, l := range got.Locks {
			c.w.holds(c, l, began)
		}
	case 8:
		c.w.gives(c)
		_, err = c.Release(t.Context(), nil, "")
	case 9:
		_, err = c.Collect(t.Context())
	case 10:
		if v, loadErr := c.Load(t.Context(), true); loadErr == nil && len(v.Entries) > 0 {
			e := v.Entries[rng.IntN(len(v.Entries))]
			_, err = c.Break(t.Context(), lock.BreakRequest{Resource: e.Resource, Nonce: e.Nonce, Reason: "why"})
		}
	case 11: // as a sync does
		l := lock.Lock{Owner: c.Owner, Nonce: c.w.nonce(), TTL: ttl, Ticket: c.now(), Expires: c.now().Add(ttl)}
		var locks []lock.Lock
		for range 1 + rng.IntN(2) {
			l.Resource = resources[rng.IntN(len(resources))]
			if len(locks) == 0 || locks[0].Resource.String() != l.Resource.String() {
				locks = append(locks, l)
			}
			l.Nonce = c.w.nonce()
		}
		var got Confirmed
		got, err = c.Confirm(t.Context(), locks)
		for _, g := range got.Grants {
			c.w.holds(c, g.Lock, began)
		}
	case 12:
		q := FenceRequest{TTL: ttl, Release: rng.IntN(4) == 0, Swap: c.push}
		held, _ := c.Held()
		for _, h := range held {
			q.Resources = append(q.Resources, h.Resource)
		}
		if len(held) == 0 {
			return
		}
		var got Fenced
		got, err = c.Fence(t.Context(), q)
		for _, l := range got.Lost {
			c.w.lost(c, l, began)
		}
		if q.Release && len(got.Locks) > 0 {
			c.w.gives(c)
			return
		}
		for _, l := range got.Locks {
			c.w.holds(c, l, began)
		}
	}
	if unexpected(err) {
		t.Errorf("%T: %v", err, err)
	}
}

// push is a push of a branch together with locks, which asks when it got no answer.
func (c *client) push(ctx context.Context, changes []lock.Change) (Fate, error) {
	err := c.Swap(ctx, changes)
	if err == nil {
		return Moved, nil
	}
	v, loadErr := c.Load(ctx, true)
	switch {
	case errors.Is(err, lock.ErrNotAtomic):
		return Kept, nil
	case loadErr != nil:
		return Unknown, loadErr
	}
	fate := Kept
	for _, ch := range changes {
		switch at := v.Version(ch.Key); {
		case at == ch.Version && ch.New != nil:
			return Moved, nil
		case at != ch.Old:
			fate = Beaten
		}
	}
	return fate, nil
}

// lines are the conditions that everything has to hold under.
func lines() map[string]conditions {
	all := map[string]conditions{
		"short leases":  {ttl: 300 * time.Millisecond, faults: 20, doubled: 15},
		"long leases":   {ttl: time.Hour, faults: 20, doubled: 15},
		"one at a time": {ttl: 5 * time.Second, faults: 20, doubled: 15, single: true},
		"crashes":       {ttl: 5 * time.Second, faults: 20, doubled: 15, crashes: 3},
		"skewed clocks": {ttl: 5 * time.Second, faults: 15, doubled: 15, skew: 3 * time.Second},
		"two arbiters":  {ttl: 5 * time.Second, faults: 20, doubled: 15, servers: 2},
		"faults 60":     {ttl: 5 * time.Second, faults: 60, doubled: 15},
		"many copies":   {ttl: 5 * time.Second, faults: 20, doubled: 60, copies: 8},
	}
	for _, doubled := range []int{0, 15, 40, 60} {
		all[fmt.Sprint("doubled ", doubled)] = conditions{ttl: 5 * time.Second, doubled: doubled, faults: doubled / 3}
	}
	return all
}

// steps is how many commands each client gives in one play.
const steps = 50

// TestSimulation: under all conditions nobody believes in a lock that overlaps
// with what somebody else believes in, nobody is told wrongly that it holds or
// lost a lock, no lease is shortened, and nothing is stuck beyond its lease.
func TestSimulation(t *testing.T) {
	plays := 230
	if os.Getenv("GRITE_TEST_FULL") == "1" {
		plays = 2300 // × 12 conditions × 4 clients × 50 commands: 5 million
	}
	var operations atomic.Int64
	t.Cleanup(func() { t.Logf("%d operations", operations.Load()) })
	for name, line := range lines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := map[string]int{}
			for seed := range uint64(plays) {
				w := newWorld(line, seed)
				violation, n := play(t, w, steps)
				if violation != "" {
					t.Fatalf("seed %d: %s", seed, violation)
				}
				operations.Add(int64(n))
				for what, n := range w.told {
					told[what] += n
				}
			}
			if told["held"] < 20*plays {
				t.Errorf("told only %v", told)
			}
			t.Logf("told %v", told)
		})
	}
}

// TestSimulationControls: with a rule taken out the same simulation does find a
// violation, or the test above proves nothing.
func TestSimulationControls(t *testing.T) {
	base := conditions{ttl: 5 * time.Second, doubled: 40, faults: 20}
	for name, spoil := range map[string]func(*conditions){
		"verify an announcement":        func(c *conditions) { c.blind = true },
		"old values":                    func(c *conditions) { c.forced = true },
		"verify a first renewal":        func(c *conditions) { c.unverified, c.doubled, c.faults, c.skew = true, 100, 0, 3*time.Second },
		"verify a late renewal":         func(c *conditions) { c.late, c.doubled, c.copies, c.faults, c.clients = true, 100, 8, 0, 3 },
		"keep every version under way":  func(c *conditions) { c.forgetful = true },
		"a grant belongs to an arbiter": func(c *conditions) { c.together, c.servers = true, 2 },
	} {
		t.Run("without "+name, func(t *testing.T) {
			t.Parallel()
			c := base
			spoil(&c)
			for seed := range uint64(10000) {
				if violation, _ := play(t, newWorld(c, seed), steps); violation != "" {
					t.Log(seed, violation)
					return
				}
			}
			t.Error("the simulation sees nothing wrong")
		})
	}
}
