//go:build unix

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
			try(t, l.alice, "lock", "acquire", "-r", "path:b").exits(0, "Lock acquired")
			try(t, l.bob, "lock", "acquire", "-r", "path:a").exits(0, "Lock acquired")
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
		try(t, l.alice, "lock", "acquire", "-r", "path:a").exits(0, "Lock acquired")
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
	try(t, l.alice, "lock", "renew", "-r", "path:a").exits(3)
	try(t, l.bob, "lock", "acquire", "-r", "path:a").exits(4, "alice")
	try(t, l.alice, "lock", "release", "-r", "path:a").exits(0, "Lock released")
	try(t, l.bob, "lock", "acquire", "-r", "path:a").exits(0, "Lock acquired")
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
	try(t, alice, "lock", "acquire", "-r", "path:free/").exits(0, "Lock acquired")
	try(t, bob, "lock", "renew", "--mine", "--ttl", "1h").exits(0, "Lock renewed")
}

// TestInterruptedTwice: git, too, gets the signal of a terminal, and passes it on to
// what it has started, which is no reason to end without a word.
func TestInterruptedTwice(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	grite(t, r, "lock", "acquire", "path:a", "--actor", "bob")
	said := filepath.Join(t.TempDir(), "said")
	p := r.Start("sh", "-c", `exec git grite lock acquire path:a --wait 10m 2>"$1"`, "sh", said)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if text, _ := os.ReadFile(said); strings.Contains(string(text), "waiting for path:a") {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("it does not wait: %s", text)
		}
	}
	interrupted(t, p, syscall.SIGINT, -1) // git ends by the signal itself
	if text := readFile(t, said); !strings.HasSuffix(text, "\nError: stopped by Ctrl-C\n") {
		t.Errorf("it said %s", text)
	}
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
		"renew, nobody came":     {[]string{"renew", "--mine", "--ttl", "12h"}, "push", false, 0, "Lock renewed"},
		"renew, somebody came":   {[]string{"renew", "--mine", "--ttl", "1h"}, "push", true, 4, "bob"},
		"acquire, nobody came":   {[]string{"acquire", "-r", "path:b"}, "fetch", false, 0, "Lock acquired"},
		"acquire, somebody came": {[]string{"acquire", "-r", "path:b"}, "fetch", true, 4, "bob"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			reached, goOn, clock := filepath.Join(dir, "reached"), filepath.Join(dir, "go on"), filepath.Join(dir, "clock")
			remote, alice, bob := pair(t)
			healthyInTheEnd(t, remote, alice, bob)
			alice, bob = alice.With("GRITE_TEST_CLOCK="+clock), bob.With("GRITE_TEST_CLOCK="+clock)
			wanted := "path:b"
			if tt.step == "push" {
				wanted = "path:a"
				grite(t, alice, "lock", "acquire", "-r", wanted)
			}
			p := alice.With(gittest.WrapGit(t, "if is "+tt.step+" 1; then >'"+reached+"'; await '"+goOn+"'; fi")...).
				Start("git-grite", append([]string{"lock"}, tt.args...)...)
			appears(t, reached)
			p.Stop()
			write(t, clock, "2h") // longer than the lease
			if tt.comes {
				try(t, bob, "lock", "acquire", "-r", wanted, "--ttl", "1h").exits(0, "Lock acquired")
			}
			touch(t, goOn)
			p.Cont()
			came(t, name, p.Wait()).exits(tt.code, tt.words)
			locksOn(t, remote, wanted)
			if tt.comes {
				try(t, bob, "lock", "renew", "--mine", "--ttl", "2h").exits(0, "Lock renewed")
				try(t, alice, "lock", "acquire", "-r", wanted).exits(4, "bob")
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
		try(t, after, "lock", "renew", "--mine").exits(0, "Resource: path:a") // renewed, or kept where that ends later
		if now := recordOn(t, remote, "path:a"); now.Expires < first.Expires || now.Nonce != first.Nonce {
			t.Errorf("%v: from %+v to %+v", jump, first, now)
		}
		try(t, bob, "lock", "acquire", "-r", "path:a").exits(4, "alice")
		try(t, after, "lock", "release", "--mine").exits(0, "Lock released")
		locksOn(t, remote)
	}
}

// TestDelayedRelease: a release is ended, by Ctrl-C or kill -9, and its push arrives
// long after. What the same actor was granted again meanwhile stands.
func TestDelayedRelease(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *gittest.Running){
		"interrupted": func(t *testing.T, p *gittest.Running) { interrupted(t, p, syscall.SIGINT, 130) },
		"killed":      func(_ *testing.T, p *gittest.Running) { p.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t)
			delayedRelease(t, l, func(p *gittest.Running) { end(t, p) })
		})
	}
}

func delayedRelease(t *testing.T, l *line, end func(*gittest.Running)) {
	t.Helper()
	grite(t, l.alice, "lock", "acquire", "-r", "path:a")
	l.On(gittest.Nth(gittest.Push, 1, gittest.Delay(nil)))
	p := l.alice.Start("git-grite", "lock", "release", "-r", "path:a")
	l.Arrived(gittest.Push, 1)
	end(p)
	try(t, l.alice, "lock", "acquire", "-r", "path:a").exits(0)
	l.Release()
	locksOn(t, l.remote, "path:a")
	try(t, l.bob, "lock", "acquire", "-r", "path:a").exits(4, "alice")
}

// TestReleaseWithoutAtomic: several locks are released where the server cannot
// move several refs at once, one by one.
func TestReleaseWithoutAtomic(t *testing.T) {
	t.Parallel()
	l := newLine(t) // over HTTP git push ends with another code than elsewhere
	remote, alice := l.remote, l.alice
	remote.Git("config", "receive.advertiseAtomic", "false")
	for range 2 {
		grite(t, alice, "lock", "acquire", "-r", "path:a")
		grite(t, alice, "lock", "acquire", "-r", "path:b", "-r", "path:c")
		try(t, alice, "lock", "renew", "--mine", "--ttl", "1h").exits(0)
		try(t, alice, "lock", "release", "--mine").exits(0)
		locksOn(t, remote)
	}
	grite(t, alice, "lock", "acquire", "-r", "path:a")
	grite(t, alice, "lock", "acquire", "-r", "path:b", "-r", "path:c")
	remote.Git("update-ref", "-d", gittest.LockRef("path:b"))
	try(t, alice, "lock", "release", "--mine").exits(0)
	locksOn(t, remote)
}

// TestExtensionWithoutAtomic: a request for a lock that is held and for one that
// somebody else has is refused, and takes nothing away from who asked.
func TestExtensionWithoutAtomic(t *testing.T) {
	t.Parallel()
	for name, atomic := range map[string]string{"atomic": "true", "not atomic": "false"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote, alice, bob := pair(t)
			remote.Git("config", "receive.advertiseAtomic", atomic)
			grite(t, alice, "lock", "acquire", "-r", "path:a", "--ttl", "10m")
			grite(t, bob, "lock", "acquire", "-r", "path:b")
			for range 2 { // the first time the view is older
				try(t, alice, "lock", "acquire", "-r", "path:a", "-r", "path:b", "--ttl", "1h").exits(4, "bob")
				locksOn(t, remote, "path:a", "path:b")
				try(t, bob, "lock", "acquire", "-r", "path:a").exits(4, "alice")
			}
			try(t, alice, "lock", "renew", "-r", "path:a", "--ttl", "2h").exits(0)
			try(t, alice, "lock", "release", "--mine").exits(0)
			locksOn(t, remote, "path:b")
		})
	}
}
