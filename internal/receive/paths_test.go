package receive_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

const require = "policy = \"require\"\n"

// holds makes alice the holder of a resource on the server.
func (w *world) holds(resource string) {
	w.t.Helper()
	w.put(true, "alice", "", resource, record(alice, resource, hour, `, "label": "alice@example.com", "reason": "migration"`))
}

func TestPushedPaths(t *testing.T) {
	const blocked = "locked by others:\nremote:   src/a.go  path:src/ held by alice@example.com (a1a1a1a1) for"
	w := newWorld(t, require)
	w.holds("path:src/")
	w.commit("src/a.go", "edit")
	for _, as := range []string{"bob", ""} {
		w.want(false, as, "may not be pushed", "HEAD:main")
		if _, said := w.push(as, "HEAD:main"); !strings.Contains(strings.ReplaceAll(said, "        \n", "\n"), blocked) {
			t.Errorf("said %s", said)
		}
	}
	w.want(true, "bob", "", "HEAD:topic") // a branch that nobody looks after
	w.want(false, "bob", "src/a.go", "HEAD:main")
	w.want(true, "bob", "", "HEAD:refs/tags/v1", ":topic")
	w.want(true, "alice", "", "HEAD:main")
	w.commit("docs", "other")
	w.want(true, "bob", "", "HEAD:main")
	w.want(true, "bob", "", "+HEAD~1:main") // nothing new
	w.clone.Git("reset", "-q", "--hard", "HEAD~2")
	w.commit("src/b.go", "instead")
	w.want(false, "bob", "src/b.go", "+HEAD:main")
	w.del(true, "alice", "", "path:src/")
	w.want(true, "bob", "", "+HEAD:main")
}

func TestWarnAndOff(t *testing.T) {
	for policy, words := range map[string]string{"warn": "paths of this push are locked by others", "off": ""} {
		w := newWorld(t, "policy = \""+policy+"\"\n")
		w.holds("path:a")
		w.commit("a", "edit")
		ok, said := w.push("bob", "HEAD:main")
		if !ok || !strings.Contains(said, words) || words == "" && said != "" {
			t.Errorf("%s: %v, %s", policy, ok, said)
		}
	}
}

func TestBranches(t *testing.T) {
	w := newWorld(t, require+"branches = [\"main\", \"release/*\"]\n")
	w.holds("path:a")
	w.commit("a", "edit")
	for branch, ok := range map[string]bool{"main": false, "release/1": false, "topic": true, "release2": true, "x/main": true} {
		w.want(ok, "bob", "", "HEAD:refs/heads/"+branch)
	}
	w.want(true, "alice", "", "HEAD:main")
	w.want(true, "bob", "", "HEAD:refs/heads/release/1") // judged already
}

// TestMerges: what git merges by itself is not the edit of who merges, what is
// changed in the merge is.
func TestMerges(t *testing.T) {
	w := newWorld(t, require)
	lines := strings.Repeat("line\n", 20)
	w.commit("a", "top\n"+lines+"end\n")
	w.clone.Git("push", "-q", "origin", "HEAD:main")
	w.clone.Git("branch", "side")
	w.commit("a", "TOP\n"+lines+"end\n")
	w.clone.Git("push", "-q", "origin", "HEAD:main")
	w.clone.Git("switch", "-q", "side")
	w.commit("a", "top\n"+lines+"END\n")
	w.want(true, "bob", "", "HEAD:side")
	w.clone.Git("switch", "-q", "main")
	base := w.clone.Git("rev-parse", "HEAD")
	w.clone.Git("merge", "-q", "side")
	w.holds("path:a")
	w.want(false, "bob", "  a  path:a", "HEAD:main") // the commit on the side was never judged
	w.del(true, "alice", "", "path:a")
	w.want(true, "bob", "", "side:refs/heads/release/1")
	w.server.Write("grite/receive.toml", "[receive]\n"+require+"branches = [\"main\", \"release/*\"]\n")
	w.holds("path:a")
	w.clone.Git("branch", "clean")
	w.clone.Write("a", "top\n"+lines+"both\n")
	w.clone.Git("commit", "-q", "-a", "--amend", "-m", "evil merge")
	w.want(false, "bob", "  a  path:a", "HEAD:main")
	w.want(true, "bob", "", "clean:main")
	if got := w.server.Git("rev-parse", "main^"); got != base {
		t.Errorf("main is a merge on %s", got)
	}
	w.clone.Git("switch", "-q", "-c", "ours", "side") // keeps the older of two sides
	w.commit("b", "own")
	w.clone.Git("merge", "-q", "-s", "ours", "-m", "ours", "clean")
	w.want(false, "bob", "  a  path:a", "HEAD:main")
}

// TestForced: a branch that is set back loses what was changed since, and that is a
// change of these paths. A branch that nobody looks after keeps nothing for it.
func TestForced(t *testing.T) {
	w := newWorld(t, require+"branches = [\"main\", \"release/*\"]\n")
	w.commit("b", "base")
	w.want(true, "alice", "", "HEAD:main", "HEAD:refs/heads/release/1")
	w.holds("path:src/")
	w.commit("src/a.go", "edit")
	w.want(true, "alice", "", "HEAD:main", "HEAD:refs/heads/topic")
	w.want(false, "bob", "src/a.go", "+HEAD~1:main")
	w.clone.Git("reset", "-q", "--hard", "HEAD~1")
	w.commit("b", "instead")
	w.want(false, "bob", "src/a.go", "+HEAD:main")
	w.want(true, "bob", "", "+HEAD:topic")
	w.want(true, "alice", "", "+HEAD:main")
	w.want(true, "bob", "", "+HEAD~1:main") // b is nobody's
	w.commit("src/a.go", "again")
	w.want(true, "alice", "", "HEAD:main", "HEAD:refs/heads/release/2")
	w.want(true, "bob", "", "+HEAD~1:main") // another branch that is looked after has it
}

// TestFencedPush: whose a lock is, is said by moving it in the same push.
func TestFencedPush(t *testing.T) {
	w := newWorld(t, require)
	w.put(true, "", "", "path:a", record(alice, "path:a", hour, ""))
	w.commit("a", "edit")
	w.want(false, "", "locked by others", "HEAD:main")
	w.want(true, "", "", "--atomic", "HEAD:main", "+"+w.write(record(alice, "path:a", 2*hour, ""))+":"+gittest.LockRef("path:a"))
	w.commit("a", "again")
	w.server.Git("config", "receive.advertisePushOptions", "true")
	w.want(false, "", "locked by others", "-o", "grite.actor="+bob, "HEAD:main")
	w.want(true, "", "", "-o", "grite.actor="+alice, "HEAD:main")

	w.commit("a", "and given up")
	w.want(true, "", "", "--atomic", "HEAD:main", ":"+gittest.LockRef("path:a"))

	w.holds("path:a") // which pins alice
	w.commit("a", "third")
	w.want(false, "bob", "is not an actor of bob", "--atomic", "HEAD:main", "+"+w.write(record(alice, "path:a", 3*hour, ""))+":"+gittest.LockRef("path:a"))
	w.want(false, "", "locked by others", "-o", "grite.actor="+alice, "HEAD:main")
	w.want(true, "alice", "", "HEAD:main")
}

// TestEnvironments are the servers that name the pusher.
func TestEnvironments(t *testing.T) {
	w := newWorld(t, require)
	w.holds("path:a")
	w.commit("a", "edit")
	for _, name := range []string{"GL_USERNAME", "GITEA_PUSHER_NAME", "GITHUB_USER_LOGIN", "REMOTE_USER"} {
		w.clone.Env = append(w.clone.Env, name+"=bob")
		ok, said := w.push("", "HEAD:main")
		if ok {
			t.Errorf("%s: bob may", name)
		}
		if got := strings.Contains(said, "remote: GL-HOOK-ERR: git-grite: paths"); got != (name == "GL_USERNAME") {
			t.Errorf("%s: said %s", name, said)
		}
		w.clone.Env[len(w.clone.Env)-1] = name + "=alice"
		if res := w.clone.Run("", "git", "push", "-q", "--force", "origin", "HEAD:main"); res.Code != 0 {
			t.Errorf("%s: alice may not: %s", name, res.Stderr)
		}
		w.clone.Env = w.clone.Env[:len(w.clone.Env)-1]
		w.commit("a", name)
	}
}

// TestDeadline: a push that cannot be judged in time goes through, or not.
func TestDeadline(t *testing.T) {
	for fail, ok := range map[string]bool{"open": true, "closed": false} {
		w := newWorld(t, require+"timeout = \"1s\"\nfail = \""+fail+"\"\n")
		w.holds("path:a")
		w.commit("a", "edit")
		slow := gittest.WrapGit(t, "if is rev-list; then sleep 30; fi")
		w.server.Write("hooks/pre-receive", strings.Replace(w.hook(), "RECEIVE", slow[0]+" RECEIVE", 1))
		words := map[bool]string{true: "not all of this push was checked: it took longer than 1s; going on", false: "could not be judged: it took longer than 1s"}
		w.want(ok, "bob", words[ok], "HEAD:main")
	}
}

// TestAlternates: objects of an alternate are found, and a refused push leaves none.
func TestAlternates(t *testing.T) {
	w := newWorld(t, require)
	w.holds("path:a")
	fork := gittest.NewRemote(t)
	fork.Write("objects/info/alternates", filepath.Join(w.server.Dir, "objects")+"\n")
	fork.Git("fetch", "-q", w.server.Dir, "+refs/*:refs/*")
	fork.Hook("pre-receive", w.hook())
	fork.Write("grite/receive.toml", "[receive]\n"+require)
	w.clone.Git("remote", "set-url", "origin", fork.Dir)
	w.commit("a", "edit")
	w.want(false, "bob", "locked by others", "HEAD:main")
	w.put(false, "", "it is held by", "path:a", record(bob, "path:a", hour, ""))
	before := objects(t, fork.Dir)
	w.want(false, "bob", "locked by others", "HEAD:main")
	if after := objects(t, fork.Dir); !slices.Equal(before, after) {
		t.Errorf("objects %q became %q", before, after)
	}
}

func objects(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.Walk(filepath.Join(dir, "objects"), func(path string, st os.FileInfo, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestLargePushes: thousands of commits, and then 200 branches, in one push.
func TestLargePushes(t *testing.T) {
	w := newWorld(t, require+"timeout = \"1m\"\nbranches = [\"main\", \"b/*\"]\n")
	last := many(3_000) - 1
	w.holds(fmt.Sprintf("path:f%d", last))
	var in strings.Builder
	for i := range last + 1 {
		fmt.Fprintf(&in, "commit refs/heads/long\ncommitter a <a> 0 +0000\ndata 2\nx\nM 100644 inline f%d\ndata <<E\n%d\nE\n\n", max(i%50, i/last*last), i)
	}
	w.clone.GitIn(in.String(), "fast-import", "--quiet")
	in.Reset()
	early := w.clone.Git("rev-parse", "long~1")
	for i := range 200 {
		fmt.Fprintf(&in, "create refs/heads/b/%d %s\n", i, early)
	}
	w.clone.GitIn(in.String(), "update-ref", "--stdin")
	found := fmt.Sprintf("  f%d  path:f%[1]d", last)
	w.server.Write("hooks/pre-receive", w.timed())
	w.want(false, "bob", found, "+long:main")
	t.Logf("%d commits judged in %s", last+1, w.took())
	w.want(true, "bob", "", "refs/heads/b/*:refs/heads/b/*")
	w.want(false, "bob", found, "+long:main")
	w.want(true, "alice", "", "+long:main")
}
