package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestHostileRecords: a thousand of each kind of record that somebody could push to
// stop, stall or blind others change nothing: commits are judged as before, with as
// few processes and in little memory, nobody is kept from locking, and gc removes
// them when their time has come.
func TestHostileRecords(t *testing.T) {
	t.Parallel()
	const many = 1000
	for name := range gittest.Hostile("") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote, alice, bob := pair(t)
			grite(t, alice, "lock", "acquire", "-r", "path:src/a.go", "--ttl", "1h")
			victim := strings.Fields(grite(t, bob, "actor", "show", "bob").Stdout)[2]
			record, records := gittest.Hostile(victim)[name], map[string]string{}
			for i := range many {
				ref, text := record(i)
				records[ref] = text
			}
			remote.Records(records)
			configure(t, bob, "lock_policy = \"require\"\n")
			bob.Git("config", "core.hooksPath", "/dev/null") // the hook is run by hand, to be measured

			peak := filepath.Join(t.TempDir(), "peak")
			bounded := func(o outcome) outcome {
				t.Helper()
				var kib int
				if _, err := fmt.Sscan(readFile(t, peak), &kib); err != nil || kib > 64<<10 {
					t.Errorf("%s: %d KiB of memory, %v", o.what, kib, err)
				}
				if n := strings.Count(o.Stdout+o.Stderr, "\n"); n > 80 && !strings.Contains(o.what, "status") {
					t.Errorf("%s: %d lines", o.what, n)
				}
				return o
			}
			measured, count := bob.With("GRITE_TEST_PEAK=" + peak).Trace(0)
			bounded(try(t, measured, "sync")).exits(0)
			bounded(try(t, measured, "lock", "status", "path:src/a.go")).exits(0, "alice")
			commit := func(path string, code int, words ...string) {
				t.Helper()
				bob.Git("reset", "-q", "--hard")
				bob.Write(path, "changed\n")
				bob.Git("add", ".")
				count()
				bounded(try(t, measured, "hook", "pre-commit")).exits(code, words...).lacks("not fully checked")
				if got := count(); len(got) > 2 {
					t.Errorf("pre-commit started %q", got)
				}
			}
			commit("src/a.go", 4, "path:src/a.go held by alice")
			commit("free/x", 0)
			bounded(try(t, measured, "lock", "acquire", "-r", "path:free/7")).exits(0, "Lock acquired")
			bounded(try(t, measured, "lock", "acquire", "-r", "path:src/a.go")).exits(4, "alice")
			bounded(try(t, measured, "lock", "release", "-r", "path:free/7")).exits(0, "Lock released")

			later := measured.With("GRITE_TEST_SHIFT=48h")
			bounded(try(t, later, "lock", "gc")).exits(0)
			locksOn(t, remote)
			bounded(try(t, later, "lock", "status")).exits(0, "No active locks").lacks("damaged")
		})
	}
}
