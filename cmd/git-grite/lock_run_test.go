//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// under is a command that runs under a lock. Its script finds its directory in
// $D; beats writes the time there, in milliseconds, as long as it lives.
type under struct {
	*testing.T
	*gittest.Running
	repo *gittest.Repo
	dir  string
}

const beats = `while :; do date +%s%3N >>$D/beat; sleep 0.02; done`

// runUnder starts "lock run path:x" with more arguments and a script.
func runUnder(t *testing.T, r *gittest.Repo, script string, args ...string) *under {
	t.Helper()
	u := &under{T: t, dir: t.TempDir()}
	u.repo = r.With("D="+u.dir, "GRITE_TEST_CLOCK="+filepath.Join(u.dir, "clock"))
	args = append(append([]string{"lock", "run", "path:x", "--ttl", "6s"}, args...), "--", "sh", "-c", script)
	u.Running = u.repo.Start("git-grite", args...)
	return u
}

func (u *under) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(u.dir, name))
	return string(text)
}

// await waits until the command has written a file.
func (u *under) await(name string) string {
	u.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if text := u.read(name); strings.HasSuffix(text, "\n") {
			return strings.TrimSpace(text)
		}
	}
	u.Fatalf("the command never wrote %s: %+v", name, u.Running.Wait())
	return ""
}

// kill sends a signal to the process whose id a file has.
func (u *under) kill(file string, s syscall.Signal) {
	u.Helper()
	pid, err := strconv.Atoi(u.await(file))
	if err == nil {
		err = syscall.Kill(pid, s)
	}
	if err != nil {
		u.Fatal(err)
	}
}

// ends wants the exit code, words on stderr, and nothing left of the command.
func (u *under) ends(code int, words ...string) gittest.Result {
	u.Helper()
	res := u.Wait()
	if res.Code != code {
		u.Errorf("exit %d instead of %d: %s", res.Code, code, res.Stderr)
	}
	for _, w := range words {
		if !strings.Contains(res.Stderr, w) {
			u.Errorf("no %q in %s", w, res.Stderr)
		}
	}
	u.gone()
	return res
}

// gone wants no process that has the command's $D.
func (u *under) gone() {
	u.Helper()
	var left []string
	for range 1000 {
		left = nil
		files, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte("D="+u.dir+"\x00")) {
				line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
				left = append(left, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
			}
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	u.Errorf("still running: %q", left)
}

// free wants the lock to be free now.
func (u *under) free() {
	u.Helper()
	try(u.T, u.repo, "lock", "status", "--json").exits(0, `"locks":[]`)
}

// inTime wants the last beat of the command to come before the end of the lease
// that stands in a repository.
func (u *under) inTime(r *gittest.Repo) {
	u.Helper()
	var record struct {
		Expires int64 `json:"expires_unix_ms"`
	}
	if err := json.Unmarshal([]byte(r.Git("cat-file", "-p", gittest.LockRef("path:x")+":lock.json")), &record); err != nil {
		u.Fatal(err)
	}
	text := u.read("beat")
	lines := strings.Fields(text[:strings.LastIndex(text, "\n")+1]) // the last may have been cut short
	last, err := strconv.ParseInt(lines[len(lines)-1], 10, 64)
	if err != nil || last >= record.Expires {
		u.Errorf("the command ran until %d, its lease until %d (%v)", last, record.Expires, err)
	}
}

func TestLockRun(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	grite(t, r, "init", "--no-hooks")
	res := r.Run("one\ntwo\n", "git-grite", "lock", "run", "path:x", "repo:y", "--", "sh", "-c", `cat; env | grep ^GRITE_; exit 7`)
	came(t, "lock run", res).exits(7, "one\ntwo\nGRITE_", "GRITE_LOCK_RESOURCE=path:x\n", `GRITE_LOCK_RESOURCES=["path:x","repo:y"]`, "GRITE_LOCK_NONCE=", "GRITE_LOCK_EXPIRES_UNIX_MS=1")
	_, oid, _ := strings.Cut(res.Stdout, "GRITE_LOCK_OID=")
	if oid, _, _ = strings.Cut(oid, "\n"); len(oid) != len(r.Git("rev-parse", "HEAD")) || r.Git("cat-file", "-t", oid) != "commit" {
		t.Errorf("the record is %q", oid)
	}
	try(t, r, "lock", "run", "path:x", "--", "sh", "-c", `git-grite lock status --json | grep "\"oid\":\"$GRITE_LOCK_OID\""`).exits(0)
	try(t, r, "lock", "run", "path:x", "--", "git-grite", "lock", "acquire", "path:x").exits(0, "Lock already held")
	try(t, r, "lock", "run", "path:x", "--", "git-grite", "lock", "run", "path:x", "--", "true").exits(4)
	try(t, r, "lock", "run", "path:x", "--", "nosuchcommand").exits(127, "nosuchcommand")
	try(t, r, "lock", "run", "path:x", "--", "/").exits(126)
	try(t, r, "lock", "run", "path:x").exits(2, "a command behind --")
	try(t, r, "lock", "run", "--json", "path:x", "--", "true").exits(2, `"ok":false`)
	try(t, r, "lock", "run", "--", "true").exits(2, "needs a --resource")
	try(t, r, "lock", "run", "-q", "path:x", "--", "echo", "--json", "-q").exits(0, "--json -q")
	grite(t, r.With("GRITE_ACTOR=bob"), "lock", "acquire", "path:x")
	try(t, r, "lock", "run", "path:x", "--", "touch", "ran").exits(4, "bob")
	try(t, r, "lock", "run", "path:x", "--wait", "0", "--conflict-exit-code", "0", "--", "touch", "ran").exits(0, "bob")
	if _, err := os.Stat(filepath.Join(r.Dir, "ran")); err == nil {
		t.Error("the command ran without the lock")
	}
	big := runUnder(t, gittest.New(t), `head -c 30000000 /dev/zero`)
	if n := len(big.ends(0).Stdout); n != 30000000 {
		t.Errorf("%d bytes of stdout", n)
	}
	big.free()
}

// atOnce runs subtests that mostly wait all at the same time, which t.Parallel
// would do only for as many as there are cores.
func atOnce[T any](t *testing.T, cases map[string]T, f func(t *testing.T, name string, c T)) {
	var fs []func()
	for name, c := range cases {
		fs = append(fs, func() { t.Run(name, func(t *testing.T) { f(t, name, c) }) })
	}
	together(fs...)
}

// TestLockRunEnds ends runs from outside: nothing is left, and the lock is free
// or ends by itself after the command.
func TestLockRunEnds(t *testing.T) {
	t.Parallel()
	const echo = `echo $$ >$D/pid; `
	// A TTL of six seconds leaves four for the command.
	type ending struct {
		script string
		do     func(*under)
		code   int
		words  string
		stands bool // the record, until the lease ends
	}
	atOnce(t, map[string]ending{
		"SIGINT":                {echo + beats, func(u *under) { u.await("beat"); syscall.Kill(u.Pid(), syscall.SIGINT) }, 130, "", false},
		"SIGTERM":               {echo + beats, func(u *under) { u.await("beat"); syscall.Kill(u.Pid(), syscall.SIGTERM) }, 143, "", false},
		"SIGHUP":                {echo + beats, func(u *under) { u.await("beat"); syscall.Kill(u.Pid(), syscall.SIGHUP) }, 129, "", false},
		"SIGKILL":               {`trap "" TERM; ` + beats, func(u *under) { u.await("beat"); syscall.Kill(u.Pid(), syscall.SIGKILL) }, -1, "", true},
		"SIGKILL of the child":  {echo + beats, func(u *under) { u.await("beat"); u.kill("pid", syscall.SIGKILL) }, 137, "", false},
		"SIGSTOP":               {beats, stopped, 6, "ends in", false},
		"SIGSTOP of the child":  {echo + `while [ ! -e $D/on ]; do date +%s%3N >>$D/beat; sleep 0.02; done`, childStopped, 0, "", false},
		"daemon":                {`(setsid sh -c 'trap "" TERM HUP; sleep 1000' &); exit 3`, func(*under) {}, 3, "", false},
		"broken":                {`trap 'echo >$D/term; exit 0' TERM; ` + beats, broken, 6, "broken by bob", false},
		"broken, TERM ignored":  {`trap "" TERM; ` + beats, broken, 6, "broken by bob", false},
		"taken":                 {beats, taken, 6, "is held by bob", false},
		"the clock set forward": {beats, func(u *under) { u.await("beat"); u.clock("1000h") }, 6, "", false},
		"the clock set back":    {`date +%s%3N >>$D/beat; sleep 7; exit 4`, func(u *under) { u.await("beat"); u.clock("-1000h") }, 4, "", false},
	}, func(t *testing.T, name string, tt ending) {
		r := gittest.New(t)
		grite(t, r, "init", "--no-hooks")
		u := runUnder(t, r, tt.script)
		tt.do(u)
		u.ends(tt.code, tt.words)
		switch {
		case tt.stands:
			u.inTime(r)
			try(t, r.With("GRITE_ACTOR=bob"), "lock", "acquire", "path:x", "--wait", "10s").exits(0, "Taken over")
		case name != "taken" && !strings.Contains(name, "clock"):
			u.free()
		}
	})
}

func (u *under) clock(shift string) {
	if err := os.WriteFile(filepath.Join(u.dir, "clock"), []byte(shift), 0o666); err != nil {
		u.Fatal(err)
	}
}

// stopped stops the run itself for the whole lease.
func stopped(u *under) {
	u.await("beat")
	u.Stop()
	time.Sleep(6 * time.Second)
	u.inTime(u.repo)
	before := u.read("beat")
	if time.Sleep(200 * time.Millisecond); u.read("beat") != before {
		u.Error("the command runs beyond its lease")
	}
	u.Cont()
}

// childStopped stops the command for longer than a lease, which is renewed.
func childStopped(u *under) {
	u.await("beat")
	u.kill("pid", syscall.SIGSTOP)
	time.Sleep(7 * time.Second)
	try(u.T, u.repo.With("GRITE_ACTOR=bob"), "lock", "acquire", "path:x").exits(4)
	if err := os.WriteFile(filepath.Join(u.dir, "on"), nil, 0o666); err != nil {
		u.Fatal(err)
	}
	u.kill("pid", syscall.SIGCONT)
}

func broken(u *under) {
	u.await("beat")
	var status struct {
		Data struct{ Locks []struct{ Nonce string } }
	}
	if err := json.Unmarshal([]byte(grite(u.T, u.repo, "lock", "status", "--json").Stdout), &status); err != nil || len(status.Data.Locks) != 1 {
		u.Fatalf("%v: %+v", err, status)
	}
	grite(u.T, u.repo.With("GRITE_ACTOR=bob"), "lock", "acquire", "path:y") // only an acquisition makes an actor by its name
	grite(u.T, u.repo.With("GRITE_ACTOR=bob"), "lock", "release", "path:y")
	grite(u.T, u.repo.With("GRITE_ACTOR=bob"), "lock", "break", "-r", "path:x", "--nonce", status.Data.Locks[0].Nonce, "--reason", "mine")
}

func taken(u *under) {
	u.await("beat")
	grite(u.T, u.repo.With("GRITE_ACTOR=bob", "GRITE_TEST_SHIFT=1m", "GRITE_TEST_CLOCK="), "lock", "acquire", "path:x")
}

// TestLockRunRemoteAway takes the remote away from one that holds a lock while
// another waits for it. The command goes on when the remote is back in time, and
// has ended before the other's begins when not; with --on-lost warn both run at
// a time, which is what renewal and the deadline are there for.
func TestLockRunRemoteAway(t *testing.T) {
	t.Parallel()
	type absence struct {
		back    time.Duration // 0 for never
		args    []string
		code    int
		overlap bool
	}
	atOnce(t, map[string]absence{
		"for less than the lease": {back: 8 * time.Second},
		"for longer":              {code: 6},
		"for longer, only warned": {args: []string{"--on-lost", "warn"}, overlap: true},
	}, func(t *testing.T, name string, tt absence) {
		remote := gittest.NewRemote(t)
		url, env := transport(t, "http").Serve(t, remote.Dir)
		proxy := gittest.Proxy(t, url)
		alice := remote.With(env...).Clone(t, proxy.URL)
		bob := remote.With(env...).Clone(t, url)
		for _, r := range []*gittest.Repo{alice, bob} {
			grite(t, r, "init", "--no-hooks")
		}
		setting(t, bob, "[lock]\nclock_skew = \"0s\"\n")
		u := runUnder(t, alice, `while [ ! -e $D/end ]; do date +%s%3N >>$D/beat; sleep 0.02; done`, append(tt.args, "--ttl", "15s")...)
		u.await("beat")
		proxy.On(func(*http.Request, int) gittest.Fault { return gittest.DropRequest })
		other := bob.With("D="+u.dir).Start("git-grite", "lock", "run", "path:x", "--wait", "2m", "--ttl", "15s", "--", "sh", "-c",
			`cat $D/beat >$D/seen; sleep 0.3; cat $D/beat >$D/then; touch $D/end`)
		if tt.back > 0 {
			time.Sleep(tt.back)
			proxy.On(nil)
			time.Sleep(10 * time.Second)
			if u.read("seen") != "" {
				t.Error("the other got the lock")
			}
			if err := os.WriteFile(filepath.Join(u.dir, "end"), nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		u.ends(tt.code)
		if res := other.Wait(); res.Code != 0 {
			t.Errorf("the other: %+v", res)
		}
		if ran := u.read("seen") != u.read("then"); ran != tt.overlap && tt.back == 0 {
			t.Errorf("ran at the same time: %v", ran)
		}
	})
}

// TestLockRunGivesWay: the first renewal finds a record of somebody else in the
// way, which stays. The command has ended before the own record is removed, which
// is when the other may have the lock.
func TestLockRunGivesWay(t *testing.T) {
	t.Parallel()
	remote, elsewhere := gittest.NewRemote(t), gittest.NewRemote(t)
	alice, bob := remote.Clone(t, remote.Dir), elsewhere.Clone(t, elsewhere.Dir)
	grite(t, alice, "init", "--no-hooks")
	grite(t, bob, "init", "--no-hooks", "--label", "bob")
	u := runUnder(t, alice, `echo $$ >$D/pid; trap 'sleep 1; exit 0' TERM; `+beats, "--ttl", "15s")
	u.await("pid")
	remote.Hook("update", fmt.Sprintf(`case "$1 $3" in *[1-9a-f]*" "*[1-9a-f]*) exit 0 ;; esac
cd %s && if kill -0 "$(cat pid)" 2>/dev/null; then echo alive; else echo ended; fi >>then`, u.dir))
	grite(t, bob, "lock", "acquire", "path:**")
	remote.Git("fetch", "-q", elsewhere.Dir, "+refs/grite/locks/*:refs/grite/locks/*")
	u.ends(6, "is held by bob")
	if then := u.read("then"); then != "ended\n" {
		t.Errorf("when the record was removed the command was %q", then)
	}
}

// transport is the transport of a name.
func transport(t *testing.T, name string) gittest.Transport {
	for _, tr := range gittest.Transports(t) {
		if tr.Name == name {
			return tr
		}
	}
	t.Fatalf("no transport %s", name)
	return gittest.Transport{}
}

// setting adds lines to the settings of a clone.
func setting(t *testing.T, r *gittest.Repo, lines string) {
	f, err := os.OpenFile(filepath.Join(r.Dir, ".git", "grite", "config.toml"), os.O_APPEND|os.O_WRONLY, 0o666)
	if err == nil {
		_, err = fmt.Fprint(f, lines)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestLockOnTerminal runs on a terminal what is for one; internal/keep and
// internal/watch have the rest.
func TestLockOnTerminal(t *testing.T) {
	t.Parallel()
	r := gittest.New(t).With("TERM=xterm")
	grite(t, r, "init", "--no-hooks")
	came(t, "lock run", r.Run("", "script", "-qec", `git-grite lock run path:x -- sh -c "test -t 0 && test -t 1 && git-grite lock status && exit 5"`, "/dev/null")).exits(5, "path:x")
	try(t, r, "lock", "status").exits(0, "No active locks")
	grite(t, r.With("GRITE_ACTOR=bob"), "lock", "acquire", "path:y")
	came(t, "status --watch", r.Run("", "sh", "-c", `(sleep 3; printf q) | script -qec "git-grite lock status --watch" /dev/null`)).exits(0, "path:y", "\x1b[?1049h", "\x1b[?1049l")
	came(t, "a wait", r.Run("", "script", "-qec", "git-grite lock acquire path:y --wait 2s", "/dev/null")).exits(4, "waiting for path:y, held by bob", "waiting for another 1s")
}
