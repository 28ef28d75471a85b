package refstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

// The traces that a model checker found in the protocol when one of its rules is
// left out. Each is played move by move; the comments name the rule, and what
// was taken out to see the test fail.

// TestTraceDelayedCreate: a create whose answer was lost arrives once more when
// its lock has long been granted, expired and been taken over, and puts the first
// record back. Rules: what was once of unknown outcome is never granted under that
// OID, and a renewal goes on from the granted OID alone. Taken out: announcing
// again with the same record after a lost reply; a renewal that goes on from any
// record with the right nonce.
func TestTraceDelayedCreate(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.line.On(gittest.Nth(gittest.Push, 1, gittest.Later))
	n.alice.mustTake("path:src/a.go")
	n.mustHold(n.alice, "path:src/a.go")
	n.bob.ahead(2 * time.Hour)
	n.bob.mustTake("path:src/")
	n.stands("path:src/")
	if n.line.Release() != 1 {
		t.Fatal("no create was held back")
	}
	n.stands("path:src/", "path:src/a.go")
	n.alice.mustLose(n.bob)
	n.check()
	n.mustHold(n.bob, "path:src/")
	// What the delayed request left is an own record of alice, which she can remove.
	n.alice.mustRelease()
	n.stands("path:src/")
}

// TestTraceHollowGrant: the record goes after it was announced and before it is
// verified. Rule: in the read that grants, every own record stands. Taken out:
// that look at the own records.
func TestTraceHollowGrant(t *testing.T) {
	for name, remove := range map[string]func(*network){
		"broken": func(n *network) {
			table, err := n.bob.store.Load(n.t.Context(), true)
			if err != nil || len(table.Entries) != 1 {
				n.t.Fatalf("%+v, %v", table, err)
			}
			e := table.Entries[0]
			if _, err := n.bob.Break(n.t.Context(), lock.BreakRequest{Resource: e.Resource, Nonce: e.Nonce, Reason: "why"}); err != nil {
				n.t.Error(err)
			}
		},
		"taken over, and given up": func(n *network) {
			n.bob.ahead(2 * time.Hour)
			n.bob.mustTake("path:src/")
			n.bob.mustRelease()
		},
		"taken over": func(n *network) {
			n.bob.ahead(2 * time.Hour)
			n.bob.mustTake("path:src/")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t)
			n.alice.after(1, func() { remove(n) })
			_, err := n.alice.take("path:src/a.go")
			var held *lock.HeldError
			switch {
			case errors.As(err, &held):
				n.stands("path:src/")
			case err != nil:
				t.Error(err)
			default:
				n.mustHold(n.alice, "path:src/a.go")
				n.stands("path:src/a.go")
			}
			n.check()
		})
	}
}

// TestTraceLeftover: a process dies between announce and verify, or its create
// arrives after its end. Rule: an own record is a held lock only when the grants
// say so. Taken out: asking the grants; the acquire then says "already held" of
// what no verify has vouched for, and no renewal knows.
func TestTraceLeftover(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	left := n.plant(n.alice.Owner, "path:src/a.go", time.Now())
	var missing *lock.NotHeldError
	if _, err := n.alice.renew(time.Hour); !errors.As(err, &missing) {
		t.Errorf("a leftover was renewed: %v", err)
	}
	if g := n.alice.mustTake("path:src/a.go"); g[0].AlreadyHeld || n.at("path:src/a.go") == left {
		t.Errorf("a leftover counts as held: %+v", g)
	}
	n.mustHold(n.alice, "path:src/a.go")
	if _, err := n.alice.renew(2 * time.Hour); err != nil {
		t.Error(err)
	}
	n.alice.mustRelease()
	// Beside the lock of somebody who verified before it arrived it is nothing.
	n.bob.mustTake("path:src/")
	n.plant(n.alice.Owner, "path:src/a.go", time.Now())
	n.alice.mustMeet(n.bob, "path:src/a.go")
	n.alice.mustRelease()
	n.stands("path:src/")
}

// TestTraceTwoProcesses: a second process of one actor wants what the first has
// announced and may yet withdraw. Rule: the actor lock is held from before the
// push until granted or withdrawn. Taken out: waiting for it.
func TestTraceTwoProcesses(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	first, second := join(t, n.bob.clone, 0), join(t, n.bob.clone, 0)
	other := n.alice
	other.Owner = owner(5)
	pushes, done := make(chan bool, 1), make(chan error)
	second.after(1, func() { pushes <- true })
	first.after(1, func() {
		go func() {
			_, err := second.take("path:src/a.go")
			done <- err
		}()
		select {
		case <-pushes:
			t.Error("the second process pushed under the announcement of the first")
		case <-time.After(500 * time.Millisecond):
		}
		n.plant(other.Owner, "path:src/", time.Time{}) // granted by another program
	})
	first.mustMeet(other, "path:src/a.go")
	var held *lock.HeldError
	if err := <-done; !errors.As(err, &held) {
		t.Errorf("the second process: %v", err)
	}
	n.stands("path:src/")
}

// TestTraceOlderFetch: a fetch that was told the refs long ago must not prune the
// mirror under a read that has just brought it up to date. Rule: fetching and
// listing happen under one file lock. Taken out: that lock. An announcement is
// saved then by the look at its own record, which goes from the mirror as well;
// but a held lock reads as lost, and one of another as gone.
func TestTraceOlderFetch(t *testing.T) {
	t.Parallel()
	remote, flags := gittest.NewRemote(t), t.TempDir()
	listed, fetched, answer, pruned := filepath.Join(flags, "listed"), filepath.Join(flags, "fetched"), filepath.Join(flags, "answer"), filepath.Join(flags, "pruned")
	clone, bob := remote.Clone(t, remote.Dir), join(t, remote.Clone(t, remote.Dir), 2)
	// The old protocol tells the refs at once; here they are kept back.
	clone.UploadPack(`if [ "$FETCH" = older ]; then
		unset GIT_PROTOCOL
		"$GIT_REAL" upload-pack "$@" </dev/null >` + listed + `.refs 2>/dev/null
		>` + listed + `; await ` + answer + `; cat ` + listed + `.refs; cat >/dev/null; exit
	fi`)
	// When the refs of her mirror have moved, the fetch of alice waits for the other.
	clone.Hook("reference-transaction", `[ "$FETCH $1" = "newer committed" ] || exit 0
		>`+fetched+`; until [ -e `+pruned+` ]; do sleep 0.01; done`)
	alice := join(t, clone.With("FETCH=newer"), 0)
	older := join(t, clone.With("FETCH=older"), 1)

	done := make(chan error)
	go func() {
		_, err := older.store.Load(t.Context(), true)
		_ = os.WriteFile(pruned, nil, 0o666)
		done <- err
	}()
	await(t, listed, 20*time.Second)
	bob.mustTake("path:src/")
	go func() {
		await(t, fetched, 500*time.Millisecond) // alice is in the queue behind the older fetch
		_ = os.WriteFile(answer, nil, 0o666)
	}()
	view, err := alice.store.Load(t.Context(), true)
	if err != nil || !view.Has(parse(t, "path:src/")[0]) {
		t.Errorf("a fresh view does not show a lock that was granted before: %+v, %v", view, err)
	}
	if err := <-done; err != nil {
		t.Errorf("the older fetch: %v", err)
	}
}

// await waits until a file exists, or for as long as is said.
func await(t *testing.T, path string, most time.Duration) {
	for deadline := time.Now().Add(most); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
}

// TestTraceExclusive: one actor runs two things that must not run at once, on
// refs that differ. Rule: exclusive requests compare nonces, not owners, in the
// look and in verify. Taken out: the nonces.
func TestTraceExclusive(t *testing.T) {
	exclusive := func(m *member, name string) error {
		_, err := m.Acquire(m.t.Context(), protocol.AcquireRequest{Resources: parse(m.t, name), TTL: time.Hour, Exclusive: true})
		return err
	}
	t.Run("one after the other", func(t *testing.T) {
		t.Parallel()
		n := newNetwork(t)
		second := join(t, n.alice.clone, 0)
		if err := exclusive(n.alice, "path:src/"); err != nil {
			t.Fatal(err)
		}
		var held *lock.HeldError
		if err := exclusive(second, "path:src/a.go"); !errors.As(err, &held) {
			t.Errorf("granted beside the first: %v", err)
		}
		n.stands("path:src/")
	})
	t.Run("at once from two clones", func(t *testing.T) {
		t.Parallel()
		n := newNetwork(t)
		second := join(t, n.bob.clone, 0)
		n.alice.after(1, func() {
			var held *lock.HeldError
			if err := exclusive(second, "path:src/a.go"); !errors.As(err, &held) {
				t.Errorf("granted beside the first: %v", err)
			}
		})
		if err := exclusive(n.alice, "path:src/"); err != nil {
			t.Errorf("the first: %v", err)
		}
		n.stands("path:src/")
	})
}
