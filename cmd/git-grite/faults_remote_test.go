//go:build unix

package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// line is a remote that alice reaches over a line with faults, and bob directly.
type line struct {
	*gittest.FaultProxy
	t                  *testing.T
	remote, alice, bob *gittest.Repo
}

func newLine(t *testing.T) *line {
	t.Helper()
	remote, alice, bob := pair(t)
	for _, tr := range gittest.Transports(t) {
		if tr.Name == "http" {
			url, env := tr.Serve(t, remote.Dir)
			proxy := gittest.Proxy(t, url)
			alice = alice.With(env...)
			alice.Git("remote", "set-url", "origin", proxy.URL)
			healthyInTheEnd(t, remote, alice, bob)
			t.Cleanup(func() { proxy.On(nil) })
			return &line{proxy, t, remote, alice, bob}
		}
	}
	t.Fatal("no http")
	return nil
}

// locksOn wants exactly the locks on these resources on a remote.
func locksOn(t *testing.T, remote *gittest.Repo, resources ...string) {
	t.Helper()
	got := remote.Git("for-each-ref", "--format=%(refname)", "refs/grite/locks")
	wrong := len(strings.Fields(got)) != len(resources)
	for _, r := range resources {
		wrong = wrong || !strings.Contains(got, gittest.LockRef(r))
	}
	if wrong {
		t.Errorf("on the remote are %q, wanted those of %q", got, resources)
	}
}

// record is what a lock on a remote says.
type record struct {
	Nonce   string
	Expires int64 `json:"expires_unix_ms"`
}

func recordOn(t *testing.T, remote *gittest.Repo, resource string) (r record) {
	t.Helper()
	if err := json.Unmarshal([]byte(remote.Git("show", gittest.LockRef(resource)+":lock.json")), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// stood reports whether there is a lock on the remote.
func stood(remote *gittest.Repo, resource string) bool {
	return remote.Run("", "git", "rev-parse", "-q", "--verify", gittest.LockRef(resource)).Code == 0
}

// busy has every third push find the refs that it changes locked by others.
const busy = `rm -f refs/grite/locks/*.lock
n=$(cat pushes 2>/dev/null || echo 0); n=$((n + 1)); echo $n >pushes
[ $((n % 3)) = 0 ] || exit 0
while read -r old new ref; do mkdir -p "${ref%/*}" && >"$ref.lock"; done`

// TestEveryThirdRequestFails: a line on which every third request fails, in whatever
// way may pass, changes nothing: commands end with what they would have ended with
// on a sound one, and what they say is on the server.
func TestEveryThirdRequestFails(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]gittest.Rule{
		"connection reset":       gittest.Every(3, gittest.Reset),
		"reset after the fact":   gittest.Every(3, gittest.ResetReply),
		"no answer":              gittest.Every(3, gittest.DropRequest),
		"no answer to what is":   gittest.Every(3, gittest.DropReply),
		"502":                    gittest.Every(3, gittest.Status(502)),
		"503":                    gittest.Every(3, gittest.Status(503)),
		"504":                    gittest.Every(3, gittest.Status(504)),
		"504 to what is applied": gittest.Every(3, gittest.StatusApplied(504)),
		"the end is missing":     gittest.Every(3, gittest.HalfReply),  // early EOF
		"the end is cut off":     gittest.Every(3, gittest.ShortReply), // expected 'packfile', expected flush after ref listing
		"busy":                   nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t)
			if rule == nil {
				l.remote.Hook("pre-receive", busy)
				t.Cleanup(func() { l.remote.Run("", "sh", "-c", "rm -f refs/grite/locks/*.lock hooks/pre-receive") })
			}
			bob := l.alice.With("GRITE_ACTOR=bob")
			l.On(rule)
			for range rounds(20) { // so that each command meets with faults at other requests
				try(t, l.alice, "lock", "acquire", "-r", "path:a", "--ttl", "1h").exits(0, "Lock acquired")
				try(t, l.alice, "lock", "acquire", "-r", "path:b/", "-r", "path:c/").exits(0, "Lock acquired")
				locksOn(t, l.remote, "path:a", "path:b/", "path:c/")
				try(t, bob, "lock", "acquire", "-r", "path:a").exits(4, "alice")
				try(t, bob, "lock", "acquire", "-r", "path:d", "-r", "path:c/x").exits(4, "alice")
				try(t, l.alice, "lock", "acquire", "-r", "path:a").exits(0, "already held")
				nonce := recordOn(t, l.remote, "path:a").Nonce
				try(t, l.alice, "lock", "renew", "--mine", "--ttl", "2h").exits(0, "Lock renewed")
				if now := recordOn(t, l.remote, "path:a"); now.Nonce != nonce || now.Expires < time.Now().Add(time.Hour).UnixMilli() {
					t.Errorf("renewed to %+v", now)
				}
				try(t, l.alice, "sync").exits(0, "3 active locks")
				try(t, bob, "lock", "run", "path:e", "--", "true").exits(0)
				try(t, bob, "lock", "break", "-r", "path:a", "--nonce", nonce, "--reason", "why").exits(0)
				try(t, l.alice, "lock", "renew", "-r", "path:a").exits(4, "why")
				try(t, l.alice, "lock", "release", "--mine").exits(0, "path:b/", "path:c/")
				try(t, bob.With("GRITE_TEST_SHIFT=48h"), "lock", "gc").exits(0)
				locksOn(t, l.remote)
				try(t, l.alice, "lock", "acquire", "-r", "path:o", "--offline").exits(0)
				try(t, l.alice, "sync").exits(0, "Confirmed: path:o")
				try(t, l.alice, "lock", "release", "path:o").exits(0, "Lock released")
				try(t, bob, "lock", "status").exits(0, "No active locks")
				locksOn(t, l.remote)
			}
			if faults := l.Tally(); rule != nil && len(faults) == 0 {
				t.Error("no request failed")
			}
		})
	}
}

// late is a clock by which every lease of these tests has ended.
const late = "GRITE_TEST_SHIFT=2h"

// TestReplyLost: the server does what a command asks for, and its answer is lost
// on the way.
func TestReplyLost(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	lost := func(code int, words string, args ...string) {
		t.Helper()
		l.On(gittest.Nth(gittest.Push, 1, gittest.DropReply))
		try(t, l.alice, append([]string{"lock"}, args...)...).exits(code, words)
		if l.Count(gittest.Push) == 0 {
			t.Errorf("%q sent nothing", args)
		}
	}
	lost(0, "Lock acquired", "acquire", "-r", "path:a", "-r", "path:b")
	locksOn(t, l.remote, "path:a", "path:b")
	try(t, l.bob, "lock", "acquire", "-r", "path:a").exits(4, "alice")
	lost(0, "Lock renewed", "renew", "--mine", "--ttl", "1h")
	try(t, l.bob.With("GRITE_TEST_SHIFT=40m"), "lock", "acquire", "-r", "path:a").exits(4, "alice")
	lost(0, "Lock released", "release", "--mine")
	locksOn(t, l.remote)

	grite(t, l.bob, "lock", "acquire", "-r", "path:a")
	lost(0, "broken", "break", "-r", "path:a", "--nonce", recordOn(t, l.remote, "path:a").Nonce, "--reason", "why")
	try(t, l.bob, "lock", "renew", "-r", "path:a").exits(4, "Broken by: alice")
	try(t, l.bob, "lock", "acquire", "-r", "path:a").exits(0)
}

// TestEveryReplyLost: nothing is heard of any push. The command gives up and says
// so; what it left, if anything, its owner can remove.
func TestEveryReplyLost(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]gittest.Fault{"replies": gittest.DropReply, "requests": gittest.DropRequest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t)
			dead := func(req *http.Request, _ int) gittest.Fault {
				if gittest.KindOf(req) == gittest.Push {
					return fault
				}
				return gittest.Pass
			}
			l.On(dead)
			try(t, l.alice, "lock", "acquire", "-r", "path:a").exits(5, "Nothing was locked")
			locksOn(t, l.remote)
			l.On(nil)
			try(t, l.alice, "lock", "acquire", "-r", "path:a").exits(0, "Lock acquired")
			l.On(dead)
			res := l.alice.Run("", "git-grite", "lock", "release", "--mine")
			if gone := !stood(l.remote, "path:a"); res.Code != 0 && res.Code != 5 || res.Code == 0 && !gone {
				t.Errorf("release: exit %d, gone %v, %s", res.Code, gone, res.Stderr)
			}
			l.On(nil)
			grite(t, l.alice, "lock", "release", "--mine")
			try(t, l.bob, "lock", "acquire", "-r", "path:a").exits(0, "Lock acquired")
		})
	}
}

// TestDaemonLeftBehind: something that git starts goes on after its end and keeps
// its stderr open, as the daemon of a credential helper may.
func TestDaemonLeftBehind(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	alice = alice.With(gittest.WrapGit(t, `is push || is fetch || exec "$GIT_REAL" "$@"; "$GIT_REAL" "$@"; code=$?; sleep 60 >/dev/null & exit $code`)...)
	try(t, alice, "lock", "acquire", "src/").exits(0, "Lock acquired")
	try(t, alice, "lock", "renew", "src/").exits(0, "Lock renewed")
	locksOn(t, remote, "path:src/")
	try(t, alice, "lock", "status", "--json").exits(0, `"fresh":true`, `"resource":"path:src/"`)
	try(t, bob, "lock", "acquire", "src/a.go").exits(4, "alice")
	try(t, alice, "lock", "release", "--mine").exits(0, "Lock released")
	locksOn(t, remote)
}

// TestKilledClient: an acquire is killed at each of its steps. Its own actor
// goes on at once, everybody else when the lease has ended at the latest.
func TestKilledClient(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	healthyInTheEnd(t, remote, alice, bob)
	for _, tt := range []struct {
		when, script string
		stands       bool
	}{
		{"before the push", `if is push 1; then kill -9 $PPID; exit; fi`, false},
		{"after the push", `if is push 1; then "$GIT_REAL" "$@"; kill -9 $PPID; exit; fi`, true},
		{"before verify reads", `if is fetch && [ "$(nth push)" = 1 ]; then kill -9 $PPID; exit; fi`, true},
		{"before the grant is written", `if is fetch && [ "$(nth push)" = 1 ]; then "$GIT_REAL" "$@"; kill -9 $PPID; exit; fi`, true},
	} {
		killed := func() {
			t.Helper()
			res := alice.With(gittest.WrapGit(t, tt.script)...).Run("", "git-grite", "lock", "acquire", "-r", "path:src/")
			if res.Code != -1 || stood(remote, "path:src/") != tt.stands {
				t.Errorf("%s: exit %d, stands %v, %s%s", tt.when, res.Code, !tt.stands, res.Stdout, res.Stderr)
			}
		}
		killed()
		if tt.stands {
			try(t, bob, "lock", "acquire", "-r", "path:src/a.go").exits(4, "alice")
		}
		try(t, alice, "lock", "renew", "-r", "path:src/").exits(3) // nothing was granted
		try(t, alice, "lock", "acquire", "-r", "path:src/").exits(0, "Lock acquired")
		try(t, alice, "lock", "release", "--mine").exits(0, "Lock released")
		locksOn(t, remote)

		killed()
		try(t, bob.With(late), "lock", "acquire", "-r", "path:src/a.go").exits(0, "Lock acquired")
		locksOn(t, remote, "path:src/a.go")
		try(t, alice, "lock", "acquire", "-r", "path:src/").exits(4, "bob")
		grite(t, bob, "lock", "release", "--mine")

		if tt.when == "before the grant is written" {
			killed()
			try(t, alice, "lock", "release", "-r", "path:src/").exits(0, "Lock released") // what it was never told that it has
			locksOn(t, remote)
		}
	}
}

// interrupted sends a signal and wants the process to end soon with a code.
func interrupted(t *testing.T, p *gittest.Running, signal syscall.Signal, code int) {
	t.Helper()
	if err := syscall.Kill(-p.Pid(), signal); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	came(t, signal.String(), p.Wait()).exits(code)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it ended %s after the signal", took)
	}
}
