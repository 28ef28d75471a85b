package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// noteRefs lists the notes of a repository.
func noteRefs(r *gittest.Repo) []string {
	return strings.Fields(r.Git("for-each-ref", "--format=%(refname)", "refs/grite/notes"))
}

// TestAskFaults has servers that are away, that take no notes, and that hide them.
func TestAskFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct {
		name, said string
		apply      func(remote, bob *gittest.Repo)
	}{
		{"away", "does not appear to be a git repository", func(_, bob *gittest.Repo) { bob.Git("remote", "set-url", "origin", filepath.Join(bob.Dir, "nowhere")) }},
		{"hidden from pushes", "hidden ref", func(remote, _ *gittest.Repo) { remote.Git("config", "receive.hideRefs", "refs/grite/notes") }},
		{"hidden", "hidden ref", func(remote, _ *gittest.Repo) { remote.Git("config", "transfer.hideRefs", "refs/grite/notes") }},
		{"hidden from fetches", "hides refs/grite/notes from fetches", func(remote, _ *gittest.Repo) {
			remote.Git("config", "uploadpack.hideRefs", "refs/grite/notes")
		}},
		{"refused", "no notes here", func(remote, _ *gittest.Repo) {
			remote.Hook("pre-receive", "echo 'no notes here' >&2\n! grep -q ' refs/grite/notes/'")
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			remote, alice, bob := pair(t)
			grite(t, alice, "lock", "acquire", "-q", "-r", "path:src/")
			fault.apply(remote, bob)
			try(t, bob, "lock", "ask", "-r", "path:src/", "--message", "x").exits(5, fault.said)
			res := bob.Run("", "git-grite", "lock", "ask", "-r", "path:src/", "--message", "x", "--wait", "1s", "--json")
			came(t, "ask --json", res).exits(5, `"code":"environment"`)
			if left := noteRefs(remote); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			grite(t, alice, "lock", "renew", "--mine") // the locks do not mind
			try(t, alice, "lock", "status").exits(0).lacks("asks")
		})
	}
}

// TestAskLostAnswers loses the server's answers to the pushes of a question: in the
// end there is one note, or a failure that says so.
func TestAskLostAnswers(t *testing.T) {
	t.Parallel()
	for _, faults := range []string{"dropreply", "drop", "applied=502", "status=503 dropreply", "resetreply reset"} {
		t.Run(faults, func(t *testing.T) {
			t.Parallel()
			remote, alice, bob := pair(t)
			grite(t, alice, "lock", "acquire", "-q", "-r", "path:src/")
			url, env := gittest.Transports(t)[indexOf(t, "http")].Serve(t, remote.Dir)
			proxy := gittest.Proxy(t, url)
			bob.Git("remote", "set-url", "origin", proxy.URL)
			proxy.On(gittest.Script(t, faults))
			try(t, bob.With(env...), "lock", "ask", "-r", "path:src/", "--message", "how long?").exits(0, "Asked")
			if left := noteRefs(remote); len(left) != 1 {
				t.Errorf("%v", left)
			}
			try(t, alice, "lock", "status").exits(0, `"how long?"`)
		})
	}
}

func indexOf(t *testing.T, name string) int {
	t.Helper()
	for i, tr := range gittest.Transports(t) {
		if tr.Name == name {
			return i
		}
	}
	t.Fatalf("there is no transport %q", name)
	return 0
}

// TestAskHostile puts whatever anybody can push among the notes: nobody is told of
// it, locks and questions go on, no branch moves, and gc clears up.
func TestAskHostile(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	res := grite(t, alice, "lock", "acquire", "-r", "path:src/", "--json")
	var got struct {
		Data struct{ Lock struct{ Owner, Nonce string } }
	}
	if err := json.Unmarshal([]byte(res.Stdout), &got); err != nil {
		t.Fatal(err)
	}
	key := strings.TrimPrefix(gittest.LockRef("path:src/"), "refs/grite/locks/")
	asker := strings.Repeat("ab", 16)
	name := key + "/" + strings.TrimPrefix(gittest.LockRef(asker), "refs/grite/locks/")
	note := func(change ...string) string {
		text := fmt.Sprintf(`{"resource": "path:src/", "nonce": %q, "wanted": "path:src/", "holder": %q, "asker": %q, "message": "EVIL", "asked_unix_ms": %d}`,
			got.Data.Lock.Nonce, got.Data.Lock.Owner, asker, time.Now().UnixMilli())
		return strings.NewReplacer(change...).Replace(text)
	}
	write := func(file, text string, parents ...string) string {
		blob := remote.GitIn(text, "hash-object", "-w", "--stdin")
		tree := remote.GitIn("100644 blob "+blob+"\t"+file+"\n", "mktree")
		return remote.GitIn("x\n", append([]string{"commit-tree", tree}, parents...)...)
	}
	main := remote.Git("rev-parse", "refs/heads/main")
	for what, oid := range map[string]string{
		"no JSON":       write("note.json", "EVIL"),
		"no file":       write("lock.json", note()),
		"parents":       write("note.json", note(), "-p", main),
		"large":         write("note.json", note("EVIL", "EVIL"+strings.Repeat("x", 1<<20))),
		"long":          write("note.json", note("EVIL", "EVIL"+strings.Repeat("x", 500))),
		"control":       write("note.json", note("EVIL", `EVIL\u001b[2J`)),
		"two lines":     write("note.json", note("EVIL", `EVIL\nrun this`)),
		"other place":   write("note.json", note(asker, strings.Repeat("cd", 16))),
		"other grant":   write("note.json", note(got.Data.Lock.Nonce, "another")),
		"other holder":  write("note.json", note(got.Data.Lock.Owner, asker)),
		"no holder":     write("note.json", note(got.Data.Lock.Owner, "x")),
		"deep":          write("note.json", strings.Repeat("[", 9000)),
		"a blob":        remote.GitIn(note(), "hash-object", "-w", "--stdin"),
		"before time":   write("note.json", note(`"asked_unix_ms": `, `"asked_unix_ms": -`)),
		"beyond time":   write("note.json", note(`"asked_unix_ms": `, `"asked_unix_ms": 99999999`)),
		"bad resource":  write("note.json", note(`"wanted": "path:src/"`, `"wanted": "path:../x"`)),
		"branch's head": main,
	} {
		remote.Git("update-ref", "refs/grite/notes/"+name, oid)
		for _, args := range [][]string{{"lock", "status"}, {"lock", "renew", "--mine", "--ttl", "2h"}, {"lock", "status", "--json"}} {
			try(t, alice, args...).exits(0).lacks("EVIL")
		}
		if head := remote.Git("rev-parse", "refs/heads/main"); head != main {
			t.Fatalf("%s: main is %s now", what, head)
		}
	}
	remote.Git("update-ref", "-d", "refs/grite/notes/"+name)
	remote.Git("symbolic-ref", "refs/grite/notes/"+name, "refs/heads/main")
	remote.Git("update-ref", "refs/grite/notes/"+strings.Repeat("0", 16), main)   // in the place of a directory
	remote.Git("update-ref", "refs/grite/notes/a/very/deep/name", write("x", "")) // no name of ours
	try(t, bob, "lock", "ask", "-r", "path:src/", "--message", "still there?").exits(0, "Asked")
	try(t, alice, "lock", "status").exits(0, `"still there?"`).lacks("EVIL")
	try(t, alice, "lock", "gc").exits(0)
	if left := strings.Join(noteRefs(remote), " "); strings.Contains(left, "deep") || strings.Contains(left, strings.Repeat("0", 16)) {
		t.Errorf("gc left %s", left)
	}
	if head := remote.Git("rev-parse", "refs/heads/main"); head != main {
		t.Fatalf("main is %s now", head)
	}
}

// TestAskBlocked has refs in the place of the directories that a note needs, here
// and on the remote.
func TestAskBlocked(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	grite(t, alice, "lock", "acquire", "-q", "-r", "path:src/")
	key := strings.TrimPrefix(gittest.LockRef("path:src/"), "refs/grite/locks/")
	main := remote.Git("rev-parse", "refs/heads/main")
	remote.Git("update-ref", "refs/grite/notes", main)
	try(t, bob, "lock", "ask", "-r", "path:src/", "--message", "one").exits(0)
	remote.Git("update-ref", "-d", noteRefs(remote)[0])
	remote.Git("update-ref", "refs/grite/notes/"+key, main)
	try(t, bob, "lock", "ask", "-r", "path:src/", "--message", "two").exits(0)
	mirror := filepath.Join(bob.Dir, ".git/refs/git-grite/notes/origin")
	if err := os.RemoveAll(mirror); err != nil {
		t.Fatal(err)
	}
	bob.Write(".git/refs/git-grite/notes/origin", main+"\n")
	try(t, bob, "lock", "ask", "-r", "path:src/", "--message", "three").exits(0)
	bob.Git("symbolic-ref", "refs/git-grite/notes/origin/"+key+"/"+strings.Repeat("0", 16), "refs/heads/main")
	try(t, bob, "lock", "ask", "-r", "path:src/", "--message", "four").exits(0)
	try(t, alice, "lock", "status").exits(0, `"four"`)
	if head := bob.Git("rev-parse", "refs/heads/main"); head != main {
		t.Errorf("main is %s now", head)
	}
}

// TestAskQuotes has a message that looks like the end of a quotation and words of
// ours behind it.
func TestAskQuotes(t *testing.T) {
	t.Parallel()
	_, alice, bob := pair(t)
	grite(t, alice, "lock", "acquire", "-q", "-r", "path:src/")
	grite(t, bob, "lock", "ask", "-r", "path:src/", "--message", `x\"; now run: git grite lock break`)
	try(t, alice, "lock", "status").exits(0, `ago: "x\\\"; now run: git grite lock break"; git grite lock answer -r path:src/`)
	for _, bad := range []string{"two\nlines", "\x1b[2J", "\u202e", strings.Repeat("x", 501), "\xff"} {
		try(t, bob, "lock", "ask", "-r", "path:src/", "--message", bad).exits(2, "message")
		try(t, alice, "lock", "answer", "-r", "path:src/", "--message", bad).exits(2, "message")
	}
}

// TestAskFlood has more notes than anybody wants to be told of.
func TestAskFlood(t *testing.T) {
	t.Parallel()
	remote, alice, bob := pair(t)
	grite(t, alice, "lock", "acquire", "-q", "-r", "path:src/")
	grite(t, bob, "lock", "ask", "-r", "path:src/", "--message", "MARK")
	text := remote.Git("cat-file", "-p", noteRefs(remote)[0]+":note.json")
	var asker string
	for line := range strings.Lines(text) {
		if _, id, ok := strings.Cut(line, `"asker": "`); ok {
			asker = id[:32]
		}
	}
	var in strings.Builder
	for i := range 300 {
		id := fmt.Sprintf("%032x", i)
		ref := strings.ReplaceAll(gittest.LockRef("path:src/"), "/locks/", "/notes/") + "/" + strings.TrimPrefix(gittest.LockRef(id), "refs/grite/locks/")
		forged := strings.ReplaceAll(text, asker, id)
		fmt.Fprintf(&in, "commit %s\ncommitter a <a> 0 +0000\ndata 0\nM 100644 inline note.json\ndata %d\n%s\n", ref, len(forged), forged)
	}
	remote.GitIn(in.String(), "fast-import", "--quiet")
	res := try(t, alice, "lock", "status").exits(0, "15 more messages about locks: git grite lock log")
	if n := strings.Count(res.Stderr, "MARK"); n != 5 {
		t.Errorf("%d messages were told: %s", n, res.Stderr)
	}
	grite(t, alice, "lock", "acquire", "-q", "-r", "path:free/")
}
