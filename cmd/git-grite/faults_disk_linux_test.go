package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// TestFullDiskSays: each failure names the place and the way on, and leaves nothing.
func TestFullDiskSays(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	dir := gittest.Tmpfs(t, "2m")
	alice.Git("clone", "-q", remote.Dir, filepath.Join(dir, "clone"))
	full := alice.At(filepath.Join(dir, "clone"))
	grite(t, full, "init", "--label", "full")
	grite(t, full, "lock", "acquire", "-r", "path:held")
	if err := exec.Command("sh", "-c", "cat /dev/zero >"+filepath.Join(dir, "ballast")+" 2>/dev/null; true").Run(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"lock", "acquire", "-r", "path:a"}, {"lock", "acquire", "-r", "path:a", "--offline"}, {"lock", "acquire", "-r", "path:a", "--actor", "new"},
		{"lock", "renew", "--mine"}, {"actor", "init", "--label", "two"}, {"config", "set", "lock_policy", "require"}, {"doctor"},
	} {
		try(t, full, args...).exits(5, "no space left", "df -h "+dir)
	}
	grite(t, bob, "lock", "acquire", "-r", "path:README")
	try(t, full, "lock", "status").exits(0, "path:held", "no space left")
	try(t, full, "hook", "pre-commit").exits(0)
	if out := grite(t, full, "actor", "list").Stdout; strings.Count(out, "\n") != 1 {
		t.Errorf("actors: %s", out)
	}
	locksOn(t, remote, "path:README", "path:held")
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	grite(t, full, "lock", "renew", "--mine")
	grite(t, full, "lock", "release", "--mine")
}

// TestReadOnly: what only looks works, and the rest says why it cannot.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	_, alice, bob := pair(t)
	grite(t, alice, "lock", "acquire", "-r", "path:held")
	grite(t, alice, "lock", "acquire", "-r", "path:off", "--offline")
	alice.Write("README", "changed")
	alice.Git("add", "README")
	frozen := gittest.ReadOnly(t, alice)
	try(t, frozen, "lock", "status").exits(0, "path:held", "path:off").lacks("note:")
	grite(t, bob, "lock", "acquire", "-r", "path:README")
	for _, args := range [][]string{{"lock", "status"}, {"lock", "check", "README"}} {
		try(t, frozen, args...).exits(0, "read-only file system", "this is the view of").lacks("git ls-remote")
	}
	try(t, frozen, "hook", "pre-commit").exits(0)
	for _, args := range [][]string{{"lock", "log"}, {"lock", "status", "--cached"}, {"config", "list"}, {"hooks", "status"}, {"actor", "list"}, {"lock", "report"}} {
		try(t, frozen, args...).exits(0)
	}
	for _, args := range [][]string{
		{"lock", "acquire", "-r", "path:a"}, {"lock", "acquire", "-r", "path:a", "--offline"}, {"lock", "renew", "--mine"}, {"lock", "release", "-r", "path:held"},
		{"lock", "release", "-r", "path:off"}, {"sync"}, {"lock", "gc"}, {"doctor"}, {"config", "set", "lock_policy", "require"}, {"actor", "init", "--label", "two"},
	} {
		try(t, frozen, args...).exits(5, "read-only file system", "git grite lock status")
	}
	grite(t, alice, "lock", "release", "--mine")
}
