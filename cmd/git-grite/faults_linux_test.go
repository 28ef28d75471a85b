package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// reachable lets everybody read the test binary and walk to a directory.
func reachable(t *testing.T, dir string) {
	t.Helper()
	for _, path := range []string{dir, mustLook(t)} {
		for ; path != "/"; path = filepath.Dir(path) {
			if st, err := os.Stat(path); err == nil && st.Mode()&0o005 != 0o005 {
				if err := os.Chmod(path, st.Mode()|0o055); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestReadOnlyRepository(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	grite(t, r, "lock", "acquire", "-r", "path:a")
	reachable(t, r.Dir)
	if res := r.RunAsNobody("git-grite", "lock", "status"); res.Code != 0 || !strings.Contains(res.Stdout, "path:a") {
		t.Errorf("status: exit %d, %s%s", res.Code, res.Stdout, res.Stderr)
	}
	for _, args := range [][]string{{"acquire", "-r", "path:b"}, {"release", "-r", "path:a"}, {"renew", "-r", "path:a"}} {
		res := r.RunAsNobody("git-grite", append([]string{"lock"}, append(args, "--json")...)...)
		if res.Code != 5 || !strings.Contains(res.Stdout, `"code":"environment"`) || !strings.Contains(res.Stdout, "permission denied") {
			t.Errorf("%q: exit %d, %s%s", args, res.Code, res.Stdout, res.Stderr)
		}
	}
}

// TestAgentReadOnly judges edits where nothing can be written down, and stops none
// by that.
func TestAgentReadOnly(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/")
	configure(t, r, "lock_policy = \"require\"\n")
	reachable(t, r.Dir)
	for _, name := range []string{"SessionStart", "PreToolUse", "PostToolUse", "SubagentStop", "SessionEnd"} {
		for path, stops := range map[string]bool{"src/a.go": name == "PreToolUse", "free/x": false} {
			in := filepath.Join(t.TempDir(), "in")
			e := event{name: name, session: sessionA, tool: "Edit", path: filepath.Join(r.Dir, path), cwd: r.Dir}
			if err := os.WriteFile(in, []byte(e.json()), 0o644); err != nil {
				t.Fatal(err)
			}
			reachable(t, filepath.Dir(in))
			res := r.RunAsNobody("sh", "-c", `git-grite hook agent claude <"$0"`, in)
			if res.Code != 0 || res.Stderr != "" || strings.Contains(res.Stdout, "deny") != stops {
				t.Errorf("%s of %s: %+v", name, path, res)
			}
		}
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	dir := gittest.Tmpfs(t, "1m")
	r.Git("clone", "-q", "--bare", r.Dir, filepath.Join(dir, "full.git"))
	full := r.At(filepath.Join(dir, "full.git"))
	grite(t, full, "lock", "acquire", "-r", "path:a")
	if err := exec.Command("sh", "-c", "cat /dev/zero >"+filepath.Join(dir, "ballast")+" 2>/dev/null; true").Run(); err != nil {
		t.Fatal(err)
	}
	res := full.Run("", "git-grite", "lock", "acquire", "-r", "path:b", "--json")
	if res.Code != 5 || !strings.Contains(res.Stdout, "no space left") {
		t.Errorf("exit %d, %s%s", res.Code, res.Stdout, res.Stderr)
	}
	if out := grite(t, full, "lock", "status").Stdout; !strings.Contains(out, "path:a") || strings.Contains(out, "path:b") {
		t.Errorf("status: %s", out)
	}
	grite(t, full, "lock", "release", "--mine")
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	grite(t, full, "lock", "acquire", "-r", "path:b")
	full.Git("fsck", "--strict")
}

// TestClockSetBack: a lock taken by a clock that ran ahead is neither robbed
// nor lost, and its owner can still use it.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	ahead := r.With("GRITE_TEST_SHIFT=48h")
	grite(t, ahead, "lock", "acquire", "-r", "path:a", "--ttl", "1h")
	try(t, r, "lock", "acquire", "-r", "path:a/b", "--actor", "bob").exits(4)
	grite(t, r, "lock", "renew", "--mine")
	if out := grite(t, r, "lock", "status").Stdout; !strings.Contains(out, "expires in 2d") {
		t.Errorf("status: %s", out)
	}
	grite(t, r, "lock", "release", "--mine")
}

// TestKilledAnywhere kills an acquire after ever longer times, up to as long as
// one takes: whatever stands then is a whole lock or none, and the next command
// works.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	grite(t, r, "init")
	acquire := []string{"lock", "acquire", "-r", "path:a", "-r", "path:b"}
	started := time.Now()
	grite(t, r, acquire...)
	whole := time.Since(started)
	grite(t, r, "lock", "release", "--mine")
	for i, n := 0, rounds(80); i < n; i++ {
		running := r.Start("git-grite", acquire...)
		time.Sleep(whole * time.Duration(i+1) / time.Duration(n))
		running.Kill()
		res := grite(t, r, "lock", "status")
		if n := strings.Count(res.Stdout, "path:"); n == 1 || res.Stderr != "" {
			t.Fatalf("after %d: %s%s", i, res.Stdout, res.Stderr)
		}
		if err := os.RemoveAll(filepath.Join(r.Dir, ".git/refs/grite")); err != nil {
			t.Fatal(err)
		}
	}
	grite(t, r, "lock", "acquire", "-r", "path:a")
	r.HealthyThroughout()
}
