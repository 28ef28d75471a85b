//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestLockWatchChanges reads the stream of changes that two clones make.
func TestLockWatchChanges(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	alice, bob := remote.Clone(t, remote.Dir), remote.Clone(t, remote.Dir)
	for _, r := range []*gittest.Repo{alice, bob} {
		grite(t, r, "init", "--no-hooks")
	}
	grite(t, alice, "lock", "acquire", "path:a", "--ttl", "1h")
	time.Sleep(time.Second) // the view of init is that old, and no longer does
	// The stream goes to a file that is read meanwhile.
	out := filepath.Join(t.TempDir(), "out")
	p := bob.Start("sh", "-c", `exec git-grite lock status --watch --json --interval 1s >"$1"`, "sh", out)
	says := func(words ...string) {
		t.Helper()
		var text []byte
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			text, _ = os.ReadFile(out)
			for line := range strings.Lines(string(text)) {
				found := true
				for _, w := range words {
					found = found && strings.Contains(line, w)
				}
				if found {
					return
				}
			}
		}
		t.Fatalf("no line with %q: %s", words, text)
	}
	says(`"change":"held"`, "path:a")
	grite(t, alice, "lock", "acquire", "path:b")
	says(`"change":"granted"`, "path:b", `"mine":false`)
	grite(t, alice, "lock", "renew", "path:b", "--ttl", "1h")
	says(`"change":"renewed"`, "path:b")
	grite(t, alice, "lock", "release", "path:b")
	says(`"change":"ended"`, "path:b")
	if err := os.Rename(remote.Dir, remote.Dir+".away"); err != nil {
		t.Fatal(err)
	}
	says(`"change":"stale"`, `"message":"`)
	if err := os.Rename(remote.Dir+".away", remote.Dir); err != nil {
		t.Fatal(err)
	}
	says(`"change":"fresh"`)
	terminate(t, p)
	if res := p.Wait(); res.Code != 143 {
		t.Errorf("%+v", res)
	}
	try(t, bob, "lock", "status", "--watch").exits(2, "needs a terminal")
	try(t, bob, "lock", "status", "--interval", "5s").exits(2, "needs --watch")
}

func terminate(t *testing.T, p *gittest.Running) {
	t.Helper()
	if err := syscall.Kill(p.Pid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// TestLockWatchIdle watches 200 locks of a remote, of which nothing happens to
// any, on a terminal that knows neither colours nor UTF-8.
func TestLockWatchIdle(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	dir := t.TempDir()
	r := remote.Clone(t, remote.Dir).With("TERM=xterm", "NO_COLOR=1", "LC_ALL=C", "D="+dir)
	grite(t, r, "init", "--no-hooks")
	args := []string{"lock", "acquire", "--ttl", "2h"}
	for i := range 200 {
		args = append(args, fmt.Sprintf("path:ä/%03d", i))
	}
	grite(t, r, args...)
	p := r.Start("sh", "-c", `while [ ! -e $D/q ]; do sleep 0.05; done | { cat; printf q; } |
		script -qec 'stty cols 80 rows 24; echo $$ >$D/pid; exec git-grite lock status --watch' $D/seen`)
	out := func() string { text, _ := os.ReadFile(filepath.Join(dir, "seen")); return string(text) }
	for deadline := time.Now().Add(time.Minute); !strings.Contains(out(), "1-21 of 200"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the locks are never shown: %q", out())
		}
	}
	// Whatever else runs on this machine can only add to it, so that one good spell of
	// three is enough, each with two looks.
	const while = 10 * time.Second
	least := while
	for n := 0; n < 3 && least > while/100; n++ {
		before := cpuOf(t, filepath.Join(dir, "pid"))
		time.Sleep(while)
		took := cpuOf(t, filepath.Join(dir, "pid")) - before
		t.Logf("%s of the processor's time in %s, %.2f %%", took, while, 100*took.Seconds()/while.Seconds())
		least = min(least, took)
	}
	if least > while/100 {
		t.Errorf("%s of the processor's time in %s, 1 %% is to be", least, while)
	}
	touch(t, filepath.Join(dir, "q"))
	if res := p.Wait(); res.Code != 0 {
		t.Errorf("%+v", res)
	}
	text := out()
	for i := range len(text) {
		if text[i] >= 0x80 {
			t.Fatalf("not ASCII: %q", text[max(0, i-30):min(len(text), i+30)])
		}
	}
	for _, colour := range []string{"\x1b[3", "\x1b[9", "\x1b[4"} {
		if at := strings.Index(text, colour); at >= 0 {
			t.Errorf("a colour: %q", text[at:min(len(text), at+30)])
		}
	}
	if !strings.Contains(text, "\x1b[?1049l") {
		t.Errorf("it stays on its screen: %q", text[max(0, len(text)-200):])
	}
}

// cpuOf is the time that a process and those that it waited for have taken of
// the processor.
func cpuOf(t *testing.T, pidFile string) time.Duration {
	t.Helper()
	stat := readFile(t, "/proc/"+strings.TrimSpace(readFile(t, pidFile))+"/stat")
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	ticks := 0
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
