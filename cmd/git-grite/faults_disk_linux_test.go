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
		{"before the grant is written", `if is fetch 1; then "$GIT_REAL" "$@"; ` + fill + `; exit; fi`, "no space left"},
	} {
		res := full.With(gittest.WrapGit(t, tt.script)...).Run("", "git-grite", "lock", "acquire", "-r", "path:a")
		came(t, tt.step, res).exits(5, tt.said)
		locksOn(t, remote, "path:held")
		room()
	}
	if err := exec.Command("sh", "-c", fill).Run(); err != nil {
		t.Fatal(err)
	}
	try(t, full, "lock", "acquire", "-r", "path:a").exits(5, "no space left")
	locksOn(t, remote, "path:held")
	try(t, full, "lock", "status", "--cached").exits(0, "path:held")
	try(t, full, "lock", "release", "--mine").exits(0, "Lock released")
	locksOn(t, remote)
	room()
	try(t, full, "lock", "acquire", "-r", "path:a").exits(0, "Lock acquired")
	try(t, bob, "lock", "acquire", "-r", "path:a").exits(4, "full")
}
