package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// pair is a remote with a commit, and the clones of alice and bob, set up.
func pair(t *testing.T) (remote, alice, bob *gittest.Repo) {
	t.Helper()
	remote = gittest.NewRemote(t)
	remote.Seed(map[string]string{"src/a.go": "1\n", "free/x": "x\n"})
	alice, bob = remote.Clone(t, remote.Dir, "-b", "main"), remote.Clone(t, remote.Dir, "-b", "main")
	grite(t, alice, "init", "--label", "alice")
	grite(t, bob, "init", "--label", "bob")
	return remote, alice, bob
}

func configure(t *testing.T, r *gittest.Repo, lines string) {
	t.Helper()
	path := filepath.Join(r.Dir, ".git/grite/config.toml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r.Write(".git/grite/config.toml", string(text)+lines)
}

// change commits a change.
func change(r *gittest.Repo, path string) {
	r.Write(path, "changed\n")
	r.Git("add", ".")
	r.Git("commit", "-q", "-m", "change "+path)
}

// silent is a server that accepts connections and never says anything.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return "http://" + l.Addr().String() + "/x.git"
}

func TestPrePushAsksTheRemote(t *testing.T) {
	t.Parallel()
	_, alice, bob := pair(t)
	bob = bob.With("GRITE_LOCK_POLICY=require")
	change(bob, "src/a.go")
	grite(t, alice, "lock", "acquire", "src") // bob has not seen it yet
	res := bob.Run("", "git", "push", "--porcelain", "origin", "main")
	if res.Code == 0 || !strings.Contains(res.Stderr, "src/a.go") || !strings.Contains(res.Stderr, "alice") {
		t.Errorf("push: exit %d, %s", res.Code, res.Stderr)
	}
	if strings.Contains(res.Stdout, "git-grite") {
		t.Errorf("on stdout: %s", res.Stdout)
	}
	grite(t, alice, "lock", "release", "--mine")
	if res := bob.Run("", "git", "push", "origin", "main"); res.Code != 0 || strings.Contains(res.Stderr, "git-grite") {
		t.Errorf("push after the release: exit %d, %s", res.Code, res.Stderr)
	}
}

func TestPrePushConfirmsOfflineLocks(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	grite(t, bob, "lock", "acquire", "-r", "path:src/", "--offline")
	change(bob, "src/a.go")
	counted, count := bob.Trace(1)
	if res := counted.Run("", "git", "push", "origin", "main"); res.Code != 0 || strings.Contains(res.Stderr, "git-grite") {
		t.Errorf("push: exit %d, %s", res.Code, res.Stderr)
	}
	remote.Git("rev-parse", "--verify", gittest.LockRef("path:src/"))
	pushes := 0
	all := count()
	for _, process := range all {
		if strings.Contains(process, " push ") {
			pushes++
		}
	}
	if pushes != 1 {
		t.Errorf("%d nested pushes; one publishes the lock, and starts no hook: %q", pushes, all)
	}
	if out := grite(t, bob, "lock", "status").Stdout; strings.Contains(out, "not confirmed") {
		t.Errorf("status: %s", out)
	}
	try(t, alice, "lock", "acquire", "src/a.go").exits(4)
}

func TestHookFetch(t *testing.T) {
	t.Parallel()
	_, alice, bob := pair(t)
	bob = bob.With("GRITE_LOCK_POLICY=require")
	configure(t, bob, "\n[hook]\nfetch = \"commit\"\n")
	grite(t, alice, "lock", "acquire", "src")
	bob.Write("src/a.go", "2\n")
	if res := bob.Run("", "git", "commit", "-am", "x"); res.Code == 0 || !strings.Contains(res.Stderr, "alice") {
		t.Errorf("commit: exit %d, %s", res.Code, res.Stderr)
	}
	never, late := alice.With("GRITE_LOCK_POLICY=require"), bob
	configure(t, never, "\n[hook]\nfetch = \"never\"\n")
	grite(t, late, "lock", "acquire", "-r", "path:free/")
	change(never, "free/x")
	git(t, never, "push", "origin", "HEAD:refs/heads/other").exits(0)
}

// TestDeadArbiter: a remote that does not answer costs a push no more than
// hook.timeout, is said in one line, and leaves no process behind.
func TestDeadArbiter(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	grite(t, alice, "lock", "acquire", "src")
	grite(t, bob, "lock", "status")
	url := silent(t)
	bob.Git("remote", "add", "work", remote.Dir)
	bob.Git("remote", "set-url", "origin", url)
	configure(t, bob, "\n[hook]\ntimeout = \"2s\"\n")
	change(bob, "free/x")
	began := time.Now()
	res := bob.Run("", "git", "push", "work", "main")
	if took := time.Since(began); res.Code != 0 || took > 20*time.Second {
		t.Errorf("push: exit %d after %s, %s", res.Code, took, res.Stderr)
	}
	if strings.Count(res.Stderr, "git-grite: ") != 1 || !strings.Contains(res.Stderr, `remote "origin": no answer within 1.5s; judging by the last view`) {
		t.Errorf("said %q", res.Stderr)
	}
	if left := bob.Run("", "pgrep", "-f", strings.TrimPrefix(url, "http://")); left.Stdout != "" {
		t.Errorf("left behind: %s", left.Stdout)
	}
	// The last view still counts.
	change(bob, "src/a.go")
	if res := bob.With("GRITE_LOCK_POLICY=require").Run("", "git", "push", "work", "main"); res.Code == 0 || !strings.Contains(res.Stderr, "alice") {
		t.Errorf("push of a locked file: exit %d, %s", res.Code, res.Stderr)
	}
}

// TestNeverAsksForAPassword: a server that wants a login is an error at once.
func TestNeverAsksForAPassword(t *testing.T) {
	t.Parallel()
	remote, alice, _ := pair(t)
	for _, tr := range gittest.Transports(t) {
		if tr.Name != "http" {
			continue
		}
		url, _ := tr.Serve(t, remote.Dir)
		proxy := gittest.Proxy(t, url)
		proxy.On(func(*http.Request, int) gittest.Fault { return gittest.Status(401) })
		alice.Git("remote", "set-url", "origin", proxy.URL)
		asked := filepath.Join(t.TempDir(), "asked")
		script := filepath.Join(t.TempDir(), "askpass")
		gittest.Executable(t, script, "#!/bin/sh\ntouch "+asked+"\n")
		res := alice.With("GIT_ASKPASS="+script, "SSH_ASKPASS="+script, "GIT_TERMINAL_PROMPT=1").Run("", "git-grite", "lock", "acquire", "-r", "path:a", "--json")
		if res.Code != 5 || !strings.Contains(res.Stdout, "could not read Username") {
			t.Errorf("exit %d, %s%s", res.Code, res.Stdout, res.Stderr)
		}
		if _, err := os.Stat(asked); err == nil {
			t.Error("somebody was asked for a password")
		}
	}
}

func TestBudgetsRemote(t *testing.T) {
	t.Parallel()
	_, alice, bob := pair(t)
	counted, count := alice.Trace(0)
	run := func(what string, pushes, fetches, most int, args ...string) {
		t.Helper()
		if res := counted.Run("", "git-grite", args...); res.Code != 0 && res.Code != 4 {
			t.Errorf("%s: exit %d, %s", what, res.Code, res.Stderr)
		}
		got := count()
		var pushed, fetched int
		for _, process := range got {
			if strings.Contains(process, " push ") {
				pushed++
			}
			if strings.Contains(process, " fetch ") {
				fetched++
			}
		}
		if pushed != pushes || fetched != fetches || len(got) > most {
			t.Errorf("%s started %d pushes, %d fetches, %d processes: %q", what, pushed, fetched, len(got), got)
		}
	}
	run("acquire", 1, 1, 4, "lock", "acquire", "-r", "path:src/a.go")
	run("acquire of several", 1, 1, 4, "lock", "acquire", "-r", "path:x", "-r", "issue:1")
	run("acquire of what is held", 0, 1, 4, "lock", "acquire", "-r", "issue:1", "--ttl", "1s")
	run("first renewal", 1, 1, 5, "lock", "renew", "--mine", "--ttl", "1h") // a late copy of the create could stand
	run("renew", 1, 0, 4, "lock", "renew", "--mine", "--ttl", "2h")
	run("status", 0, 1, 2, "lock", "status")
	run("status of the last view", 0, 0, 0, "lock", "status", "--cached")
	run("pre-commit", 0, 0, 1, "hook", "pre-commit")
	run("release", 1, 0, 3, "lock", "release", "--mine")
	grite(t, bob, "lock", "acquire", "-r", "path:free/")
	// Nobody has told this clone: announced, seen, withdrawn, and looked once more.
	run("acquire of what another just took", 2, 2, 5, "lock", "acquire", "-r", "path:free/x")
	run("acquire of it, by the view", 0, 1, 4, "lock", "acquire", "-r", "path:free/x")
	run("acquire beside it", 1, 1, 4, "lock", "acquire", "-r", "path:y")
	run("sync", 0, 1, 2, "sync")
	for _, r := range []string{"path:1", "path:2", "path:3", "issue:4"} {
		grite(t, alice, "lock", "acquire", "--offline", "-r", r)
	}
	grite(t, bob, "lock", "acquire", "-r", "issue:4") // is in the way of the last
	run("sync of offline locks", 1, 2, 6, "sync")
	for _, r := range []string{"path:5", "path:6"} {
		grite(t, alice.With("GRITE_ACTOR=second"), "lock", "acquire", "--offline", "-r", r)
		grite(t, alice, "lock", "acquire", "--offline", "-r", r+"b")
	}
	run("sync of two actors", 2, 3, 10, "sync")
	run("issue list without a log", 0, 1, 2, "issue", "list")
	run("issue create", 1, 0, 2, "issue", "create", "--title", "T")
	id := regexp.MustCompile("[0-9a-f]{32}").FindString(grite(t, alice, "issue", "list", "--json").Stdout)
	run("issue comment", 1, 1, 3, "issue", "comment", id, "--body", "x")
	run("issue list", 0, 2, 7, "issue", "list")
	run("issue list once more", 0, 2, 3, "issue", "list")
	run("issue list of the last view", 0, 0, 0, "issue", "list", "--cached")
	run("sync of issues", 0, 2, 3, "sync")
	run("issue claim", 1, 4, 8, "issue", "claim", id)
}

// TestClockSkew: two clocks five minutes apart grant nothing twice, and say so.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	_, alice, bob := pair(t)
	for i, shift := range []string{"-5m", "5m"} {
		bob := bob.With("GRITE_TEST_SHIFT=" + shift)
		resource := fmt.Sprint("path:d", i, "/")
		grite(t, alice, "lock", "acquire", "-r", resource, "--ttl", "10m")
		try(t, bob, "lock", "acquire", "-r", resource).exits(4)
		grite(t, alice, "lock", "renew", "--mine", "--ttl", "20m")
		grite(t, alice, "lock", "release", "--mine")
		grite(t, bob, "lock", "acquire", "-r", resource)
		res := alice.Run("", "git-grite", "lock", "acquire", "-r", resource)
		if res.Code != 4 || strings.Contains(res.Stderr, "ahead of this one") != (shift == "5m") {
			t.Errorf("%s: exit %d, %s", shift, res.Code, res.Stderr)
		}
	}
}
