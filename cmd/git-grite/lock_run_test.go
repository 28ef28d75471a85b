//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

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
	try(t, r, "lock", "run", "path:x", "--", "nosuchcommand").exits(127, `Error: there is no command "nosuchcommand" on PATH`)
	try(t, r, "lock", "run", "path:x", "--", "/").exits(126, `cannot start "/": is a directory`)
	try(t, r, "lock", "run", "path:x").exits(2, "a command behind --")
	try(t, r, "lock", "run", "--json", "path:x", "--", "true").exits(2, `"ok":false`)
	try(t, r, "lock", "run", "--", "true").exits(2, "needs a PATH, such as src/, or a --resource")
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
		"SIGSTOP of the child":  {echo + untilOn, childStopped, 0, "", false},
		"SIGSTOP of all":        {echo + beats, suspended, 6, "ends in", false},
		"daemon":                {`(setsid sh -c 'trap "" TERM HUP; sleep 1000' &); exit 3`, func(*under) {}, 3, "", false},
		"broken":                {`trap 'echo >$D/term; exit 0' TERM; ` + beats, broken, 6, "broken by bob", false},
		"broken, TERM ignored":  {`trap "" TERM; ` + beats, broken, 6, "broken by bob", false},
		"taken":                 {beats, taken, 6, "is held by bob", false},
		"the clock set forward": {beats, func(u *under) { u.await("beat"); u.clock("1000h") }, 6, "", false},
		"the clock set back":    {untilOn + "; exit 4", clockSetBack, 4, "", false},
	}, func(t *testing.T, name string, tt ending) {
		r := gittest.New(t)
		grite(t, r, "init", "--no-hooks")
		args := []string{}
		if tt.code == 0 || tt.code == 4 { // what goes on has to be renewed in time, however slow the machine is
			args = []string{"--ttl", "18s"}
		}
		u := runUnder(t, r, tt.script, args...)
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

// suspended stops the run, the command and what is between them, as a machine
// that sleeps does, until a time that only the clock on the wall knows of.
func suspended(u *under) {
	u.await("beat")
	all := u.processes()
	if len(all) < 3 {
		u.Errorf("only %v run", all)
	}
	for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		for _, pid := range all {
			if err := syscall.Kill(pid, s); err != nil {
				u.Error(err)
			}
		}
		u.clock("1000h")
	}
}

// clockSetBack sets the clock back and waits for more renewals than a lease is
// long. Who has the right time does not find the lease ended.
func clockSetBack(u *under) {
	u.await("beat")
	u.clock("-1000h")
	renewed(u.T, u.repo, "path:x", 4)
	try(u.T, u.repo.With("GRITE_ACTOR=bob", "GRITE_TEST_CLOCK="), "lock", "acquire", "path:x").exits(4)
	u.goOn()
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
	renewed(u.T, u.repo, "path:x", 4)
	try(u.T, u.repo.With("GRITE_ACTOR=bob"), "lock", "acquire", "path:x").exits(4)
	u.goOn()
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
// a time, which is what renewal and the deadline are there for. Beside that, as
// all of it mostly waits, it has one give way.
func TestLockRunRemoteAway(t *testing.T) {
	t.Parallel()
	together(func() { t.Run("a record in the way", givesWay) }, func() { away(t) })
}

func away(t *testing.T) {
	type absence struct {
		ttl     time.Duration
		back    bool // after renewals have failed, but long before the end
		args    []string
		code    int
		overlap bool
	}
	atOnce(t, map[string]absence{
		"for less than the lease": {ttl: 45 * time.Second, back: true},
		"for longer":              {ttl: 15 * time.Second, code: 6},
		"for longer, only warned": {ttl: 15 * time.Second, args: []string{"--on-lost", "warn"}, overlap: true},
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
		u := runUnder(t, alice, `while [ ! -e $D/end ]; do echo >>$D/beat; sleep 0.02; done`, append(tt.args, "--ttl", tt.ttl.String())...)
		u.await("beat")
		end := time.Now().Add(tt.ttl)
		var dropped atomic.Int64
		proxy.On(func(*http.Request, int) gittest.Fault { dropped.Add(1); return gittest.DropRequest })
		other := bob.With("D="+u.dir).Start("git-grite", "lock", "run", "path:x", "--wait", "2m", "--ttl", "15s", "--", "sh", "-c",
			`cat $D/beat >$D/seen; sleep 0.3; cat $D/beat >$D/then; touch $D/end`)
		if tt.back {
			for dropped.Load() == 0 && time.Now().Before(end) {
				time.Sleep(20 * time.Millisecond)
			}
			time.Sleep(time.Second)
			proxy.On(nil)
			time.Sleep(time.Until(end.Add(time.Second))) // of the lease that was granted first
			if u.read("seen") != "" {
				t.Error("the other got the lock")
			}
			if dropped.Load() == 0 {
				t.Error("no renewal was lost")
			}
			if err := os.WriteFile(filepath.Join(u.dir, "end"), nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		u.ends(tt.code)
		if res := other.Wait(); res.Code != 0 {
			t.Errorf("the other: %+v", res)
		}
		if ran := u.read("seen") != u.read("then"); ran != tt.overlap && !tt.back {
			t.Errorf("ran at the same time: %v", ran)
		}
	})
}

// givesWay: the first renewal finds a record of somebody else in the
// way, which stays. The command has ended before the own record is removed, which
// is when the other may have the lock. It waits ten seconds for the other one.
func givesWay(t *testing.T) {
	remote, elsewhere := gittest.NewRemote(t), gittest.NewRemote(t)
	alice, bob := remote.Clone(t, remote.Dir), elsewhere.Clone(t, elsewhere.Dir)
	grite(t, alice, "init", "--no-hooks")
	grite(t, bob, "init", "--no-hooks", "--label", "bob")
	u := runUnder(t, alice, `echo $$ >$D/pid; trap 'sleep 1; exit 0' TERM; `+beats, "--ttl", "90s") // one try may take a quarter of that
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
	ctrlC(t, r)
	grite(t, r.With("GRITE_ACTOR=bob"), "lock", "acquire", "path:y")
	came(t, "status --watch", r.Run("", "sh", "-c", `(sleep 3; printf q) | script -qec "git-grite lock status --watch" /dev/null`)).exits(0, "path:y", "\x1b[?1049h", "\x1b[?1049l")
	came(t, "a wait", r.Run("", "script", "-qec", "git-grite lock acquire path:y --wait 2s", "/dev/null")).exits(4, "waiting for path:y, held by bob", "waiting for another 1s")
}

// ctrlC: the terminal sends it to git, to git-grite and to the command, and git
// passes it on to git-grite once more. The command gets it once, and git ends when
// the command has.
func ctrlC(t *testing.T, r *gittest.Repo) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "script"), `trap 'echo got >>$D/got' INT; echo >$D/ready; until [ -e $D/end ]; do sleep 0.05; done; echo >$D/ended`)
	came(t, "Ctrl-C", r.With("D="+dir).Run("", "sh", "-c", `n=0; await() { until [ -s "$1" ] || [ $((n+=1)) -gt 1200 ]; do sleep 0.05; done; }
		{ await $D/ready; printf '\003'; await $D/got; sleep 0.5; touch $D/end; } |
		script -qec 'git grite lock run path:x -- sh $D/script' /dev/null`)).exits(130)
	if got := readFile(t, filepath.Join(dir, "got")); got != "got\n" || readFile(t, filepath.Join(dir, "ended")) != "\n" {
		t.Errorf("the command got %q", got)
	}
	try(t, r, "lock", "status").exits(0, "No active locks")
}
