//go:build unix

package main

import (
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestHangingServer: Ctrl-C ends a command that waits for a server, at any step,
// and nothing is left behind.
func TestHangingServer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		at     gittest.Kind
		signal syscall.Signal
		code   int
	}{
		"before the push": {gittest.PushRefs, syscall.SIGINT, 130},
		"in the push":     {gittest.Push, syscall.SIGINT, 130},
		"in verify":       {gittest.FetchRefs, syscall.SIGTERM, 143},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t)
			l.On(gittest.Nth(tt.at, 1, gittest.Hang))
			p := l.alice.Start("git-grite", "lock", "acquire", "-r", "path:a")
			l.Arrived(tt.at, 1)
			interrupted(t, p, tt.signal, tt.code)
			locksOn(t, l.remote)
			ends(t, 0, "Lock acquired", l.alice, "lock", "acquire", "-r", "path:b")
			ends(t, 0, "Lock acquired", l.bob, "lock", "acquire", "-r", "path:a")
		})
	}
	t.Run("for good", func(t *testing.T) {
		t.Parallel()
		l := newLine(t)
		l.On(func(req *http.Request, _ int) gittest.Fault {
			if gittest.KindOf(req) == gittest.PushRefs {
				return gittest.Pass
			}
			return gittest.Hang
		})
		p := l.alice.Start("git-grite", "lock", "acquire", "-r", "path:a")
		l.Arrived(gittest.Push, 1)
		interrupted(t, p, syscall.SIGINT, 130)
		l.On(nil)
		ends(t, 0, "Lock acquired", l.alice, "lock", "acquire", "-r", "path:a")
	})
}

// TestDelayedCreate: Ctrl-C ends an acquire whose push arrives long after. What
// it makes is a lease that ends, and that its owner can release before.
func TestDelayedCreate(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	l.On(gittest.Nth(gittest.Push, 1, gittest.Delay(nil)))
	p := l.alice.Start("git-grite", "lock", "acquire", "-r", "path:a")
	l.Arrived(gittest.Push, 1)
	interrupted(t, p, syscall.SIGINT, 130)
	locksOn(t, l.remote)
	if l.Release() != 1 {
		t.Fatal("nothing was held back")
	}
	locksOn(t, l.remote, "path:a")
	ends(t, 3, "", l.alice, "lock", "renew", "-r", "path:a")
	ends(t, 4, "alice", l.bob, "lock", "acquire", "-r", "path:a")
	ends(t, 0, "Lock released", l.alice, "lock", "release", "-r", "path:a")
	ends(t, 0, "Lock acquired", l.bob, "lock", "acquire", "-r", "path:a")
}

// TestInterruptedWait: Ctrl-C ends --wait, and nothing is left behind.
func TestInterruptedWait(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	grite(t, bob, "lock", "acquire", "-r", "path:src/")
	waits := filepath.Join(t.TempDir(), "waits")
	p := alice.With(gittest.WrapGit(t, "if is fetch 3; then >"+waits+"; fi")...).Start("git-grite", "lock", "acquire", "src/a.go", "--wait", "1m")
	appears(t, waits)
	interrupted(t, p, syscall.SIGINT, 130)
	locksOn(t, remote, "path:src/")
	ends(t, 0, "Lock acquired", alice, "lock", "acquire", "-r", "path:free/")
	ends(t, 0, "Lock renewed", bob, "lock", "renew", "--mine", "--ttl", "1h")
}

// TestStopped: a process is suspended for longer than its lease, as by Ctrl-Z or
// the lid of a laptop, and goes on.
func TestStopped(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args  []string // of what is stopped before its first call of step
		step  string
		comes bool // somebody, meanwhile
		code  int
		words string
	}{
		"renew, nobody came":     {[]string{"renew", "--mine", "--ttl", "1h"}, "push", false, 0, "Lock renewed"},
		"renew, somebody came":   {[]string{"renew", "--mine", "--ttl", "1h"}, "push", true, 4, "bob"},
		"acquire, nobody came":   {[]string{"acquire", "-r", "path:b", "--ttl", "1s"}, "fetch", false, 0, "Lock acquired"},
		"acquire, somebody came": {[]string{"acquire", "-r", "path:b", "--ttl", "1s"}, "fetch", true, 4, "bob"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote, alice, bob := pair(t)
			configure(t, bob, "\n[lock]\nclock_skew = \"0s\"\n")
			wanted := "path:b"
			if tt.step == "push" {
				wanted = "path:a"
				grite(t, alice, "lock", "acquire", "-r", wanted, "--ttl", "1s")
			}
			dir := t.TempDir()
			reached, goOn := filepath.Join(dir, "reached"), filepath.Join(dir, "go on")
			p := alice.With(gittest.WrapGit(t, "if is "+tt.step+" 1; then >'"+reached+"'; await '"+goOn+"'; fi")...).
				Start("git-grite", append([]string{"lock"}, tt.args...)...)
			appears(t, reached)
			p.Stop()
			time.Sleep(1200 * time.Millisecond) // the lease
			if tt.comes {
				ends(t, 0, "Lock acquired", bob, "lock", "acquire", "-r", wanted, "--ttl", "1h")
			}
			touch(t, goOn)
			p.Cont()
			expect(t, p.Wait(), tt.code, tt.words, name)
			locksOn(t, remote, wanted)
			if tt.comes {
				ends(t, 0, "Lock renewed", bob, "lock", "renew", "--mine", "--ttl", "2h")
				ends(t, 4, "bob", alice, "lock", "acquire", "-r", wanted)
			} else {
				grite(t, alice, "lock", "release", "--mine")
				locksOn(t, remote)
			}
		})
	}
}

// TestClockJumps: the clock of a holder jumps between acquire and renew. Nothing
// is shortened, lost or taken, and the lock can be released.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	for _, jump := range []struct{ before, after string }{{"10m", "0s"}, {"0s", "-10m"}, {"0s", "1h"}} {
		before, after := alice.With("GRITE_TEST_SHIFT="+jump.before), alice.With("GRITE_TEST_SHIFT="+jump.after)
		grite(t, before, "lock", "acquire", "-r", "path:a")
		first := recordOn(t, remote, "path:a")
		ends(t, 0, "Lock renewed", after, "lock", "renew", "--mine")
		if now := recordOn(t, remote, "path:a"); now.Expires < first.Expires || now.Nonce != first.Nonce {
			t.Errorf("%v: from %+v to %+v", jump, first, now)
		}
		ends(t, 4, "alice", bob, "lock", "acquire", "-r", "path:a")
		ends(t, 0, "Lock released", after, "lock", "release", "--mine")
		locksOn(t, remote)
	}
}
