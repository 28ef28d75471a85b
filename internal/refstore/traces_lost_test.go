package refstore

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

// TestTraceTakeoverReplyLost: a push that makes a lock and deletes an expired one
// is applied, and its reply is lost; the same push once more would find the
// expired one gone. Rules: after a lost reply a look, and a new record that leaves
// out what is done; "lost" is not the end of an attempt that may have been
// applied. Taken out: the look (the same push again, and its word taken); the
// account of records that may stand.
func TestTraceTakeoverReplyLost(t *testing.T) {
	takeover := func(t *testing.T) *network {
		n := newNetwork(t)
		n.bob.mustTake("path:src/a.go")
		n.alice.ahead(2 * time.Hour)
		if _, err := n.alice.store.Load(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		n.line.On(gittest.Nth(gittest.Push, 1, gittest.DropReply))
		return n
	}
	t.Run("nobody came", func(t *testing.T) {
		t.Parallel()
		n := takeover(t)
		if over := n.alice.mustTake("path:src/")[0].TakenOver; len(over) != 1 || over[0].Owner != n.bob.Owner {
			t.Errorf("taken over from %+v", over)
		}
		n.mustHold(n.alice, "path:src/")
		n.stands("path:src/")
		n.bob.mustLose(n.alice)
		n.alice.mustRelease()
		n.stands()
	})
	t.Run("somebody came", func(t *testing.T) {
		t.Parallel()
		n := takeover(t)
		other := owner(7)
		n.alice.after(1, func() {
			n.stands("path:src/")
			n.plant(other, "path:src/b.go", time.Time{}) // another program, which does not verify
		})
		_, err := n.alice.take("path:src/")
		var held *lock.HeldError
		if !errors.As(err, &held) || held.Conflicts[0].Owner != other {
			t.Errorf("wanted a conflict: %v", err)
		}
		n.stands("path:src/b.go")
	})
}

// TestTraceShorterLease: others may take a lock over when its record has expired,
// and its holder counts on the deadline that it was told. Rules: a renewal never
// shortens a lease, and until it is acknowledged the old deadline holds. Taken
// out: comparing the deadlines; entering the new deadline before the push.
func TestTraceShorterLease(t *testing.T) {
	t.Parallel()
	until := func(l lock.Lock) int64 { return l.Expires.UnixMilli() }
	n := newNetwork(t)
	granted := n.alice.mustTake("path:a")
	before := n.at("path:a")
	renewed, err := n.alice.renew(time.Minute)
	if err != nil || until(renewed[0]) != until(granted[0].Lock) {
		t.Errorf("renewed until %v, granted until %v, %v", renewed, granted[0].Expires, err)
	}
	got, err := n.alice.Acquire(t.Context(), protocol.AcquireRequest{Resources: parse(t, "path:a"), TTL: time.Minute})
	again := got.Grants
	if err != nil || until(again[0].Lock) != until(granted[0].Lock) || n.at("path:a") != before {
		t.Errorf("taken again until %v, granted until %v, %v", again, granted[0].Expires, err)
	}

	// No answer at all: on the remote the lease is longer, but that is not known.
	n.line.On(func(req *http.Request, _ int) gittest.Fault {
		switch gittest.KindOf(req) {
		case gittest.Push:
			return gittest.DropReply
		case gittest.PushRefs:
			return gittest.Pass
		}
		return gittest.Status(http.StatusServiceUnavailable)
	})
	if _, err := n.alice.renew(3 * time.Hour); err == nil {
		t.Error("a renewal without an answer is reported as done")
	}
	held, err := n.alice.granted()
	h := held[parse(t, "path:a")[0].Key()]
	if err != nil || until(h.Lock) != until(granted[0].Lock) || h.Version != before || len(h.Pending) != 1 || h.Pending[0].Version != n.at("path:a") || h.Pending[0].Version == before {
		t.Errorf("the grants have %+v, %v", h, err)
	}

	// The next renewal finds it.
	n.line.On(nil)
	if renewed, err := n.alice.renew(2 * time.Hour); err != nil || time.Until(renewed[0].Expires) < 2*time.Hour+30*time.Minute {
		t.Errorf("renewed until %v, %v", renewed, err)
	}
	n.mustHold(n.alice, "path:a")
	n.alice.mustRelease()
	n.stands()
}

// TestTraceStaleView: who lost looks at the remote before trying again. Rule:
// after a loss the next look is a read. Taken out: reading; the same push is then
// lost again and again, until the attempt is given up.
func TestTraceStaleView(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.bob.mustTake("path:a")
	n.line.On(nil)
	got, err := n.alice.Acquire(t.Context(), protocol.AcquireRequest{
		Resources: parse(t, "path:a"), TTL: time.Hour, Wait: 30 * time.Second,
		Waiting: func(*lock.HeldError) { n.bob.mustRelease() },
	})
	if err != nil || len(got.Grants) != 1 {
		t.Fatal(got.Grants, err)
	}
	n.mustHold(n.alice, "path:a")
	// git itself sends nothing when it sees a lost lease in the list of refs.
	if looked, sent := n.line.Count(gittest.PushRefs), n.line.Count(gittest.Push); looked != 2 || sent != 1 {
		t.Errorf("%d pushes, %d of them sent; one is lost, and one grants", looked, sent)
	}
}

// TestTraceTwoContenders: two announce what overlaps. Rule: the later ticket
// withdraws at once and then only reads, and the earlier waits for that. Taken
// out: the comparison of tickets (the earlier one withdraws as well, and both
// start again, and so on); the wait (the earlier one is refused).
func TestTraceTwoContenders(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	// An announcement with a later ticket stands until the earlier has looked twice.
	later := n.plant(n.bob.Owner, "path:src/a.go", time.Now().Add(time.Second))
	n.remote.Git("update-ref", "-d", gittest.LockRef("path:src/a.go"))
	s := n.alice.beforeRead(3, func() {
		n.stands("path:src/", "path:src/a.go")
		n.remote.Git("update-ref", "-d", gittest.LockRef("path:src/a.go"))
	})
	s.swapped = func(int) { n.remote.Git("update-ref", gittest.LockRef("path:src/a.go"), later) }
	n.alice.mustTake("path:src/")
	if s.swaps != 1 || s.reads != 3 {
		t.Errorf("granted after %d swaps and %d reads", s.swaps, s.reads)
	}
	n.mustHold(n.alice, "path:src/")

	// The other way round: withdrawn at once, and granted when the first is done.
	s = n.bob.stage()
	waiting := 0
	_, err := n.bob.Acquire(t.Context(), protocol.AcquireRequest{
		Resources: parse(t, "path:src/a.go"), TTL: time.Hour, Wait: 30 * time.Second,
		Waiting: func(*lock.HeldError) {
			waiting = s.swaps
			n.stands("path:src/")
			n.alice.mustRelease()
		},
	})
	if err != nil || waiting != 2 || s.swaps != 3 {
		t.Errorf("%d swaps before waiting, %d in all, %v", waiting, s.swaps, err)
	}
	n.mustHold(n.bob, "path:src/a.go")
	n.check()
}
