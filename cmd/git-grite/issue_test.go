package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/git-grite/git-grite/internal/cbor"
	opened "github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/wal"
)

// TestIssueClonesWithFaults: eight clones comment on one issue at once, half of
// them over HTTP through a proxy that loses requests and answers. Every comment
// that was accepted is there once, and all clones have the same.
func TestIssueClonesWithFaults(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	var proxy *gittest.FaultProxy
	all := make([]*gittest.Repo, 8)
	for _, tr := range gittest.Transports(t) {
		if tr.Name == "http" {
			url, env := tr.Serve(t, remote.Dir)
			proxy = gittest.Proxy(t, url)
			for i := range 4 {
				all[2*i] = remote.With(env...).Clone(t, proxy.URL)
			}
		}
	}
	for i := range all {
		if all[i] == nil {
			all[i] = remote.Clone(t, remote.Dir)
		}
		grite(t, all[i], "init", "--no-hooks", "-q")
	}
	id := issueCreated(t, all[1], "--title", "Shared")
	proxy.On(gittest.Rate(0.15, 7, gittest.DropRequest, gittest.DropReply, gittest.Double, gittest.Reset, gittest.StatusApplied(502), gittest.Status(503)))
	var mu sync.Mutex
	var want []string
	var fs []func()
	for i, r := range all {
		fs = append(fs, func() {
			for k := range max(rounds(40), 3) {
				text := fmt.Sprintf("comment %d of clone %d", k, i)
				args := []string{"issue", "comment", id, "--body", text}
				if k == 1 {
					args = append(args, "--offline")
				}
				for try := 0; ; try++ {
					res := r.Run("", "git-grite", args...)
					if res.Code == 0 || strings.Contains(res.Stderr, "may or may not have it") {
						break
					}
					if res.Code != 5 || try == 20 {
						t.Errorf("exit %d: %s", res.Code, res.Stderr)
						return
					}
				}
				mu.Lock()
				want = append(want, text)
				mu.Unlock()
			}
		})
	}
	together(fs...)
	proxy.On(nil)
	slices.Sort(want)
	for range 2 {
		for _, r := range all {
			grite(t, r, "sync")
		}
	}
	var first string
	for i, r := range all {
		shown := grite(t, r, "issue", "show", id, "--cached", "--json").Stdout
		var object struct {
			Data struct {
				Events []struct {
					Kind struct{ CommentAdded *struct{ Body string } }
				}
			}
		}
		if err := json.Unmarshal([]byte(shown), &object); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range object.Data.Events {
			if c := e.Kind.CommentAdded; c != nil {
				got = append(got, c.Body)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("clone %d has %d comments, not %d: %q", i, len(got), len(want), got)
		}
		state, _, _ := strings.Cut(shown, `"notices"`)
		if first == "" {
			first = state
		}
		if state != first {
			t.Errorf("clone %d shows another state", i)
		}
	}
	t.Logf("faults: %v", proxy.Tally())
}

// TestIssueHostile: what somebody may push to the log is shown escaped, counted
// and never in the way.
func TestIssueHostile(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	alice, mallory := remote.Clone(t, remote.Dir), remote.Clone(t, remote.Dir)
	grite(t, alice, "init", "--no-hooks", "-q")
	id := issueCreated(t, alice, "--title", "Sound")
	grite(t, mallory, "sync")

	repo, err := opened.Open(t.Context(), mallory.Dir, mallory.Env)
	if err != nil {
		t.Fatal(err)
	}
	origin, err := repo.OpenRemote(t.Context(), "origin", false)
	if err != nil {
		t.Fatal(err)
	}
	created := func(n byte, title string, labels ...string) wal.Event {
		b := cbor.AppendText(cbor.AppendText(cbor.AppendArray(nil, 3), title), "body\x1b]0;x\x07\n\u202ebackwards")
		b = cbor.AppendArray(b, len(labels))
		for _, l := range labels {
			b = cbor.AppendText(b, l)
		}
		e := wal.Event{Issue: wal.IssueID{0xff, n}, Time: wal.MaxTime, Kind: 1, Payload: b}
		e.Seal()
		return e
	}
	strange := wal.Event{Issue: wal.IssueID{0xff, 1}, Time: 1, Kind: 99, Payload: []byte{0xf6}}
	malformed := wal.Event{Issue: wal.IssueID{0xff, 1}, Time: 2, Kind: 3, Payload: []byte{0xf6}}
	stray := wal.Event{Issue: wal.IssueID{0xee}, Time: 3, Kind: 3, Payload: cbor.AppendText(cbor.AppendArray(nil, 1), "lost")}
	// No order of the two ends: each depends on the other. And a text that is none.
	linked := func(n, other byte) wal.Event {
		target := wal.IssueID{0xff, other}
		b := cbor.AppendText(cbor.AppendBytes(cbor.AppendArray(nil, 2), target[:]), "blocks")
		e := wal.Event{Issue: wal.IssueID{0xff, n}, Time: 4, Kind: 11, Payload: b}
		e.Seal()
		return e
	}
	garbled := wal.Event{Issue: wal.IssueID{0xff, 1}, Time: 5, Kind: 3, Payload: cbor.AppendText(cbor.AppendArray(nil, 1), "\xff\xfe")}
	garbled.Seal()
	strange.Seal()
	malformed.Seal()
	stray.Seal()
	log := &wal.Log{Repo: repo, Remote: origin, Now: time.Now}
	events := []wal.Event{created(1, "\x1b[31mred\nLock acquired", "a\x07b"), created(2, strings.Repeat("long ", 5000)), strange, malformed, stray, garbled, linked(1, 2), linked(2, 1)}
	if _, err := log.Append(t.Context(), events, false); err != nil {
		t.Fatal(err)
	}
	// A chunk that is none, one under another's name, one that is too large, and a
	// path that leads out, by plumbing.
	index := mallory.With("GIT_INDEX_FILE=" + mallory.Dir + "/.git/hostile")
	for name, content := range map[string]string{
		"events/2026/11/25/" + strings.Repeat("0", 64) + ".bin": "GRITECNK\x01\x00\x07cbor-v1\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
		"events/2026/11/25/" + strings.Repeat("1", 64) + ".bin": strings.Repeat("\x00", 17<<20),
		"meta.json": "{",
	} {
		oid := index.GitIn(content, "hash-object", "-w", "--stdin")
		index.Git("update-index", "--add", "--cacheinfo", "100644,"+oid+","+name)
	}
	commit := index.Git("commit-tree", "-m", "hostile", "-p", string(wal.Ref), index.Git("write-tree"))
	mallory.Git("push", "-q", "origin", commit+":"+string(wal.Ref))

	list := try(t, alice, "issue", "list").exits(0, "Sound", `\x1b[31mred\nLock acquired`, `a\ab`)
	for _, line := range strings.Split(list.Stdout, "\n") {
		if utf8.RuneCountInString(line) > 60 || strings.ContainsAny(line, "\x1b\x07\r") {
			t.Errorf("a line of the list is %q", line)
		}
	}
	try(t, alice, "issue", "show", "ff01").exits(0, `    body\x1b]0;x\a`, `    \u202ebackwards`).lacks("\x1b", "\u202e")
	try(t, alice, "issue", "show", "ff01", "--json").exits(0, `{"Unknown":{"number":99}}`)
	try(t, alice, "issue", "show", "ee00").exits(3)
	try(t, alice, "doctor").exits(0, "3 issues", "2 malformed chunks, 2 malformed events, 1 unknown event, 1 stray event left out")
	// Work goes on, also on an issue from the end of time.
	try(t, alice, "issue", "comment", id, "--body", "Fine").exits(0)
	try(t, alice, "issue", "close", "ff01").exits(0)
	try(t, alice, "issue", "claim").exits(0, "Sound")
	try(t, mallory, "issue", "show", id).exits(0, "Fine")

	// Something that is no log at all keeps nobody from locking.
	blob := remote.GitIn("no log", "hash-object", "-w", "--stdin")
	remote.Git("update-ref", string(wal.Ref), blob)
	try(t, alice, "issue", "list").exits(0, "Sound", "note: "+string(wal.Ref)+` on remote "origin" is damaged`)
	try(t, alice, "issue", "comment", id, "--body", "x").exits(5, "is damaged")
	alice.Git("symbolic-ref", string(wal.Ref), "refs/heads/main")
	gittest.Unhealthy(t, "the symbolic ref leads to a branch that does not exist", alice)
	try(t, alice, "issue", "list").exits(5, "is damaged", "doctor")
	try(t, alice, "lock", "acquire", "-r", "issue:"+id[:8]).exits(0, "issue:"+id[:8])
}

// TestIssueResourceCost: to find out whether an issue has a full id costs no git
// process where there is no log.
func TestIssueResourceCost(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	r := remote.Clone(t, remote.Dir)
	grite(t, r, "init", "--no-hooks", "-q")
	cost := func(args ...string) (processes [2]int) {
		for i, name := range []string{"issue:JIRA-7", "issue:8057324b"} {
			traced, count := r.Trace(0)
			grite(t, traced, append([]string{"lock"}, append(args, "-r", name)...)...)
			processes[i] = len(count())
		}
		return processes
	}
	cost("acquire")
	for _, verb := range []string{"acquire", "renew", "status", "release"} {
		if n := cost(verb); n[0] != n[1] {
			t.Errorf("%s: %d processes for what cannot be an issue of ours, %d for what could be", verb, n[0], n[1])
		}
	}
}
