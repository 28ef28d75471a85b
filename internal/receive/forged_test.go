package receive_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

const hour = time.Hour

// tombstone is the record of a broken lock.
func tombstone(by, owner, nonce, resource string) string {
	return fmt.Sprintf(`{"owner": %q, "nonce": "t", "expires_unix_ms": 0, "resource": %q, "broken_nonce": %q, "broken_owner": %q}`, by, resource, nonce, owner)
}

// TestForgedRecords is what somebody with plain git may try.
func TestForgedRecords(t *testing.T) {
	const a = "path:a"
	w := newWorld(t, "max_ttl = \"2h\"\n")
	blob := w.clone.GitIn(record(alice, a, hour, ""), "hash-object", "-w", "--stdin")
	commit := func(tree string, args ...string) string {
		return w.clone.GitIn("Lock\n", append([]string{"commit-tree", w.clone.GitIn(tree, "mktree")}, args...)...)
	}
	tree, head := w.clone.GitIn("100644 blob "+blob+"\tlock.json\n", "mktree"), w.clone.Git("rev-parse", "HEAD")
	bare := w.clone.GitIn("tree "+tree+"\nparent "+head+"\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n", "hash-object", "-w", "-t", "commit", "--literally", "--stdin")
	big := strings.Repeat("x", 20<<10)
	for name, c := range map[string]struct{ oid, words string }{
		"parents":             {commit("100644 blob "+blob+"\tlock.json\n", "-p", "HEAD"), "it has parents"},
		"parents, no message": {bare, "it has parents"},
		"two files":           {commit("100644 blob " + blob + "\tlock.json\n100644 blob " + blob + "\tmore\n"), "something else than one file"},
		"many files":          {commit(strings.Join([]string{"100644 blob " + blob + "\ta\n", "100644 blob " + blob + "\tb\n", "100644 blob " + blob + "\tc\n", "100644 blob " + blob + "\td\n", "100644 blob " + blob + "\tlock.json\n"}, "")), "tree is larger"},
		"executable":          {commit("100755 blob " + blob + "\tlock.json\n"), "something else than one file"},
		"other name":          {commit("100644 blob " + blob + "\tother\n"), "it holds no lock.json"},
		"large":               {w.write(record(alice, a, hour, `, "x": "`+big+`"`)), "its blob is larger than 16384 bytes"},
		"large commit":        {w.clone.GitIn(big, "commit-tree", w.clone.GitIn("100644 blob "+blob+"\tlock.json\n", "mktree")), "its commit is larger"},
		"a blob":              {blob, "it is a blob, not a commit"},
		"not JSON":            {w.write("no"), "not a JSON object"},
		"no owner":            {w.write(`{"nonce": "n", "expires_unix_ms": 1, "resource": "path:a"}`), `has no "owner"`},
		"other ref":           {w.write(record(alice, "path:b", hour, "")), "its resource belongs to " + gittest.LockRef("path:b")},
		"nonce":               {w.write(strings.Replace(record(alice, a, hour, ""), "n-a1", `n\u0000a1`, 1)), "unprintable"},
		"label":               {w.write(record(alice, a, hour, `, "label": "\u202eevil"`)), "unprintable"},
		"long reason":         {w.write(record(alice, a, hour, `, "reason": "`+big[:201]+`"`)), "longer than 200 bytes"},
		"long lease":          {w.write(record(alice, a, 3*hour, "")), "longer than the 2h0m0s"},
		"endless lease":       {w.write(strings.Replace(record(alice, a, hour, ""), "expires_unix_ms\": ", "expires_unix_ms\": 99999", 1)), "longer than the 2h0m0s"},
		"claimed lease":       {w.write(record(alice, a, hour, `, "ttl_ms": 10800000`)), "longer than the 2h0m0s"},
		"before the time":     {w.write(fmt.Sprintf(`{"owner": %q, "nonce": "n", "expires_unix_ms": -5, "resource": "path:a"}`, alice)), "before there was time"},
		"bad pattern":         {w.write(record(alice, "path:../x", hour, "")), "outside the repository"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.want(false, "", c.words, c.oid+":"+gittest.LockRef(a))
		})
	}
	if refs := w.server.Git("for-each-ref", "refs/grite"); refs != "" {
		t.Errorf("the server has %s", refs)
	}
}

// TestNamesOfRefs is what else may be pushed under our names.
func TestNamesOfRefs(t *testing.T) {
	w := newWorld(t, "")
	good, waiting := w.write(record(alice, "path:a", hour, "")), "refs/git-grite/waiting/0123456789abcdef-17-n0"
	for ref, ok := range map[string]bool{
		"refs/grite/locks": false, "refs/grite/locks/short": false, gittest.LockRef("path:a") + "/x": false, gittest.LockRef("path:a"): true,
		"refs/grite/wal": true, "refs/grite/snapshots/1": true, "refs/grite/other": false, "refs/git-grite/remotes/origin/x": false,
		waiting: true, "refs/git-grite/waiting/x": false, "refs/heads/topic": true, "refs/notes/commits": true,
	} {
		w.want(ok, "", "", good+":"+ref)
	}
	w.want(false, "", "it has parents", "+"+w.clone.GitIn("x", "commit-tree", "-p", "HEAD", "HEAD^{tree}")+":"+waiting)
	w.server.Git("update-ref", "refs/grite/other", w.server.Git("rev-parse", "main"))
	w.want(true, "", "", ":refs/grite/other", ":"+waiting)

	own := newWorld(t, "allow = [\"refs/grite/other\"]\n")
	own.want(true, "", "", "HEAD:refs/grite/other")
	own.want(false, "", "no such ref is kept here", "HEAD:refs/grite/wal")
}

// TestLocksOfOthers: with logins, nobody changes what belongs to somebody else.
func TestLocksOfOthers(t *testing.T) {
	const a = "path:a"
	w := newWorld(t, "")
	w.put(true, "alice", "", a, record(alice, a, hour, `, "label": "alice@example.com"`))
	held := "it is held by alice@example.com (a1a1a1a1) for"
	w.put(false, "bob", held, a, record(bob, a, hour, ""))
	w.del(false, "bob", held, a)
	w.put(false, "bob", "is not an actor of bob", a, record(alice, a, 2*hour, "")) // forged renewal
	w.put(false, "bob", "is not an actor of bob", "path:z", record(alice, "path:z", hour, ""))
	w.put(false, "", "is not an actor of somebody without a login", a, record(alice, a, 2*hour, ""))
	w.del(false, "", held, a)
	w.put(false, "bob", held, a, tombstone(bob, alice, "another", a))
	w.put(false, "bob", held, a, tombstone(bob, bob, "n-"+alice, a))
	w.put(false, "bob", "is not an actor of bob", a, tombstone(alice, alice, "n-"+alice, a))
	w.put(true, "alice", "", a, record(alice, a, 2*hour, ""))
	w.put(true, "bob", "", a, tombstone(bob, alice, "n-"+alice, a))
	w.put(true, "alice", "", a, record(alice, a, time.Millisecond, ""))
	time.Sleep(5 * time.Millisecond)
	w.put(true, "bob", "", a, record(bob, a, hour, ""))
	w.del(true, "bob", "", a)
	if pins, err := os.ReadFile(filepath.Join(w.server.Dir, "grite/pins")); err != nil || strings.Count(string(pins), "\n") != 2 {
		t.Errorf("pins %q, %v", pins, err)
	}
	w.server.Git("update-ref", gittest.LockRef(a), "main")
	w.put(true, "bob", "", a, record(bob, a, hour, "")) // a damaged record protects nobody
}

// TestAnonymous: without logins a lock is still not overwritten by another owner's.
func TestAnonymous(t *testing.T) {
	const a = "path:a"
	w := newWorld(t, "")
	w.put(true, "", "", a, record(alice, a, hour, ""))
	w.put(false, "", "it is held by", a, record(bob, a, hour, ""))
	w.put(true, "", "", a, tombstone(bob, alice, "n-"+alice, a))
}

func TestClockSkew(t *testing.T) {
	const a = "path:a"
	w := newWorld(t, "clock_skew = \"1m\"\n")
	w.put(true, "alice", "", a, record(alice, a, -time.Second, ""))
	w.put(false, "bob", "until 5", a, record(bob, a, hour, ""))
	w.put(true, "alice", "", a, record(alice, a, -2*time.Minute, ""))
	w.put(true, "bob", "", a, record(bob, a, hour, ""))
}

func TestActorsOfLogins(t *testing.T) {
	w := newWorld(t, "trust = \"listed\"\n[receive.actors]\nalice = [\""+alice+"\", \"alice@example.com\"]\nbob = [\"bob@example.com\"]\n")
	label := func(s string) string { return `, "label": "` + s + `"` }
	carol := strings.Repeat("c3", 16)
	for _, c := range []struct {
		as, owner, label string
		ok               bool
	}{
		{"alice", alice, "", true}, {"alice", carol, "", false}, {"alice", carol, "alice@example.com", true}, {"alice", carol, "alice@example.com/tree", true},
		{"bob", carol, "alice@example.com", false}, {"bob", alice, "", false}, {"bob", alice, "bob@example.com", false}, {"alice", alice, "bob@example.com", false},
		{"bob", bob, "bob@example.com", true}, {"bob", bob, "bob@example.community", false}, {"carol", carol, "", false}, {"", carol, "", false},
	} {
		w.put(c.ok, c.as, "", "path:x", record(c.owner, "path:x", -time.Second, label(c.label)))
	}
}

func TestMaxLocks(t *testing.T) {
	w := newWorld(t, "max_locks = 2\n")
	spec := func(owner, r string) string {
		return "+" + w.write(record(owner, r, hour, "")) + ":" + gittest.LockRef(r)
	}
	w.want(true, "", "", spec(alice, "path:a"), spec(alice, "path:b"))
	w.want(false, "", "a1a1a1a1 would hold 3 locks; this server allows 2", spec(alice, "path:c"))
	w.want(true, "", "", spec(bob, "path:c"), spec(alice, "path:a"))
	w.want(true, "", "", ":"+gittest.LockRef("path:a"), spec(alice, "path:d"))
}

// TestManyLocks is thousands of locks in one push: a few processes, not one for each.
func TestManyLocks(t *testing.T) {
	w := newWorld(t, "max_locks = 20000\ntimeout = \"1m\"\n")
	var in strings.Builder
	n := many(2_000)
	for i := range n {
		json := record(alice, fmt.Sprintf("path:f%d", i), hour, "")
		fmt.Fprintf(&in, "blob\nmark :%d\ndata %d\n%s\ncommit %s\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\ndata 2\nx\nM 100644 :%d lock.json\n\n",
			i+1, len(json), json, gittest.LockRef(fmt.Sprintf("path:f%d", i)), i+1)
	}
	w.clone.GitIn(in.String(), "fast-import", "--quiet", "--force")
	trace := filepath.Join(t.TempDir(), "trace")
	w.server.Write("hooks/pre-receive", strings.Replace(w.timed(), "RECEIVE", "GIT_TRACE2_EVENT="+trace+" RECEIVE", 1))
	w.want(true, "alice", "", "refs/grite/locks/*:refs/grite/locks/*")
	t.Logf("%d locks judged in %s", n, w.took())
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(text), `"event":"start"`); got > 45 || got == 0 {
		t.Errorf("%d git processes", got)
	}
	if got := strings.Count(w.server.Git("for-each-ref", "refs/grite/locks"), "\n") + 1; got != n {
		t.Errorf("%d locks on the server", got)
	}
}

// many is a number of commits or locks that takes a second to push or, with
// GRITE_TEST_FULL, the ten thousand that are to be judged within one.
func many(n int) int {
	if os.Getenv("GRITE_TEST_FULL") == "1" {
		return 10_000
	}
	return n
}

// timed is the hook, which writes down what it took of the processor's time.
func (w *world) timed() string {
	return strings.TrimSpace(strings.Replace(w.hook(), "exec ", "", 1)) + "; code=$?; times >'" + filepath.Join(w.server.Dir, "took") + "'; exit $code\n"
}

// took is that of the last push: the user's and the system's.
func (w *world) took() string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.server.Dir, "took"))
	lines := strings.Split(string(text), "\n")
	if err != nil || len(lines) < 2 {
		w.t.Fatalf("%q, %v", text, err)
	}
	return lines[1]
}

func (w *world) hook() string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.server.Dir, "hooks/pre-receive"))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}
