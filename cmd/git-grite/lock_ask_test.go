package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// conversation runs a block of three lines: one of bob, who waits for what alice
// says with the others.
func conversation(t *testing.T, w *reader, text string) {
	lines := strings.SplitAfter(text, "\n")
	grite(t, w.alice, "lock", "acquire", "-q", "src/api.rs")
	asking := w.bob.Start("bash", "-c", lines[0])
	until(t, func() bool { return w.remote.Git("for-each-ref", "refs/grite/notes") != "" })
	bash(t, w.alice, "set -e", lines[1]).exits(0, "Answered", "Asker: bob")
	came(t, lines[0], asking.Wait()).exits(0, "Asked", "Answer", "From: alice", "Message: at eleven")
	bash(t, w.alice, "set -e", lines[2]).exits(0, "Lock renewed")
	grite(t, w.alice, "lock", "release", "-q", "src/api.rs")
}

// until waits for something that another process does; the test's own limit ends
// it.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for !done() {
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestAskWaits has holders react in each way that ends a wait, and one that does
// not.
func TestAskWaits(t *testing.T) {
	t.Parallel()
	for _, holder := range []struct {
		name, does, json string
		words            []string
	}{
		{"answers", "git grite lock answer src/ --message 'at noon'", `"kind":"answered"`, []string{"Answer\n", "From: alice", "Message: at noon"}},
		{"renews", "git grite lock renew src/ --reason 'tests run'", `"kind":"renewed"`, []string{"Lock renewed\n", "Reason: tests run"}},
		{"releases", "git grite lock release src/", `"kind":"free"`, []string{"No longer held by alice"}},
	} {
		t.Run(holder.name, func(t *testing.T) {
			t.Parallel()
			_, alice, bob := pair(t)
			grite(t, alice, "lock", "acquire", "-q", "-r", "path:src/", "--ttl", "1h")
			text := bob.Start("git-grite", "lock", "ask", "src/a.go", "--message", "how long?", "--wait", "1h")
			asked := func() bool { return alice.Git("ls-remote", "origin", "refs/grite/notes/*") != "" }
			until(t, asked)
			json := bob.With("GRITE_ACTOR=agent-2")
			grite(t, json, "actor", "init", "--label", "agent-2")
			object := json.Start("git-grite", "lock", "ask", "src/a.go", "--message", "how long, too?", "--wait", "1h", "--json")
			until(t, func() bool { return strings.Count(alice.Git("ls-remote", "origin", "refs/grite/notes/*"), "\n") == 1 })
			bash(t, alice, "set -e", holder.does).exits(0)
			came(t, "ask --wait", text.Wait()).exits(0, holder.words...)
			came(t, "ask --wait --json", object.Wait()).exits(0, holder.json)
		})
	}
}

// TestAcquireHears has a waiting acquire told of what its holder says.
func TestAcquireHears(t *testing.T) {
	t.Parallel()
	for _, arbiter := range []string{"remote", "clone"} {
		t.Run(arbiter, func(t *testing.T) {
			t.Parallel()
			_, alice, bob := pair(t)
			if arbiter == "clone" {
				r := gittest.New(t)
				grite(t, r, "init")
				alice, bob = r.With("GRITE_ACTOR=alice"), r.With("GRITE_ACTOR=bob")
				grite(t, bob, "actor", "init", "--label", "bob")
			}
			grite(t, alice, "lock", "acquire", "-q", "-r", "path:src/", "--ttl", "1h", "--reason", "first")
			grite(t, bob, "lock", "ask", "-r", "path:src/", "--message", "how long?")
			said := filepath.Join(bob.Dir, "said")
			waiting := bob.Start("sh", "-c", "git-grite lock acquire -r path:src/a.go --wait 1h 2>said")
			until(t, func() bool { return strings.Contains(grite(t, bob, "lock", "log").Stdout, "waiting") })
			grite(t, alice, "lock", "answer", "-r", "path:src/", "--message", "at noon")
			until(t, func() bool { return strings.Contains(grite(t, bob, "lock", "log").Stdout, "answered") })
			grite(t, alice, "lock", "renew", "-r", "path:src/", "--reason", "second")
			until(t, func() bool { return strings.Count(readFile(t, said), "waiting for") == 2 })
			grite(t, alice, "lock", "release", "-r", "path:src/")
			came(t, "acquire --wait", waiting.Wait()).exits(0, "Lock acquired")
			for _, want := range []string{": first\n", `answers about path:src/, `, `"at noon"`, ": second\n"} {
				if strings.Count(readFile(t, said), want) != 1 {
					t.Errorf("not once %q: %s", want, readFile(t, said))
				}
			}
		})
	}
}
