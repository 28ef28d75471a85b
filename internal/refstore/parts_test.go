package refstore

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// crowded is a clone, and how many locks its remote has for each beginning of their
// keys. The remote never ends an answer with more than most of them: the time that
// servers take grows with what they send.
func crowded(t *testing.T, most, n int, beginnings ...string) *member {
	t.Helper()
	remote := gittest.NewRemote(t)
	clone := remote.Clone(t, remote.Dir)
	records := map[string]string{}
	for _, b := range beginnings {
		for i := range n {
			key := (b + fmt.Sprintf("%04x", i*(1<<16/n)) + "000000000000")[:16]
			records[Namespace+"/"+key] = fmt.Sprintf("%q", key)
		}
	}
	remote.Records(records)
	clone.SlowFetch(most)
	return join(t, clone, 0)
}

// looks looks until the view is fresh, with little time for each, and returns how
// many looks that took. Each has to come further than the one before, or to ask for
// less, but for those that a busy machine cut off.
func (m *member) looks(limit time.Duration) (n int) {
	m.t.Helper()
	for n = 1; n <= 200; n++ {
		ctx, cancel := context.WithTimeout(m.t.Context(), limit)
		v, err := m.store.Load(ctx, true)
		cancel()
		if err == nil {
			if refs := m.clone.Git("for-each-ref", "--format=x", m.store.mirror.prefix); len(v.Damaged) != (len(refs)+1)/2 {
				m.t.Errorf("%d locks of %d", len(v.Damaged), (len(refs)+1)/2)
			}
			return n
		}
		if ctx.Err() == nil {
			m.t.Fatal(err)
		}
		if !m.store.AsOf().IsZero() {
			m.t.Error("the view is told to be fresh")
		}
	}
	m.t.Fatalf("after %d looks it is at %+v", n, m.store.readParts())
	return n
}

// TestLookInParts: a look that is cut off keeps what it got, so that looks that have
// too little time for all of the locks come to an end.
func TestLookInParts(t *testing.T) {
	t.Parallel()
	var even []string
	for i := range 256 {
		even = append(even, fmt.Sprintf("%02x", i))
	}
	m := crowded(t, 400, 6, even...)
	if n := m.looks(2 * time.Second); n < 3 {
		t.Errorf("%d looks", n)
	}
	if _, err := os.Stat(m.store.partsPath()); err == nil {
		t.Error("the next look still goes by parts")
	}
}
