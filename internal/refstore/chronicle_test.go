package refstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

// spoiled is a store with a rule taken out.
type spoiled struct {
	*Remote
	owner         lock.Owner
	blind, forced bool
}

func (s *spoiled) Load(ctx context.Context, fresh bool) (*lock.View, error) {
	t, err := s.Remote.Load(ctx, fresh)
	if err == nil && s.blind {
		own := &lock.View{}
		for _, e := range t.Entries {
			if e.Owner == s.owner {
				own.Entries = append(own.Entries, e)
			}
		}
		t = own
	}
	return t, err
}

func (s *spoiled) Swap(ctx context.Context, changes []lock.Change) error {
	if s.forced {
		t, err := s.Remote.Load(ctx, true)
		if err != nil {
			return err
		}
		changes = slices.Clone(changes) // the recorder is told what was asked for
		for i, c := range changes {
			changes[i].Old = t.Version(c.Key)
		}
	}
	return s.Remote.Swap(ctx, changes)
}

// chronicle is what many clones did at random for a while.
type chronicle struct {
	rec        *recorder
	ref        *referee
	violation  atomic.Pointer[string]
	operations atomic.Int64
	faults     atomic.Int64
}

// play lets every member do random things until the time is over or something
// went wrong.
func (h *chronicle) play(t *testing.T, until time.Time, steps int) {
	var wg sync.WaitGroup
	for i, m := range h.ref.members {
		random := rand.New(rand.NewPCG(uint64(i), uint64(time.Now().UnixNano())))
		wg.Go(func() {
			for step := 0; (step < steps || steps == 0) && time.Now().Before(until) && h.violation.Load() == nil; step++ {
				h.operations.Add(1)
				h.step(t, m, random)
				if v := h.ref.check(t); v != "" {
					h.violation.Store(&v)
				}
			}
		})
	}
	wg.Wait()
}

func (h *chronicle) step(t *testing.T, m *member, random *rand.Rand) {
	pick := func() lock.Resource { return parse(t, overlapping[random.IntN(len(overlapping))])[0] }
	var err error
	switch random.IntN(10) {
	case 0, 1, 2, 3, 4:
		o := protocol.AcquireRequest{Resources: []lock.Resource{pick()}, TTL: time.Duration(1+random.IntN(20)) * time.Second}
		if random.IntN(4) == 0 {
			o.Resources = append(o.Resources, pick())
		}
		_, err = m.Acquire(t.Context(), o)
	case 5:
		_, err = m.renew(20 * time.Second)
	case 6, 7, 8:
		_, err = m.Release(t.Context(), nil, "")
	case 9:
		var table *lock.View
		if table, err = m.store.Load(t.Context(), true); err == nil && len(table.Entries) > 0 {
			e := table.Entries[random.IntN(len(table.Entries))]
			_, err = m.Break(t.Context(), lock.BreakRequest{Resource: e.Resource, Nonce: e.Nonce, Reason: "why"})
		}
	}
	var held *lock.HeldError
	var none *lock.NotHeldError
	var broken *lock.BrokenError
	var nonce *lock.NonceError
	var line *git.RemoteError
	var short *protocol.ShortLeaseError // on a line that delays requests by seconds
	switch {
	case err == nil, errors.As(err, &held), errors.As(err, &none), errors.As(err, &broken), errors.As(err, &nonce), errors.As(err, &short), errors.Is(err, lock.ErrLostRace):
	case errors.As(err, &line):
		h.faults.Add(1)
	default:
		t.Errorf("%T: %v", err, err)
	}
}

// newChronicle makes clones of a remote, with faults on the line or not, and with
// their stores spoiled or not.
func newChronicle(t *testing.T, clients int, faults bool, spoil func(*spoiled)) *chronicle {
	name := "file"
	if faults {
		name = "http"
	}
	remote := gittest.NewRemote(t)
	url, env := transports(t, name)[0].Serve(t, remote.Dir)
	h := &chronicle{rec: &recorder{began: time.Now()}}
	var proxy *gittest.FaultProxy
	if faults {
		proxy = gittest.Proxy(t, url)
		url = proxy.URL
		stop := make(chan struct{})
		t.Cleanup(func() { close(stop) })
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
					proxy.Release()
				}
			}
		}()
	}
	var members []*member
	for i := range clients {
		m := join(t, remote.With(env...).Clone(t, url), i)
		s := &spoiled{Remote: m.store, owner: m.Owner}
		if spoil != nil {
			spoil(s)
		}
		m.Shared.Store = h.rec.watch(s)
		members = append(members, m)
	}
	h.ref = newReferee(t, remote, members...)
	if proxy != nil {
		proxy.On(h.fault)
	}
	return h
}

// fault spoils one request in ten.
func (h *chronicle) fault(req *http.Request, _ int) gittest.Fault {
	if kind := gittest.KindOf(req); kind != gittest.Push && kind != gittest.Fetch || rand.IntN(10) > 0 {
		return gittest.Pass
	}
	h.faults.Add(1)
	some := []gittest.Fault{gittest.DropReply, gittest.DropRequest, gittest.Delay(after(2 * time.Second)), gittest.Later, gittest.Status(500)}
	return some[rand.IntN(len(some))]
}

func after(d time.Duration) <-chan struct{} {
	c := make(chan struct{})
	time.AfterFunc(d, func() { close(c) })
	return c
}

// TestHistoriesRemote: whatever clones do at random, on a good and on a bad line,
// no two overlapping locks are granted, and each ref behaves like a register.
func TestHistoriesRemote(t *testing.T) {
	for name, faults := range map[string]bool{"good line": false, "bad line": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newChronicle(t, 4, faults, nil)
			h.play(t, time.Now().Add(time.Minute), 12)
			h.report(t)
		})
	}
}

func (h *chronicle) report(t *testing.T) {
	t.Helper()
	if v := h.violation.Load(); v != nil {
		t.Errorf("granted together: %s", *v)
	}
	if bad := h.rec.check(); bad != "" {
		t.Errorf("the history of %s is not linearizable", bad)
	}
	t.Logf("%d operations, %d checks, %d faults, %d swaps and reads", h.operations.Load(), h.ref.grants, h.faults.Load(), h.rec.len())
}

// TestHistoriesRemoteControls: with the second look or the leases taken out the
// same histories do go wrong, or the test above proves nothing.
func TestHistoriesRemoteControls(t *testing.T) {
	for name, spoil := range map[string]func(*spoiled){
		"no verify": func(s *spoiled) { s.blind = true },
		"no lease":  func(s *spoiled) { s.forced = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 10 {
				h := newChronicle(t, 4, false, spoil)
				h.play(t, time.Now().Add(time.Minute), 12)
				if h.violation.Load() != nil || h.rec.check() != "" {
					return
				}
			}
			t.Error("the checks see nothing wrong")
		})
	}
}

// TestSoak plays for as long as GRITE_SOAK says ("make soak"), else a moment.
func TestSoak(t *testing.T) {
	d, err := time.ParseDuration(os.Getenv("GRITE_SOAK"))
	if err != nil {
		d = 3 * time.Second
	}
	violations := 0
	var operations, grants, faults int64
	for end := time.Now().Add(d); time.Now().Before(end); {
		h := newChronicle(t, 6, true, nil)
		h.play(t, end, 40)
		if h.violation.Load() != nil {
			violations++
		}
		h.report(t)
		operations, grants, faults = operations+h.operations.Load(), grants+int64(h.ref.grants), faults+h.faults.Load()
	}
	t.Logf("%d operations, %d checks of all grants, %d faults, %d violations", operations, grants, faults, violations)
}
