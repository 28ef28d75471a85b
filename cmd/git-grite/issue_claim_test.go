package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// meanwhile has the remote run a command in a clone when the first push of a
// lock arrives, before that is done.
func meanwhile(t *testing.T, remote, clone *gittest.Repo, command string) {
	t.Helper()
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	env := "env -i"
	for _, kv := range clone.Env {
		env += " " + quote(kv)
	}
	once := filepath.Join(t.TempDir(), "once")
	remote.Hook("pre-receive", fmt.Sprintf("grep -q refs/grite/locks || exit 0\nmkdir %s 2>/dev/null || exit 0\ncd %s && %s sh -c %s >&2",
		quote(once), quote(clone.Dir), env, quote(command)))
}

// TestIssueClaimLooksAgain: what is closed, or loses its label, between the list
// and the lock is not claimed, and no lock on it stays.
func TestIssueClaimLooksAgain(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{"closed": "git-grite issue close $ID", "label": "git-grite issue label remove $ID --label todo"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote := gittest.NewRemote(t)
			alice, bob := remote.Clone(t, remote.Dir), remote.Clone(t, remote.Dir)
			grite(t, alice, "init", "--no-hooks", "-q")
			grite(t, bob, "init", "--no-hooks", "-q")
			first := issueCreated(t, bob, "--title", "First", "--label", "todo")
			second := issueCreated(t, bob, "--title", "Second", "--label", "todo")
			meanwhile(t, remote, bob, strings.ReplaceAll(command, "$ID", first))
			try(t, alice, "issue", "claim", "--label", "todo").exits(0, "Title: Second", "issue:"+second)
			try(t, bob, "lock", "status").exits(0, second).lacks(first)

			// One that is named is refused for the reason.
			third := issueCreated(t, bob, "--title", "Third", "--label", "todo")
			meanwhile(t, remote, bob, strings.ReplaceAll(command, "$ID", third))
			try(t, alice, "issue", "claim", third, "--label", "todo").exits(4, "issue "+third)
			try(t, bob, "lock", "status").exits(0).lacks(third)
		})
	}
}

// TestIssueClaimBlocked: a lock on everything is no reason to try every issue,
// and an issue is not claimed where nobody can say who has it.
func TestIssueClaimBlocked(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	alice, bob := remote.Clone(t, remote.Dir), remote.Clone(t, remote.Dir)
	grite(t, alice, "init", "--no-hooks", "-q")
	grite(t, bob, "init", "--no-hooks", "-q")
	for i := range 3 {
		issueCreated(t, bob, "--title", fmt.Sprint("Task ", i))
	}
	grite(t, bob, "lock", "acquire", "-r", "repo:release")
	try(t, alice, "issue", "claim").exits(4, "repo:release")
	try(t, alice, "issue", "comment", issueCreated(t, alice, "--title", "New"), "--body", "x").exits(0, "note: repo:release is held by")
	grite(t, bob, "lock", "release", "--mine")
	grite(t, alice, "sync")
	alice.Write(".git/grite/config.toml", readFile(t, alice.Dir+"/.git/grite/config.toml")+"\n[lock]\noffline = \"allow\"\n")
	alice.Git("remote", "set-url", "origin", "/nonexistent")
	try(t, alice, "issue", "claim").exits(5, "/nonexistent")
	try(t, alice, "lock", "status", "--cached").exits(0, "No active locks")
}

// TestIssueClaimedByPrefix: who locks the beginning of an id before the log has
// reached him has claimed that issue all the same.
func TestIssueClaimedByPrefix(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	alice, bob := remote.Clone(t, remote.Dir), remote.Clone(t, remote.Dir)
	grite(t, alice, "init", "--no-hooks", "-q")
	grite(t, bob, "init", "--no-hooks", "-q", "--label", "bob")
	id := issueCreated(t, alice, "--title", "Told by telephone")
	try(t, bob, "lock", "acquire", "-r", "issue:"+id[:8]).exits(0, "issue:"+id[:8]+"\n")
	try(t, alice, "issue", "list", "--unclaimed").exits(0, "No issues")
	try(t, alice, "issue", "list").exits(0, "claimed by bob")
	try(t, alice, "issue", "claim").exits(3)
	try(t, alice, "issue", "claim", id).exits(4, "bob")
	try(t, alice.With("GRITE_LOCK_POLICY=require"), "issue", "close", id).exits(4, "bob")
	// The log reaches bob: his lock is renewed and released as he spelled it, and
	// by the whole id alike.
	try(t, bob.With("GRITE_LOCK_POLICY=require"), "issue", "comment", id, "--body", "x").exits(0)
	try(t, bob, "lock", "renew", "-r", "issue:"+id[:8]).exits(0, "issue:"+id[:8])
	try(t, bob, "lock", "release", "-r", "issue:"+id[:8]).exits(0, "Lock released")
	try(t, bob, "lock", "acquire", "-r", "issue:"+id[:8]).exits(0, "issue:"+id+"\n")
}
