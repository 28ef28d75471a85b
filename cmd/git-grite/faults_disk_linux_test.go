package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestFullDiskRemote: the disk of a clone is full, or gets full at any step of an
// acquire. Nothing stays on the remote, and all works when there is room again.
func TestFullDiskRemote(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	dir := gittest.Tmpfs(t, "2m")
	alice.Git("clone", "-q", remote.Dir, filepath.Join(dir, "clone"))
	full, ballast := alice.At(filepath.Join(dir, "clone")), filepath.Join(dir, "ballast")
	grite(t, full, "init", "--no-hooks", "--label", "full")
	grite(t, full, "lock", "acquire", "-r", "path:held")
	fill := "cat /dev/zero >" + ballast + " 2>/dev/null; true"
	room := func() {
		t.Helper()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ step, script, said string }{
		// Why git cannot write it does not say (2.39).
		{"before verify", `if is fetch 1; then ` + fill + `; fi`, "cannot update ref"},
		{"before the ledger", `if is fetch 1; then "$GIT_REAL" "$@"; ` + fill + `; exit; fi`, "no space left"},
	} {
		res := full.With(gittest.WrapGit(t, tt.script)...).Run("", "git-grite", "lock", "acquire", "-r", "path:a")
		expect(t, res, 5, tt.said, tt.step)
		locksOn(t, remote, "path:held")
		room()
	}
	if err := exec.Command("sh", "-c", fill).Run(); err != nil {
		t.Fatal(err)
	}
	ends(t, 5, "no space left", full, "lock", "acquire", "-r", "path:a")
	locksOn(t, remote, "path:held")
	ends(t, 0, "path:held", full, "lock", "status", "--cached")
	ends(t, 0, "Lock released", full, "lock", "release", "--mine")
	locksOn(t, remote)
	room()
	ends(t, 0, "Lock acquired", full, "lock", "acquire", "-r", "path:a")
	ends(t, 4, "full", bob, "lock", "acquire", "-r", "path:a")
}
