//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// eventually waits until a command of git-grite says something on stdout, or
// with "!" before it, no longer does.
func eventually(t *testing.T, r *gittest.Repo, want string, args ...string) string {
	t.Helper()
	words, not := strings.CutPrefix(want, "!")
	out := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if out = r.Run("", "git-grite", args...).Stdout; strings.Contains(out, words) != not {
			return out
		}
	}
	t.Fatalf("git-grite %s never says %q: %s\n%s", strings.Join(args, " "), want, out, keepLog(r))
	return ""
}

func keepLog(r *gittest.Repo) string {
	text, _ := os.ReadFile(filepath.Join(r.Dir, ".git", "grite", "keep.log"))
	return string(text)
}

// logged waits until the log of keepers has some words.
func logged(t *testing.T, r *gittest.Repo, words string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if strings.Contains(keepLog(r), words) {
			return
		}
	}
	t.Fatalf("the log never has %q: %s", words, keepLog(r))
}

// sleeper is a process to keep locks for. It ends with the tests, also when they
// are killed.
func sleeper(t *testing.T) *exec.Cmd {
	cmd := exec.Command("cat")
	_, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

func pid(cmd *exec.Cmd) string { return fmt.Sprint(cmd.Process.Pid) }

// keepFor are the arguments that have locks kept for a while, and not when the
// tests have been killed meanwhile.
func keepFor(length string, more ...string) []string {
	return append(more, "--for", length, "--while-pid", fmt.Sprint(os.Getpid()))
}

func TestLockKeep(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	grite(t, r, "init", "--no-hooks")
	bob := r.With("GRITE_ACTOR=bob")
	for _, args := range [][]string{{}, {"--for", "25h"}, {"--for", "1"}, {"--while-pid", "0"}, {"--while-pid", "4194304"}, {"--signal", "TERM", "--for", "1h"}, {"--while-pid", "1", "--signal", "NONE"}} {
		try(t, r, append([]string{"lock", "acquire", "path:x", "--keep"}, args...)...).exits(2)
	}
	try(t, r, "lock", "acquire", "path:x", "--for", "1h").exits(2, "need --keep")
	try(t, r, "lock", "keep", "start", "path:x", "--for", "1h").exits(3)

	// $(…) returns although the keeper runs on.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	proc := sleeper(t)
	shell := exec.CommandContext(ctx, "sh", "-c", `exec 9>fd; flock 9; x=$(git-grite lock acquire path:x --ttl 2s --keep --while-pid `+pid(proc)+` 2>&1); echo "$x"`)
	shell.Dir, shell.Env = r.Dir, r.Env
	if out, err := shell.Output(); err != nil || !strings.Contains(string(out), "Lock acquired") {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.Command("flock", "-n", filepath.Join(r.Dir, "fd"), "true").CombinedOutput(); err != nil {
		t.Errorf("the keeper holds the caller's file: %v %s", err, out)
	}
	time.Sleep(3 * time.Second) // longer than the lease
	try(t, bob, "lock", "acquire", "path:x").exits(4)
	try(t, r, "lock", "keep", "status").exits(0, "path:x", "while process "+pid(proc), "renewed")
	try(t, r, "doctor").exits(0, "keepers: ", "keeps 1 lock")
	proc.Process.Kill()
	proc.Wait()
	eventually(t, bob, "Lock acquired", "lock", "acquire", "path:x", "--wait", "20s")
	logged(t, r, "nothing is left to keep")

	// Time is up; a release by hand is no loss; stop leaves the lock.
	grite(t, r, "lock", "acquire", "path:a", "--keep", "--for", "1s")
	eventually(t, r, "!path:a", "lock", "status", "--mine")
	grite(t, r, keepFor("1h", "lock", "acquire", "path:a", "path:b", "--keep")...)
	grite(t, r, "lock", "release", "path:a")
	try(t, r, "lock", "keep", "status", "--json").exits(0, "path:b", `"running":true`).lacks("path:a")
	try(t, r, "lock", "keep", "stop").exits(0, "No longer kept: path:b")
	try(t, r, "lock", "status", "--mine").exits(0, "path:b")
	try(t, r, keepFor("1h", "lock", "keep", "start", "--mine")...).exits(0, "path:b")

	// Somebody takes it: the process hears of it, and so does the next command.
	proc = sleeper(t)
	grite(t, r, "lock", "acquire", "path:c", "--ttl", "3s", "--keep", "--while-pid", pid(proc), "--signal", "SIGUSR1")
	grite(t, bob.With("GRITE_TEST_SHIFT=1m"), "lock", "acquire", "path:c")
	if err := proc.Wait(); err == nil || !strings.Contains(err.Error(), "user defined signal 1") {
		t.Errorf("the process: %v", err)
	}
	logged(t, r, "lost path:c")
	try(t, r, "lock", "status").exits(0, "your lock on path:c", "bob")
	grite(t, r, "deinit")
}

// TestLockKeepSurvives has everything that can end a keeper, and a process whose
// id is another's by now.
func TestLockKeepSurvives(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	grite(t, r, "init", "--no-hooks")
	var state struct {
		Data struct{ Keepers []struct{ PID int } }
	}
	keeper := func() int {
		t.Helper()
		err := json.Unmarshal([]byte(grite(t, r, "lock", "keep", "status", "--json").Stdout), &state)
		if err != nil || len(state.Data.Keepers) != 1 {
			t.Fatalf("%+v\n%s", state, keepLog(r))
		}
		return state.Data.Keepers[0].PID
	}

	// Killed: the next lock command starts another.
	grite(t, r, keepFor("1h", "lock", "acquire", "path:x", "--keep", "--ttl", "1m")...)
	first := keeper()
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, r, `"running":false`, "lock", "keep", "status", "--json")
	grite(t, r, "lock", "status")
	if second := keeper(); second == first || second == 0 {
		t.Errorf("keeper %d after %d", second, first)
	}

	// The clock is moved on by more than the lease: it is renewed at once.
	grite(t, r, "lock", "keep", "stop")
	clock := filepath.Join(t.TempDir(), "clock")
	r.With("GRITE_TEST_CLOCK="+clock).Run("", "git-grite", keepFor("20h", "lock", "keep", "start", "path:x")...)
	if err := os.WriteFile(clock, []byte("10h"), 0o666); err != nil {
		t.Fatal(err)
	}
	eventually(t, r.With("GRITE_TEST_SHIFT=10h"), "expires in", "lock", "status", "--mine")

	// It is set back: for others, who have the right time, the lease goes on.
	back := r.With("GRITE_ACTOR=back", "GRITE_TEST_CLOCK="+clock)
	write(t, clock, "0s")
	grite(t, back, keepFor("1h", "lock", "acquire", "path:back", "--ttl", "12s", "--keep")...)
	write(t, clock, "-1000h")
	renewed(t, r, "path:back", 4)
	try(t, r, "lock", "acquire", "path:back").exits(4)
	grite(t, back.With("GRITE_TEST_CLOCK="), "lock", "keep", "stop")

	// The process is another than the one that was meant.
	grite(t, r, "lock", "keep", "stop")
	try(t, r, "lock", "acquire", "path:y", "--keep", "--while-pid", pid(sleeper(t))).exits(0, "  Kept: renewed while process ", "; then released")
	files, _ := filepath.Glob(filepath.Join(r.Dir, ".git/grite/actors/*/keep/*.json"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	_, start, _ := strings.Cut(string(text), `"start":"`)
	start, _, _ = strings.Cut(start, `"`)
	if err := os.WriteFile(files[0], []byte(strings.Replace(string(text), `"start":"`+start, `"start":"0`, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	eventually(t, r, "!path:y", "lock", "status", "--mine")

	// Its program was replaced.
	own := filepath.Join(t.TempDir(), "git-grite")
	program, err := exec.LookPath("git-grite")
	if err == nil {
		err = exec.Command("cp", program, own).Run()
	}
	if err != nil {
		t.Fatal(err)
	}
	r.Run("", own, keepFor("1h", "lock", "acquire", "path:z", "--keep")...)
	old := keeper()
	if err := exec.Command("sh", "-c", `cp "$1" "$1.new" && mv "$1.new" "$1"`, "sh", own).Run(); err != nil {
		t.Fatal(err)
	}
	logged(t, r, "the program was replaced")
	grite(t, r, "lock", "status")
	if now := keeper(); now == old {
		t.Errorf("keeper %d goes on", now)
	}

	// The clone is deleted: TestMain finds a keeper that goes on.
	last := keeper()
	if err := os.RemoveAll(r.Dir); err != nil {
		t.Fatal(err)
	}
	for range 600 {
		if syscall.Kill(last, 0) != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("the keeper %d outlives its clone", last)
}

// TestLockKeepMany keeps locks of three actors through a remote: none lapses, and
// the remote gets no more than a request for each actor and a third of the TTL.
func TestLockKeepMany(t *testing.T) {
	t.Parallel()
	locks, length := 6, 25*time.Second
	if os.Getenv("GRITE_TEST_FULL") == "1" {
		locks, length = 50, 10*time.Minute
	}
	const ttl = 30 * time.Second
	remote := gittest.NewRemote(t)
	url, env := transport(t, "http").Serve(t, remote.Dir)
	proxy := gittest.Proxy(t, url)
	r := remote.With(env...).Clone(t, proxy.URL)
	grite(t, r, "init", "--no-hooks")
	for i := range locks {
		grite(t, r.With(fmt.Sprintf("GRITE_ACTOR=a%d", i%3)), keepFor("1h", "lock", "acquire", fmt.Sprintf("path:f%d", i), "--ttl", ttl.String(), "--keep")...)
	}
	time.Sleep(ttl / 2) // each first renewal reads once more
	proxy.On(nil)
	least, began := ttl, time.Now()
	for ; time.Since(began) < length; time.Sleep(2 * time.Second) {
		left, n := shortestLease(t, remote)
		if least = min(least, left); n != locks || left <= 0 {
			t.Fatalf("%d of %d locks are there, one ends in %s\n%s", n, locks, left, keepLog(r))
		}
		if n := strings.Count(grite(t, r, "lock", "status", "--cached").Stdout, "path:f"); n != locks {
			t.Fatalf("this clone sees %d of %d locks\n%s", n, locks, keepLog(r))
		}
	}
	n, took := proxy.Count(gittest.Push), time.Since(began)
	// Each actor renews after ten seconds, give or take one: in the long run one
	// request in ten seconds, in the short run no more than the spells allow for.
	most := 3 * min(int(took/(ttl/3*9/10))+1, int(took/(ttl/3))+2)
	t.Logf("%d locks of 3 actors for %s: %d pushes, %d at most, and %d fetches, no lease had less than %s left", locks, took, n, most, proxy.Count(gittest.Fetch), least)
	if n == 0 || n > most {
		t.Errorf("%d pushes in %s, %d are to be", n, took, most)
	}
	for i := range 3 {
		grite(t, r.With(fmt.Sprintf("GRITE_ACTOR=a%d", i)), "lock", "keep", "stop")
	}
}

// shortestLease is how long the lock that ends first has left, by the records
// that stand on a remote, and how many there are.
func shortestLease(t *testing.T, remote *gittest.Repo) (left time.Duration, n int) {
	t.Helper()
	records := remote.GitIn(remote.Git("for-each-ref", "--format=%(objectname):lock.json", "refs/grite/locks")+"\n", "cat-file", "--batch")
	left = 24 * time.Hour
	for _, m := range regexp.MustCompile(`"expires_unix_ms": ?([0-9]+)`).FindAllStringSubmatch(records, -1) {
		ms, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		left, n = min(left, time.Until(time.UnixMilli(ms))), n+1
	}
	return left, n
}
