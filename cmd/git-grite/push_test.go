package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestPushRefs goes through what one push can consist of, while alice holds src/.
func TestPushRefs(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	change(bob, "src/old.go") // published before the lock was taken
	bob.Git("branch", "side")
	bob.Git("push", "-q", "origin", "main", "side")
	grite(t, alice, "lock", "acquire", "src")

	t.Log("what is published already")
	bob.Git("tag", "-a", "-m", "v1", "v1")
	push(t, bob, "a tag of a published commit", "", "origin", "v1")
	push(t, bob, "a branch of a published commit", "", "origin", "main:refs/heads/copy")
	bob.Git("reset", "-q", "--hard", "HEAD~1")
	push(t, bob, "a force push of a published commit", "", "--force", "origin", "main:copy")
	push(t, bob, "a deletion", "", "origin", "--delete", "copy")

	t.Log("what is not")
	change(bob, "free/y")
	push(t, bob, "a force push of another path", "", "--force", "origin", "main")
	bob.Git("checkout", "-q", "-b", "topic")
	bob.Write("src/new.go", "x")
	bob.Git("add", ".")
	bob.Git("commit", "-q", "--no-verify", "-m", "x")
	bob.Git("tag", "-a", "-m", "v2", "v2")
	bob.Git("tag", "blob", bob.Git("rev-parse", "HEAD:src/new.go"))
	push(t, bob, "a new branch", "src/new.go", "origin", "topic")
	push(t, bob, "a tag of an unpublished commit", "src/new.go", "origin", "v2")
	push(t, bob, "the third of several refs", "src/new.go", "origin", "main:refs/heads/x", "v1:refs/tags/v1b", "topic", ":side")
	push(t, bob, "a force push", "src/new.go", "--force", "origin", "topic:side")
	push(t, bob, "a URL", "src/new.go", remote.Dir, "topic")
	push(t, bob, "several refs of other paths", "", "origin", "main:refs/heads/x", "main:refs/heads/y", "blob", ":side")

	t.Log("over commits that this clone does not have")
	change(alice, "src/alice.go")
	alice.Git("push", "-q", "--force", "origin", "HEAD:refs/heads/x")
	push(t, bob, "a force push of published commits", "", "--force", "origin", "main:x")
	alice.Git("push", "-q", "--force", "origin", "HEAD:refs/heads/x")
	push(t, bob, "a force push of new ones", "src/new.go", "--force", "origin", "topic:x")

	t.Log("to a remote that has nothing")
	empty := gittest.NewRemote(t)
	bob.Git("remote", "add", "empty", empty.Dir)
	if res := push(t, bob, "a new commit", "src/new.go", "empty", "topic"); strings.Contains(res.Stderr, "src/old.go") {
		t.Errorf("what the arbiter has is published: %s", res.Stderr)
	}
	push(t, bob, "published commits", "", "empty", "main")
	bob.Git("push", "-q", "--no-verify", "empty", "topic")
	push(t, bob, "what only another remote has", "src/new.go", "origin", "topic")
}

// TestFirstPush: where the arbiter has no commit yet, all are new.
func TestFirstPush(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	alice, bob := remote.Clone(t, remote.Dir), remote.Clone(t, remote.Dir)
	grite(t, alice, "init", "--label", "alice")
	grite(t, bob, "init", "--label", "bob")
	grite(t, alice, "lock", "acquire", "-r", "path:src/")
	change(bob, "src/a.go")
	change(bob, "free/x")
	push(t, bob, "a root commit of a locked path", "src/a.go", "origin", "HEAD:main")
	grite(t, alice, "lock", "release", "--mine")
	push(t, bob, "without the lock", "", "origin", "HEAD:main")
}

// TestPushToSeveralURLs: git runs the hook for each, and people are told once.
func TestPushToSeveralURLs(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	second := gittest.NewRemote(t)
	bob.Git("remote", "set-url", "--add", "--push", "origin", remote.Dir)
	bob.Git("remote", "set-url", "--add", "--push", "origin", second.Dir)
	grite(t, alice, "lock", "acquire", "src")
	for i, policy := range []string{"require", "warn", "require"} {
		branch := fmt.Sprint(policy, i)
		bob.Write("src/a.go", branch)
		bob.Git("commit", "-q", "--no-verify", "-am", "x")
		res := bob.With("GRITE_LOCK_POLICY="+policy).Run("", "git", "push", "--force", "origin", "HEAD:refs/heads/"+branch)
		if n := strings.Count(res.Stderr, "1 changed path is locked"); n != 1 || (res.Code == 0) != (policy == "warn") {
			t.Errorf("%s: exit %d, said %d times: %s", policy, res.Code, n, res.Stderr)
		}
		for _, r := range []*gittest.Repo{remote, second} {
			if got := r.Run("", "git", "rev-parse", "-q", "--verify", "refs/heads/"+branch); (got.Code == 0) != (policy == "warn") {
				t.Errorf("%s: pushed to %s: %v", policy, r.Dir, got.Code == 0)
			}
		}
	}
	one, _, plain := pair(t)
	change(plain, "src/a.go")
	push(t, plain, "one URL", "", one.Dir, "HEAD:refs/heads/x")
	push(t, plain, "one URL", "", "origin", "HEAD:refs/heads/y")
	if _, err := os.Stat(plain.Dir + "/.git/grite/pushed"); err == nil {
		t.Error("a judgement is kept for a remote with one URL")
	}
}

// TestPushFromShallowClone: the commit at its edge looks as if it added every
// file, and is not judged so.
func TestPushFromShallowClone(t *testing.T) {
	t.Parallel()
	remote, alice, _ := pair(t)
	grite(t, alice, "lock", "acquire", "src")
	bob := remote.Clone(t, "file://"+remote.Dir, "--depth=1", "-b", "main")
	grite(t, bob, "init", "--label", "bob")
	change(bob, "free/x")
	push(t, bob, "another path", "", "origin", "main")
	bob.Write("src/a.go", "y")
	bob.Git("commit", "-q", "--no-verify", "-am", "x")
	push(t, bob, "a locked path", "src/a.go", "origin", "main")
	bob.Git("reset", "-q", "--hard", "HEAD~1")
	elsewhere := gittest.NewRemote(t)
	bob.Git("remote", "add", "elsewhere", elsewhere.Dir)
	configure(t, bob, "\n[lock]\nremote = \"none\"\n") // so that nothing is known to be published
	grite(t, bob.With("GRITE_ACTOR=carol"), "lock", "acquire", "src")
	res := bob.With("GRITE_LOCK_POLICY=require").Run("", "git", "push", "elsewhere", "main")
	if strings.Contains(res.Stderr, "locked by") || !strings.Contains(res.Stderr, "edge of this shallow clone are not checked, because what they change is not known here: 1 of them") {
		t.Errorf("exit %d, %s", res.Code, res.Stderr)
	}
}

// TestPushFromPartialClone: judging asks nobody for contents or trees.
func TestPushFromPartialClone(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{"blob:none", "tree:0"} {
		t.Run(filter, func(t *testing.T) {
			t.Parallel()
			remote, alice, _ := pair(t)
			remote.Git("config", "uploadpack.allowFilter", "true")
			remote.Git("config", "uploadpack.allowAnySHA1InWant", "true")
			change(alice, "src/deep/b.go")
			change(alice, "free/other/x")
			alice.Git("push", "-q", "origin", "main")
			grite(t, alice, "lock", "acquire", "src")
			bob := remote.Clone(t, "file://"+remote.Dir, "--filter="+filter, "--sparse", "-b", "main")
			bob.Git("sparse-checkout", "set", "free")
			grite(t, bob, "init", "--label", "bob")
			stage := func(path string) {
				bob.Write(path, "z\n")
				bob.Git("add", "--sparse", path)
			}
			trace := filepath.Join(t.TempDir(), "trace")
			watched := bob.With("GRITE_LOCK_POLICY=require", "GIT_TRACE2_EVENT="+trace)
			fetched := func(what, path string, locks int, args ...string) {
				t.Helper()
				res := watched.Run("", "git", args...)
				if (path != "") != (res.Code != 0) || !strings.Contains(res.Stderr, path) {
					t.Errorf("%s: exit %d, %s", what, res.Code, res.Stderr)
				}
				started, err := os.ReadFile(trace)
				if err != nil {
					t.Fatal(err)
				}
				asked := 0
				for line := range strings.Lines(string(started)) {
					var event struct {
						Event, SID string
						Argv       []string
					}
					if json.Unmarshal([]byte(line), &event) != nil || event.Event != "start" || !slices.Contains(event.Argv, "fetch") {
						continue
					}
					switch {
					case strings.Contains(line, "refs/grite/locks"):
						asked++
					case strings.Count(event.SID, "/") > 1: // one of its own is git push itself, which knows no better
						t.Errorf("%s: judging fetched: %s", what, line)
					}
				}
				if asked != locks {
					t.Errorf("%s: the remote was asked for locks %d times instead of %d", what, asked, locks)
				}
				if err := os.Remove(trace); err != nil {
					t.Fatal(err)
				}
			}
			stage("free/x")
			fetched("commit", "", 0, "commit", "-m", "x")
			fetched("push", "", 1, "push", "origin", "main")
			stage("src/a.go")
			fetched("commit of a locked path", "src/a.go", 0, "commit", "-m", "x")
			bob.Git("commit", "-q", "--no-verify", "-m", "x")
			fetched("push of a locked path", "src/a.go", 1, "push", "origin", "main")
			// Somebody else forced what this clone has never seen: not fetched either.
			change(alice, "free/forced")
			alice.Git("push", "-q", "--force", "origin", "HEAD:refs/heads/forced")
			fetched("push over unknown commits", "src/a.go", 1, "push", "--force", "origin", "main:forced")
		})
	}
}

// TestPushOfManyCommits: the newest 2,000 are looked at, and it is said.
func TestPushOfManyCommits(t *testing.T) {
	t.Parallel()
	_, alice, bob := pair(t)
	var stream bytes.Buffer
	at := time.Now().Add(-24 * time.Hour).Unix()
	tip := bob.Git("rev-parse", "HEAD")
	for i := range 10000 {
		fmt.Fprintf(&stream, "commit refs/heads/many\ncommitter T <t@example.com> %d +0000\ndata 2\nx\n\n", at+int64(i))
		if i == 0 {
			fmt.Fprintf(&stream, "from %s\n", tip)
		}
		path := ""
		switch {
		case i == 100:
			path = "src/early.go" // beyond what is looked at
		case i == 9000:
			path = "src/late.go"
		case i%10 == 0: // a tree for each would take git ten seconds to make
			path = fmt.Sprintf("f%d", i%100)
		default:
			continue
		}
		fmt.Fprintf(&stream, "M 100644 inline %s\ndata 5\n%05d\n", path, i)
	}
	bob.GitIn(stream.String(), "fast-import", "--quiet")
	grite(t, alice, "lock", "acquire", "src")
	res := push(t, bob, "10,000 commits", "src/late.go", "origin", "many")
	if !strings.Contains(res.Stderr, "this push has more than 2000 commits; the newest 2000 are checked") || strings.Contains(res.Stderr, "src/early.go") {
		t.Errorf("said %s", res.Stderr)
	}
	early := bob.Git("rev-parse", "many~9000")
	if res := check(t, bob, 4, "--range", "main..many"); !strings.Contains(res.Stderr, "the range has more than 2000 commits; the newest 2000 are checked") {
		t.Errorf("said %s", res.Stderr)
	}
	push(t, bob, "the first thousand", "src/early.go", "origin", early+":refs/heads/early")
}
