package refstore

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

// TestTraceDoubledCreate: git's own HTTP client repeats a request whose connection
// closes, so that a create arrives twice and nobody knows. The second copy puts
// the record back after somebody took the lock over. Rule: the first renewal is
// verified. Taken out: Verify of the holding; the renewal then succeeds beside the
// lock of bob.
func TestTraceDoubledCreate(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.line.On(gittest.Nth(gittest.Push, 1, gittest.Duplicate))
	n.alice.mustTake("path:src/a.go")
	n.bob.ahead(2 * time.Hour)
	n.bob.mustTake("path:src/")
	if n.line.Release() != 1 {
		t.Fatal("no create was held back")
	}
	n.stands("path:src/", "path:src/a.go")
	n.alice.mustLose(n.bob)
	n.stands("path:src/")
	n.mustHold(n.bob, "path:src/")
	if _, err := n.bob.renew(4 * time.Hour); err != nil {
		t.Error(err)
	}
}

// TestTraceDoubledCreateAfterShorterRenewal is TestTraceDoubledCreate after a
// renewal that sent nothing, because the lease was longer already: the version
// that a late create puts back is still that of the grant. Taken out: that the
// next renewal is verified again.
func TestTraceDoubledCreateAfterShorterRenewal(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.line.On(gittest.Nth(gittest.Push, 1, gittest.Duplicate))
	n.alice.mustTake("path:src/a.go")
	if _, err := n.alice.renew(time.Minute); err != nil {
		t.Fatal(err)
	}
	n.bob.ahead(2 * time.Hour)
	n.bob.mustTake("path:src/")
	if n.line.Release() != 1 {
		t.Fatal("no create was held back")
	}
	n.stands("path:src/", "path:src/a.go")
	n.alice.mustLose(n.bob)
	n.stands("path:src/")
	n.mustHold(n.bob, "path:src/")
}

// TestFirstRenewalReadsOnce: that verification costs one read, and once only.
func TestFirstRenewalReadsOnce(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	s := n.alice.stage()
	n.alice.mustTake("path:a")
	if s.reads != 1 || s.swaps != 1 {
		t.Errorf("an acquire takes %d reads and %d swaps", s.reads, s.swaps)
	}
	for i, reads := range []int{1, 0} {
		s := n.alice.stage()
		s.Store = n.alice.store
		if _, err := n.alice.renew(time.Duration(i+2) * time.Hour); err != nil || s.reads != reads || s.swaps != 1 {
			t.Errorf("renewal %d takes %d reads and %d swaps, %v", i+1, s.reads, s.swaps, err)
		}
	}
	s = n.alice.stage()
	s.Store = n.alice.store
	if _, err := n.alice.Release(t.Context(), parse(t, "path:a"), ""); err != nil || s.reads != 0 || s.swaps != 1 {
		t.Errorf("a release takes %d reads and %d swaps, %v", s.reads, s.swaps, err)
	}
}

// TestTraceLateRenewal: the answers of some renewals are lost, and the requests
// arrive at the worst moments. Rules: a repeat is the same request, and whatever
// stands of what was sent is the lock. Taken out: the time of the commit from the
// record, and all but the newest of the versions under way.
func TestTraceLateRenewal(t *testing.T) {
	for _, script := range []string{"keep release", "keep release-drop", "keep release-drop dropreply drop", "keep keep release", "dropreply drop drop drop drop drop", "double", "keep applied=504 release"} {
		for name, extend := range map[string]func(m *member) error{
			"renew": func(m *member) error { _, err := m.renew(2 * time.Hour); return err },
			"acquire": func(m *member) error {
				_, err := m.Acquire(m.t.Context(), protocol.AcquireRequest{Resources: parse(m.t, "path:src/"), TTL: 2 * time.Hour})
				return err
			},
		} {
			t.Run(name+" "+script, func(t *testing.T) {
				t.Parallel()
				n := newNetwork(t)
				n.alice.t, n.bob.t = t, t
				granted := n.alice.mustTake("path:src/")
				n.line.On(gittest.Script(t, script))
				err := extend(n.alice)
				var unreachable *git.RemoteError
				if err != nil && !errors.As(err, &unreachable) {
					t.Error(err)
				}
				n.line.Release()
				n.stands("path:src/")
				held, heldErr := n.alice.granted()
				h := held[parse(t, "path:src/")[0].Key()]
				if heldErr != nil || !h.Stands(n.at("path:src/")) || h.Nonce != granted[0].Nonce {
					t.Errorf("%s stands, and the holding is %+v, %v", n.at("path:src/"), h, heldErr)
				}
				n.line.On(nil)
				locks, err := n.alice.renew(22 * time.Second)
				if err != nil || locks[0].Nonce != granted[0].Nonce || locks[0].Expires.Before(h.Expires) {
					t.Errorf("renewed %+v, %v", locks, err)
				}
				n.bob.mustMeet(n.alice, "path:src/a.go")
				n.mustHold(n.alice, "path:src/")
			})
		}
	}
}

// TestShortLease: a lease that is over before it can be verified is refused after
// two tries, with how long one took. Taken out: the verdict; the acquire is then
// tried twenty times.
func TestShortLease(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	s := n.alice.stage()
	s.swapped = func(nth int) { n.alice.ahead(time.Duration(nth) * 3 * time.Second) }
	_, err := n.alice.Acquire(t.Context(), protocol.AcquireRequest{Resources: parse(t, "path:a"), TTL: time.Second, Wait: time.Minute})
	var short *protocol.ShortLeaseError
	if !errors.As(err, &short) || short.Took < 3*time.Second || short.Shortest <= short.Took {
		t.Errorf("%v", err)
	}
	if s.swaps != 3 {
		t.Errorf("%d swaps; two announce, and one withdraws", s.swaps)
	}
	n.stands()
}

// TestLateOnce: a process that was stopped, or whose clock jumps, between its push
// and the look after it announces once more. Taken out: the second try.
func TestLateOnce(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.alice.after(1, func() { n.alice.ahead(2 * time.Hour) })
	n.alice.mustTake("path:a")
	n.mustHold(n.alice, "path:a")
	n.bob.mustMeet(n.alice, "path:a")
	n.alice.after(1, func() { n.alice.ahead(4 * time.Hour) })
	if locks, err := n.alice.renew(time.Hour); err != nil || len(locks) != 1 || locks[0].Expires.Before(n.alice.Now()) {
		t.Errorf("renewed %+v, %v", locks, err)
	}
	n.mustHold(n.alice, "path:a")
}

// TestWaitSurvivesFailedRead: that the arbiter cannot be read once is no reason to
// stop waiting. Taken out: the exception for a wait.
func TestWaitSurvivesFailedRead(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.bob.mustTake("path:a")
	got, err := n.alice.Acquire(t.Context(), protocol.AcquireRequest{
		Resources: parse(t, "path:a"), TTL: time.Hour, Wait: time.Minute,
		Waiting: func(*lock.HeldError) {
			n.line.On(gittest.Nth(gittest.FetchRefs, 1, gittest.Status(http.StatusNotFound)))
			n.bob.mustRelease()
		},
	})
	if err != nil || len(got.Grants) != 1 {
		t.Errorf("%+v, %v", got.Grants, err)
	}
}

// TestTakeoverFoundInVerify: an expired lock that no look showed before is told
// of like any other that is taken over.
func TestTakeoverFoundInVerify(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.bob.mustTake("path:src/")
	n.alice.ahead(2 * time.Hour)
	if over := n.alice.mustTake("path:src/a.go")[0].TakenOver; len(over) != 1 || over[0].Owner != n.bob.Owner {
		t.Errorf("taken over from %+v", over)
	}
	n.stands("path:src/a.go")
}

// TestRemovedLock: a lock whose record somebody deleted is lost, and taken again
// only with a word about it.
func TestRemovedLock(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	granted := n.alice.mustTake("path:a", "path:b")
	n.remote.Git("update-ref", "-d", gittest.LockRef("path:a"))
	got, err := n.alice.Acquire(t.Context(), protocol.AcquireRequest{Resources: parse(t, "path:a"), TTL: time.Hour})
	if err != nil || len(got.Lost) != 1 || got.Lost[0].Cause != lock.Removed || got.Lost[0].Lock.Nonce != granted[0].Nonce || got.Grants[0].AlreadyHeld {
		t.Errorf("%+v, %v", got, err)
	}
	n.remote.Git("update-ref", "-d", gittest.LockRef("path:a"))
	renewed, err := n.alice.Renew(t.Context(), nil, 2*time.Hour, "")
	if err != nil || len(renewed.Locks) != 1 || renewed.Locks[0].Resource.String() != "path:b" || len(renewed.Lost) != 1 || renewed.Lost[0].Cause != lock.Removed {
		t.Errorf("what can be renewed is renewed: %+v, %v", renewed, err)
	}
}

// TestConfirmSeveral: any number of offline locks takes one push, a read that
// verifies and, because one is refused, a read to believe that.
func TestConfirmSeveral(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.bob.mustTake("path:taken/x")
	var locks []lock.Lock
	for i, r := range parse(t, "path:a", "path:taken/", "path:b", "issue:1") {
		locks = append(locks, lock.Lock{Owner: n.alice.Owner, Nonce: string(rune('m' + i)), Resource: r, TTL: time.Hour,
			Expires: time.UnixMilli(time.Now().Add(time.Hour).UnixMilli()), Acquired: time.Now(), Ticket: time.Now()})
	}
	if _, err := n.alice.Store.Load(t.Context(), true); err != nil { // as a sync does
		t.Fatal(err)
	}
	s := n.alice.stage()
	got, err := n.alice.Confirm(t.Context(), locks)
	if err != nil || len(got.Grants) != 3 || len(got.Lost) != 1 || got.Lost[0].Cause != lock.Taken || got.Lost[0].By.Owner != n.bob.Owner {
		t.Errorf("%+v, %v", got, err)
	}
	if s.reads != 2 || s.swaps != 1 {
		t.Errorf("%d reads and %d swaps", s.reads, s.swaps)
	}
	for _, g := range got.Grants {
		n.mustHold(n.alice, g.Resource.String())
		if !g.Expires.Equal(locks[0].Expires) {
			t.Errorf("%s until %v", g.Resource, g.Expires)
		}
	}
	n.stands("path:a", "path:b", "issue:1", "path:taken/x")
}

// TestTransientFaults: one failure of the line costs time and nothing else.
func TestTransientFaults(t *testing.T) {
	faults := []gittest.Fault{gittest.Status(502), gittest.Reset, gittest.DropReply, gittest.Status(503), gittest.HalfReply,
		gittest.DropRequest, gittest.Status(504), gittest.ResetReply, gittest.StatusApplied(504)}
	t.Parallel()
	n := newNetwork(t)
	var count atomic.Int64
	n.line.On(func(*http.Request, int) gittest.Fault {
		if at := count.Add(1); at%3 == 0 {
			return faults[int(at/3)%len(faults)]
		}
		return gittest.Pass
	})
	for range 2 {
		n.alice.mustTake("path:a", "path:b")
		if _, err := n.alice.renew(2 * time.Hour); err != nil {
			t.Error(err)
		}
		n.mustHold(n.alice, "path:a")
		n.alice.mustRelease()
		n.stands()
		n.bob.mustTake("path:c")
		n.alice.mustMeet(n.bob, "path:c")
		n.bob.mustRelease()
	}
	if count.Load() < 20 {
		t.Errorf("only %d requests", count.Load())
	}
}

// TestClockDoubt: a lock that came since the last look and says that it was
// acquired at another time shows that two clocks differ.
func TestClockDoubt(t *testing.T) {
	for name, tt := range map[string]struct{ off, least time.Duration }{
		"right": {0, 0}, "ahead": {time.Hour, 59 * time.Minute}, "behind": {-time.Hour, 59 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t)
			if v, err := n.alice.store.Load(t.Context(), true); err != nil || len(v.Clocks) != 0 {
				t.Fatal(v, err)
			}
			n.bob.ahead(tt.off)
			n.bob.t = t
			n.bob.mustTake("path:a")
			v, err := n.alice.store.Load(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			if tt.off == 0 {
				if len(v.Clocks) != 0 {
					t.Errorf("%+v", v.Clocks)
				}
				return
			}
			if len(v.Clocks) != 1 || v.Clocks[0].Lock.Owner != n.bob.Owner || v.Clocks[0].Ahead.Abs() < tt.least || v.Clocks[0].Ahead.Abs() > tt.off.Abs() || (v.Clocks[0].Ahead > 0) != (tt.off > 0) {
				t.Errorf("%+v", v.Clocks)
			}
		})
	}
}

// TestClockDoubtBeforeTakeover: it is told of before such a lock is taken over.
func TestClockDoubtBeforeTakeover(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	if _, err := n.alice.store.Load(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	n.bob.ahead(-2 * time.Hour) // his lease of an hour is over for everybody else
	n.bob.mustTake("path:a")
	before := n.at("path:a")
	var doubts []lock.ClockDoubt
	_, err := n.alice.Acquire(t.Context(), protocol.AcquireRequest{Resources: parse(t, "path:a"), TTL: time.Hour, Doubt: func(d lock.ClockDoubt) {
		doubts = append(doubts, d)
		if n.at("path:a") != before {
			t.Error("it is taken over already")
		}
	}})
	if err != nil || len(doubts) != 1 || doubts[0].Lock.Owner != n.bob.Owner || doubts[0].Ahead > -time.Hour {
		t.Errorf("%+v, %v", doubts, err)
	}
}
