package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// openedFile matches a call that opens a file for reading, in a line of strace.
var openedFile = regexp.MustCompile(`^openat\(AT_FDCWD, "([^"]+)", O_RDONLY[^)]*\) += [0-9]`)

// opens runs git-grite under strace and counts how often it opens each file below
// .git, the git processes that it starts apart. strace writes a file per thread.
func opens(t *testing.T, r *gittest.Repo, args ...string) map[string]int {
	t.Helper()
	dir := t.TempDir()
	res := r.Run("", "strace", append([]string{"-ff", "-qq", "-s", "4096", "-e", "trace=openat,execve", "-e", "signal=none", "-o", filepath.Join(dir, "t"), "git-grite"}, args...)...)
	if res.Code != 0 {
		t.Fatalf("git-grite %q: exit %d\n%s", args, res.Code, res.Stderr)
	}
	threads, err := filepath.Glob(filepath.Join(dir, "t.*"))
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for _, thread := range threads {
		text := readFile(t, thread)
		if at := strings.Index(text, "execve("); at >= 0 && !strings.HasPrefix(text[at:], fmt.Sprintf("execve(%q", mustLook(t))) {
			continue // git, or what it started
		}
		for line := range strings.Lines(text) {
			if m := openedFile.FindStringSubmatch(line); m != nil && strings.HasPrefix(m[1], filepath.Join(r.Dir, ".git")+"/") {
				times[strings.TrimPrefix(m[1], r.Dir+"/")]++
			}
		}
	}
	return times
}

// TestOpensOnce: a command reads each of its files once, packed-refs and what was
// granted before among them. Only what a fetch changes is read before and after.
func TestOpensOnce(t *testing.T) {
	t.Parallel()
	if err := exec.Command("strace", "-o", os.DevNull, "true").Run(); err != nil {
		t.Skip("strace cannot be used here; TestPackedOnce and TestGrantsReadOnce look at the two that matter most:", err)
	}
	_, alice, _ := pair(t)
	grite(t, alice, "lock", "acquire", "one", "two", "--ttl", "1h")
	grite(t, alice, "lock", "acquire", "off", "--offline")
	alice.Git("pack-refs", "--all")
	held, err := filepath.Glob(filepath.Join(alice.Dir, ".git/grite/actors/*/held"))
	if err != nil || len(held) != 1 {
		t.Fatalf("what was granted is in %q, %v", held, err)
	}
	for _, args := range [][]string{
		{"lock", "acquire", "three", "--ttl", "1h"},
		{"lock", "acquire", "one", "--ttl", "2h"}, // is held
		{"lock", "acquire", "off"},
		{"lock", "acquire", "here", "--offline"},
		{"lock", "status"},
		{"lock", "check", "one"},
		{"hook", "pre-commit"},
	} {
		times := opens(t, alice, args...)
		for _, once := range []string{".git/packed-refs", strings.TrimPrefix(held[0], alice.Dir+"/")} {
			if times[once] != 1 && args[len(args)-1] != "--offline" {
				t.Errorf("%q: %s is opened %d times", args, once, times[once])
			}
		}
		for name, n := range times {
			fetched := strings.HasPrefix(name, ".git/refs/git-grite/") || strings.HasPrefix(name, ".git/grite/mirror.") || name == ".git/objects/pack"
			if n > 1 && !fetched {
				t.Errorf("%q: %s is opened %d times", args, name, n)
			}
		}
	}
}
