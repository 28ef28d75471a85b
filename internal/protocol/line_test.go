package protocol

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// waitingLine is the line of a world's one server.
type waitingLine struct {
	*client
	mu   *sync.Mutex
	line map[string]lock.Waiter
}

func (l *waitingLine) Join(_ context.Context, w lock.Waiter) error {
	l.w.pause()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line[w.Nonce] = w
	return nil
}

func (l *waitingLine) Leave(_ context.Context, w lock.Waiter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.line, w.Nonce)
	return nil
}

func (l *waitingLine) Look(ctx context.Context) (*lock.View, []lock.Waiter, error) {
	v, err := l.Load(ctx, true)
	l.mu.Lock()
	defer l.mu.Unlock()
	var line []lock.Waiter
	for _, w := range l.line {
		line = append(line, w)
	}
	return v, line, err
}

// wait lets n clients wait for resources, each a second after the one before,
// while another holds repo:x for a minute. It returns in which order they were
// granted, and how long after the lock was free the first of them was.
func wait(t *testing.T, n int, dead map[int]bool, lease bool, resources func(i int) string) (order []int, first time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(conditions{ttl: time.Hour}, 1)
		var mu sync.Mutex
		line := map[string]lock.Waiter{}
		holder := w.client(99)
		ttl := time.Hour
		if lease {
			ttl = time.Minute
		}
		if _, err := holder.Acquire(t.Context(), AcquireRequest{Resources: []lock.Resource{resource(t, "repo:x")}, TTL: ttl}); err != nil {
			t.Fatal(err)
		}
		free := time.Now().Add(time.Minute)
		var wg sync.WaitGroup
		for i := range n {
			c := w.client(i)
			c.Line = &waitingLine{c, &mu, line}
			time.Sleep(time.Second)
			if dead[i] {
				_ = c.Line.Join(t.Context(), lock.Waiter{Owner: c.Owner, Nonce: fmt.Sprint("dead", i), Ticket: time.Now(), Until: time.Now().Add(time.Hour), Resources: []lock.Resource{resource(t, resources(i))}})
				continue
			}
			wg.Go(func() {
				got, err := c.Acquire(t.Context(), AcquireRequest{Resources: []lock.Resource{resource(t, resources(i))}, TTL: time.Minute, Wait: time.Hour})
				if err != nil {
					t.Errorf("%d: %v", i, err)
					return
				}
				mu.Lock()
				if order = append(order, i); len(order) == 1 {
					first = time.Since(free)
				}
				mu.Unlock()
				time.Sleep(3 * time.Second)
				if _, err := c.Release(t.Context(), []lock.Resource{got.Grants[0].Resource}, ""); err != nil {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		time.Sleep(time.Until(free))
		if !lease {
			if _, err := holder.Release(t.Context(), nil, ""); err != nil {
				t.Error(err)
			}
		}
		wg.Wait()
		if len(line) != len(dead) {
			t.Errorf("%d are still in line", len(line))
		}
	})
	return order, first
}

// TestLineIsFair: who came first is granted first, also for different resources
// that overlap. A lock that is released is taken within one interval, and one whose
// lease ends at that moment: what comes on top is a look and a push, each request
// of which takes up to 40 ms here.
func TestLineIsFair(t *testing.T) {
	const interval, look = maxLook + maxLook/2, 300 * time.Millisecond
	same := func(int) string { return "path:src/" }
	nested := func(i int) string { return []string{"path:src/", "path:src/a.go", "path:**/*.go", "repo:y"}[i%4] }
	for name, tt := range map[string]struct {
		dead      map[int]bool
		lease     bool
		resources func(int) string
		within    time.Duration
	}{
		"released":            {resources: same, within: interval + look},
		"overlapping":         {resources: nested, within: interval + look},
		"a lease that ends":   {resources: same, lease: true, within: look},
		"the first are dead":  {resources: same, dead: map[int]bool{0: true, 1: true}, within: 6 * maxLook},
		"one dies on a lease": {resources: same, lease: true, dead: map[int]bool{0: true}, within: minSlot + look},
	} {
		t.Run(name, func(t *testing.T) {
			order, first := wait(t, 16, tt.dead, tt.lease, tt.resources)
			if !slices.IsSorted(order) {
				t.Errorf("granted in the order %v", order)
			}
			if len(order) != 16-len(tt.dead) {
				t.Errorf("only %d were granted", len(order))
			}
			if first < 0 || first > tt.within {
				t.Errorf("the first was granted %v after it was free", first)
			}
		})
	}
}
