package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// fetches counts the looks at the remote among git processes.
func fetches(processes []string) (n int) {
	for _, p := range processes {
		if strings.Contains(p, " fetch ") {
			n++
		}
	}
	return n
}

// TestCommitLooksAtTheRemote: with the settings as they are a commit is judged by
// a view of at most a minute, which costs one fetch a minute and nothing between.
func TestCommitLooksAtTheRemote(t *testing.T) {
	t.Parallel()
	_, alice, bob := pair(t)
	grite(t, alice, "lock", "acquire", "src", "--ttl", "1h") // bob's view is from before
	counted, count := bob.Trace(0)
	commit := func(shift string, looks, processes int) gittest.Result {
		t.Helper()
		res := counted.With("GRITE_TEST_SHIFT="+shift).Run("", "git-grite", "hook", "pre-commit")
		if got := count(); fetches(got) != looks || len(got) > processes {
			t.Errorf("at %s: %d fetches in %q", shift, fetches(got), got)
		}
		return res
	}
	bob.Write("src/a.go", "2\n")
	bob.Git("add", ".")
	if res := commit("0s", 0, 1); res.Stderr != "" {
		t.Errorf("a young view: %s", res.Stderr)
	}
	if res := commit("2m", 1, 3); !strings.Contains(res.Stderr, "path:src/ held by alice") || strings.Contains(res.Stderr, "view") {
		t.Errorf("an old view: %s", res.Stderr)
	}
	if res := commit("2m30s", 0, 2); !strings.Contains(res.Stderr, "path:src/ held by alice") {
		t.Errorf("a view of 30 s: %s", res.Stderr)
	}
	if res := commit("4m", 1, 3); !strings.Contains(res.Stderr, "path:src/ held by alice") {
		t.Errorf("an old view once more: %s", res.Stderr)
	}
	configure(t, bob, "\n[hook]\nfetch = \"push\"\n")
	commit("1h", 0, 2)
}

// overSSH makes the remote one over ssh that does not answer while the file dead
// exists.
func overSSH(t *testing.T, r *gittest.Repo, dead string) {
	t.Helper()
	script := filepath.Join(t.TempDir(), "ssh")
	text := "#!/bin/sh\n[ ! -e '" + dead + "' ] || exec sleep 60\nshift\nexec sh -c \"$*\"\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	r.Git("config", "core.sshCommand", script)
	r.Git("config", "ssh.variant", "simple")
	r.Git("remote", "set-url", "origin", "ssh://host"+r.Git("remote", "get-url", "origin"))
}

// TestCommitWithoutTheRemote: a remote that does not answer costs one commit
// hook.commit_timeout and nothing for five minutes; the age of the view is said.
func TestCommitWithoutTheRemote(t *testing.T) {
	t.Parallel()
	_, alice, bob := pair(t)
	grite(t, alice, "lock", "acquire", "src", "--ttl", "1h")
	grite(t, bob, "lock", "status")
	dead := filepath.Join(t.TempDir(), "dead")
	overSSH(t, bob, dead)
	overSSH(t, alice, dead)
	grite(t, bob, "lock", "status")
	grite(t, alice, "lock", "status")
	touch(t, dead)
	configure(t, bob, "\n[hook]\ncommit_timeout = \"200ms\"\n")
	counted, count := bob.Trace(0)
	commit := func(shift, says string, looks int) {
		t.Helper()
		res := counted.With("GRITE_TEST_SHIFT="+shift).Run("", "git-grite", "hook", "pre-commit")
		if got := count(); fetches(got) != looks {
			t.Errorf("at %s: %d fetches in %q", shift, fetches(got), got)
		}
		if !strings.Contains(res.Stderr, says) || !strings.Contains(res.Stderr, "path:src/ held by alice") || res.Code != 0 {
			t.Errorf("at %s: exit %d, %s", shift, res.Code, res.Stderr)
		}
	}
	bob.Write("src/a.go", "2\n")
	bob.Git("add", ".")
	commit("2m", `remote "origin": no answer within 200ms; judging by the view of 2m ago`, 1)
	commit("4m", "and is asked again from ", 0)
	commit("6m", "judging by the view of 6m ago", 0)
	commit("8m", `remote "origin": no answer within 200ms; judging by the view of 8m ago`, 1)
	commit("9m", "judging by the view of 9m ago", 0)

	// Where nobody else is known to hold anything, it is said all the same.
	other := alice.With("GRITE_TEST_SHIFT=2m")
	configure(t, other, "\n[hook]\ncommit_timeout = \"200ms\"\n")
	if res := other.Run("", "git-grite", "hook", "pre-commit"); !strings.Contains(res.Stderr, "judging by the view of 2m ago") {
		t.Errorf("alice: %s", res.Stderr)
	}

	// An answer to something else ends the pause.
	if err := os.Remove(dead); err != nil {
		t.Fatal(err)
	}
	late := bob.With("GRITE_TEST_SHIFT=10m")
	grite(t, late, "sync")
	if res := late.Run("", "git-grite", "hook", "pre-commit"); strings.Contains(res.Stderr, "view of") {
		t.Errorf("after a sync: %s", res.Stderr)
	}
}

// TestCommitsLookInParts: the first look at a remote with more locks than can be read
// in hook.commit_timeout is cut off, and the looks of the next commits go on from
// there, without a pause, until all is known.
func TestCommitsLookInParts(t *testing.T) {
	t.Parallel()
	remote, bob := gittest.NewRemote(t), gittest.New(t)
	grite(t, bob, "init", "--label", "bob")
	configure(t, bob, "\n[hook]\ncommit_timeout = \"2s\"\n")
	records := map[string]string{}
	for i := range 1000 {
		resource := fmt.Sprintf("path:src/%d.go", i)
		records[gittest.LockRef(resource)] = foreign(stranger, resource, future)
	}
	remote.Records(records)
	bob.Git("remote", "add", "origin", remote.Dir)
	bob.SlowFetch(300)
	bob.Write("src/7.go", "2\n")
	bob.Git("add", ".")
	commit := func(shift int) outcome {
		return try(t, bob.With(fmt.Sprintf("GRITE_TEST_SHIFT=%dm", shift)), "hook", "pre-commit").exits(0)
	}
	commit(0).exits(0, "no answer in time; the next look asks for its locks in parts", "its locks are not known here")
	commit(0).lacks("asked again")
	for n := 1; ; n++ {
		// Later each time, because a busy machine may well look like a dead remote.
		if res := commit(10 * n); !strings.Contains(res.Stderr, "remote \"origin\"") {
			res.exits(0, "path:src/7.go held by")
			break
		}
		if n == 50 {
			t.Fatal("the looks come to no end")
		}
	}
	if got := len(strings.Fields(bob.Git("for-each-ref", "--format=x", "refs/git-grite/remotes"))); got != len(records) {
		t.Errorf("%d locks are known", got)
	}
}
