//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// once is a hook that kills the server's process, one time. git says of it
// that the remote end hung up.
const once = `[ -e killed ] || { >killed; kill -9 $PPID; sleep 1; }`

// TestKilledServer: git receive-pack is killed at each of its steps. Before any
// ref has moved, the request is sent again; afterwards, it was done.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		remote, alice, bob := pair(t)
		healthyInTheEnd(t, remote, alice, bob)
		remote.Hook("pre-receive", once)
		again := func(said string, args ...string) {
			t.Helper()
			try(t, alice, args...).exits(0, said)
			if err := os.Remove(filepath.Join(remote.Dir, "killed")); err != nil {
				t.Errorf("nothing was killed: %v", err)
			}
		}
		again("Lock acquired", "lock", "acquire", "-r", "path:a")
		again("Lock renewed", "lock", "renew", "--mine", "--ttl", "1h")
		again("Lock released", "lock", "release", "-r", "path:a")
		locksOn(t, remote)
		try(t, bob, "lock", "acquire", "-r", "path:a").exits(0, "Lock acquired")
	})
	for _, step := range []string{"committed", "post-receive"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			remote, alice, bob := pair(t)
			if step == "committed" {
				remote.Hook("reference-transaction", `[ "$1" != committed ] || `+once)
			} else {
				remote.Hook(step, once)
			}
			for _, tt := range []struct{ said, command string }{
				{"Lock acquired", "acquire -r path:a"}, {"Lock renewed", "renew --mine --ttl 1h"}, {"Lock released", "release --mine"},
			} {
				try(t, alice, append([]string{"lock"}, strings.Fields(tt.command)...)...).exits(0, tt.said)
				if err := os.Remove(filepath.Join(remote.Dir, "killed")); err != nil {
					t.Errorf("nothing was killed: %v", err)
				}
			}
			locksOn(t, remote)
			try(t, bob, "lock", "acquire", "-r", "path:a").exits(0, "Lock acquired")
		})
	}
	t.Run("with locked refs", func(t *testing.T) {
		t.Parallel()
		remote, alice, bob := pair(t)
		remote.Hook("reference-transaction", `[ "$1" != prepared ] || `+once)
		try(t, alice, "lock", "acquire", "-r", "path:a").exits(5, "cannot lock ref")
		try(t, alice, "lock", "acquire", "-r", "path:a").exits(5, "File exists")
		locksOn(t, remote)
		try(t, alice, "lock", "acquire", "-r", "path:b").exits(0, "Lock acquired")
		unlock(t, remote, "path:a")
		try(t, bob, "lock", "acquire", "-r", "path:a").exits(0, "Lock acquired")
	})
	t.Run("and not coming back", func(t *testing.T) {
		t.Parallel()
		remote, alice, bob := pair(t)
		remote.Hook("reference-transaction", `[ "$1" != committed ] || `+once)
		alice.UploadPack(`[ ! -e "$1/killed" ] || exit 1`)
		alice.ReceivePack(`[ ! -e "$1/killed" ] || exit 1`)
		try(t, alice, "lock", "acquire", "-r", "path:a").exits(5, "may stay there for 15m")
		locksOn(t, remote, "path:a")
		try(t, bob, "lock", "acquire", "-r", "path:a").exits(4, "alice")
		try(t, bob.With(late), "lock", "acquire", "-r", "path:a").exits(0, "Lock acquired")
	})
}

// unlock removes the lock file of git that stands in the way of a ref.
func unlock(t *testing.T, remote *gittest.Repo, resource string) {
	t.Helper()
	if err := os.Remove(filepath.Join(remote.Dir, gittest.LockRef(resource)+".lock")); err != nil {
		t.Error(err)
	}
}

// TestStaleLockFile: a crash on the server left the lock file of a ref. That is
// said within seconds, whatever is wanted of the ref, and nothing is done by half.
func TestStaleLockFile(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	busy := func(args ...string) {
		t.Helper()
		began := time.Now()
		try(t, alice, append([]string{"lock"}, args...)...).exits(5, "File exists")
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("%q took %s", args, took)
		}
	}
	grite(t, alice, "lock", "acquire", "-r", "path:held")
	touch(t, filepath.Join(remote.Dir, gittest.LockRef("path:a")+".lock"))
	touch(t, filepath.Join(remote.Dir, gittest.LockRef("path:held")+".lock"))
	busy("acquire", "-r", "path:a", "-r", "path:b")
	locksOn(t, remote, "path:held")
	busy("renew", "--mine", "--ttl", "1h")
	busy("release", "--mine")
	unlock(t, remote, "path:a")
	unlock(t, remote, "path:held")
	try(t, bob, "lock", "acquire", "-r", "path:a", "-r", "path:b").exits(0, "Lock acquired")
	grite(t, alice, "lock", "release", "--mine")
	locksOn(t, remote, "path:a", "path:b")
	bob.HealthyThroughout()
	remote.HealthyThroughout()
}
