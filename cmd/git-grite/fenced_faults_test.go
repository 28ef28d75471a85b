//go:build unix

package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// fencedFault is something that happens in the middle of a fenced push.
type fencedFault struct {
	name  string
	bob   string         // what bob does; NONCE stands for that of alice's lock
	alice string         // what alice does elsewhere in her clone
	hook  string         // a hook of the server, and what it does
	set   string         // a setting of the server
	http  *gittest.Fault // what the push meets with on its way, over HTTP
	exit  int            // of the push; -1 for any but 0
	held  bool           // whether alice holds the lock afterwards
	words string
}

var fencedFaults = []fencedFault{
	{name: "nothing", held: true},
	{name: "broken", bob: "git-grite lock break -q -r path:src/ --nonce NONCE --reason urgent", exit: 6, words: "Broken by: bob"},
	{name: "expired and taken", bob: "GRITE_TEST_SHIFT=2h git-grite lock acquire -q -r path:src/", exit: 6, words: "Label: bob"},
	{name: "expired, and an overlapping one is taken", bob: "GRITE_TEST_SHIFT=2h git-grite lock acquire -q -r 'path:src/*.go'", exit: 6, words: "src/*.go"},
	{name: "renewed by another process", alice: "git-grite lock renew -q --mine", held: true},
	{name: "the branch moves", bob: "git commit -q --allow-empty -m other && git push -q --no-verify origin HEAD:main", exit: 1, held: true, words: "rejected"},
	{name: "the server dies", hook: "pre-receive kill -9 $PPID", exit: -1, held: true},
	{name: "the server's hook declines", hook: "pre-receive echo no >&2; exit 1", exit: 1, held: true, words: "hook declined"},
	{name: "the answer is lost", hook: "post-receive kill -9 $PPID", held: true},
	{name: "the request is lost", http: &gittest.DropRequest, exit: -1, held: true},
	{name: "a proxy has lost the answer", http: &gittest.DropReply, held: true},
	{name: "a proxy has lost half of the answer", http: &gittest.HalfReply, held: true},
	{name: "the request comes twice", http: &gittest.Double, held: true},
	{name: "no --atomic", set: "receive.advertiseAtomic", exit: 5, held: true, words: "cannot change several refs at once"},
}

// TestFencedFaults: whatever happens between the judgement and the push, and
// between what git reads of the server and what it sends, both the branch and
// the lock move, or neither does; and what is told, and remembered, is true.
func TestFencedFaults(t *testing.T) {
	for _, tr := range gittest.Transports(t) {
		if tr.Name == "daemon" || tr.Name == "file" {
			continue // which is what path is
		}
		for _, f := range fencedFaults {
			if f.http != nil && (tr.Name != "http" || f.http != &gittest.DropReply && rounds(10) < 10) {
				continue
			}
			for _, moment := range []string{"before git push", "within git push"} {
				if f.bob+f.alice == "" && moment == "before git push" {
					continue
				}
				t.Run(tr.Name+"/"+f.name+"/"+moment, func(t *testing.T) {
					t.Parallel()
					f.run(t, tr, moment == "within git push")
				})
			}
		}
	}
}

func (f fencedFault) run(t *testing.T, tr gittest.Transport, within bool) {
	remote, alice, bob := pair(t)
	url, env := tr.Serve(t, remote.Dir)
	var proxy *gittest.FaultProxy
	if f.http != nil {
		proxy = gittest.Proxy(t, url)
		url = proxy.URL
	}
	alice = alice.With(env...)
	alice.Git("remote", "set-url", "origin", url)
	grite(t, alice, "lock", "acquire", "-r", "path:src/")
	grite(t, alice, "lock", "renew", "--mine") // the first renewal is one of its own
	alice.Write("src/a.go", "mine\n")
	alice.Git("commit", "-q", "-am", "mine")

	event := ""
	clean := "unset $(git rev-parse --local-env-vars); "
	if f.bob != "" {
		event = fmt.Sprintf("(%scd '%s'; %s) </dev/null >/dev/null || exit 99\n", clean, bob.Dir, strings.ReplaceAll(f.bob, "NONCE", recordOn(t, remote, "path:src/").Nonce))
	}
	if f.alice != "" { // it waits for the push to end
		event = fmt.Sprintf("(%scd '%s'; %s; echo $? >'%s.renewed') </dev/null >/dev/null 2>&1 &\n", clean, alice.Dir, f.alice, alice.Dir)
	}
	pusher := alice
	if within {
		alice.Hook("pre-push", event)
	} else {
		alice.Hook("pre-push", "exit 0")
		pusher = alice.With(gittest.WrapGit(t, "if is push 1; then\n"+event+"fi\n")...)
	}
	if name, script, ok := strings.Cut(f.hook, " "); ok {
		remote.Hook(name, script)
	}
	if f.set != "" {
		remote.Git("config", f.set, "false")
	}
	if f.http != nil {
		proxy.On(gittest.Nth(gittest.Push, 1, *f.http))
	}
	before := remote.Git("rev-parse", "main")
	res := pusher.Run("", "git-grite", "push", "--", "origin", "HEAD:main")
	if f.http != nil && len(proxy.Tally()) != 1 {
		t.Errorf("faults: %v", proxy.Tally())
	}
	if f.hook != "" {
		remote.Hook(strings.Fields(f.hook)[0], "exit 0")
	}

	if res.Code != f.exit && (f.exit >= 0 || res.Code == 0) || !strings.Contains(res.Stderr, f.words) {
		t.Errorf("exit %d, want %d with %q\n%s", res.Code, f.exit, f.words, res.Stderr)
	}
	landed := remote.Git("rev-parse", "main") == alice.Git("rev-parse", "HEAD")
	if landed != (f.exit == 0) {
		t.Errorf("it landed: %v, although the exit code is %d", landed, res.Code)
	}
	if !landed && remote.Git("rev-parse", "main") != before && !strings.Contains(f.bob, "git push") {
		t.Error("main is somewhere else")
	}
	if f.alice != "" {
		await(t, alice.Dir+".renewed", "0")
	}
	log := grite(t, alice, "lock", "log").Stdout
	if strings.Contains(log, "fenced") != landed {
		t.Errorf("landed %v, and the log is\n%s", landed, log)
	}
	renewed := alice.Run("", "git-grite", "lock", "renew", "-r", "path:src/")
	if f.held != (renewed.Code == 0) {
		t.Errorf("held %v, and a renewal ends with %d: %s", f.held, renewed.Code, renewed.Stderr)
	}
}

// await waits until a file says what is wanted.
func await(t *testing.T, path, want string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(path)
		if strings.HasSuffix(string(text), "\n") || time.Now().After(deadline) {
			if got := strings.TrimSpace(string(text)); got != want {
				t.Errorf("%s says %q", path, got)
			}
			return
		}
	}
}

// TestFencedCost: a fenced push starts one git beside git push, which lists the
// paths, and asks the remote nothing of its own.
func TestFencedCost(t *testing.T) {
	t.Parallel()
	_, alice, _ := pair(t)
	grite(t, alice, "lock", "acquire", "-r", "path:src/")
	grite(t, alice, "lock", "renew", "--mine")
	alice.Write("src/a.go", "mine\n")
	alice.Git("commit", "-q", "-am", "mine")
	traced, started := alice.Trace(0)
	grite(t, traced, "push", "--", "-q", "--no-verify", "origin", "HEAD:main")
	lines := started()
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "git log ") || !strings.HasPrefix(lines[1], "git push ") {
		t.Errorf("started are %q", lines)
	}
}
