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
// ref has moved that is an error, and nothing is done; afterwards it is none.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		remote, alice, bob := pair(t)
		remote.Hook("pre-receive", once)
		twice := func(said string, args ...string) {
			t.Helper()
			ends(t, 5, "hung up", alice, args...)
			ends(t, 0, said, alice, args...)
			if err := os.Remove(filepath.Join(remote.Dir, "killed")); err != nil {
				t.Errorf("nothing was killed: %v", err)
			}
		}
		twice("Lock acquired", "lock", "acquire", "-r", "path:a")
		twice("Lock renewed", "lock", "renew", "--mine", "--ttl", "1h")
		twice("Lock released", "lock", "release", "-r", "path:a")
		locksOn(t, remote)
		ends(t, 5, "hung up", bob, "lock", "acquire", "-r", "path:a")
		locksOn(t, remote)
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
				ends(t, 0, tt.said, alice, append([]string{"lock"}, strings.Fields(tt.command)...)...)
				if err := os.Remove(filepath.Join(remote.Dir, "killed")); err != nil {
					t.Errorf("nothing was killed: %v", err)
				}
			}
			locksOn(t, remote)
			ends(t, 0, "Lock acquired", bob, "lock", "acquire", "-r", "path:a")
		})
	}
	t.Run("with locked refs", func(t *testing.T) {
		t.Parallel()
		remote, alice, bob := pair(t)
		remote.Hook("reference-transaction", `[ "$1" != prepared ] || `+once)
		ends(t, 5, "Nothing was locked", alice, "lock", "acquire", "-r", "path:a")
		ends(t, 5, "File exists", alice, "lock", "acquire", "-r", "path:a")
		locksOn(t, remote)
		ends(t, 0, "Lock acquired", alice, "lock", "acquire", "-r", "path:b")
		unlock(t, remote, "path:a")
		ends(t, 0, "Lock acquired", bob, "lock", "acquire", "-r", "path:a")
	})
	t.Run("and not coming back", func(t *testing.T) {
		t.Parallel()
		remote, alice, bob := pair(t)
		remote.Hook("reference-transaction", `[ "$1" != committed ] || `+once)
		alice.UploadPack(`[ ! -e "$1/killed" ] || exit 1`)
		alice.ReceivePack(`[ ! -e "$1/killed" ] || exit 1`)
		ends(t, 5, "may stand there for 15m", alice, "lock", "acquire", "-r", "path:a")
		locksOn(t, remote, "path:a")
		ends(t, 4, "alice", bob, "lock", "acquire", "-r", "path:a")
		ends(t, 0, "Lock acquired", bob.With(late), "lock", "acquire", "-r", "path:a")
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
		ends(t, 5, "File exists", alice, append([]string{"lock"}, args...)...)
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
	ends(t, 0, "Lock acquired", bob, "lock", "acquire", "-r", "path:a", "-r", "path:b")
	grite(t, alice, "lock", "release", "--mine")
	locksOn(t, remote, "path:a", "path:b")
}
