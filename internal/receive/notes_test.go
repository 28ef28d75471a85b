package receive_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestNotes is what may be asked and answered, and by whom.
func TestNotes(t *testing.T) {
	w := newWorld(t, "trust = \"listed\"\n[receive.actors]\nalice = [\""+alice+"\"]\nbob = [\""+bob+"\"]\n")
	key := func(of string) string { return strings.TrimPrefix(gittest.LockRef(of), "refs/grite/locks/") }
	ref := "refs/grite/notes/" + key("path:a") + "/" + key(bob)
	asked := fmt.Sprintf(`{"resource": "path:a", "nonce": "n", "wanted": "path:a/b", "holder": %q, "asker": %q, "message": "may I?", "asked_unix_ms": 1}`, alice, bob)
	note := func(change ...string) string {
		blob := w.clone.GitIn(strings.NewReplacer(change...).Replace(asked), "hash-object", "-w", "--stdin")
		return w.clone.GitIn("Note\n", "commit-tree", w.clone.GitIn("100644 blob "+blob+"\tnote.json\n", "mktree"))
	}
	answered := note(`"asked_unix_ms": 1`, `"asked_unix_ms": 1, "answer": "no", "answered_unix_ms": 2`)
	for _, refused := range []struct{ who, words, oid, ref string }{
		{"alice", "neither who asks nor who is asked is an actor of alice", note(), ref},
		{"alice", "neither who asks", answered, ref}, // there is no question yet
		{"carol", "neither who asks", note(), ref},
		{"", "actor of somebody without a login", note(), ref},
		{"bob", "it belongs to " + key("path:c") + "/", note(`"path:a",`, `"path:c",`), ref},
		{"bob", "it belongs to ", note(bob, alice), ref},
		{"bob", "the message is 501 bytes long", note("may I?", strings.Repeat("x", 501)), ref},
		{"bob", "unprintable", note("may I?", `\u001b[2J`), ref},
		{"bob", "its blob is larger than 16384 bytes", note("may I?", strings.Repeat("x", 20<<10)), ref},
		{"bob", "is no note", note(asked, "no"), ref},
		{"bob", "it holds no note.json", w.write(asked), ref},
		{"bob", "it has parents", w.clone.GitIn("x", "commit-tree", "-p", "HEAD", "HEAD^{tree}"), ref},
		{"bob", "no such ref is kept here", note(), "refs/grite/notes/" + key("path:a")},
		{"bob", "no such ref is kept here", note(), ref + "/more"},
		{"bob", "no such ref is kept here", note(), "refs/grite/notes"},
	} {
		w.want(false, refused.who, refused.words, refused.oid+":"+refused.ref)
	}
	w.want(true, "bob", "", note()+":"+ref)
	w.want(false, "alice", "neither who asks", "+"+note("may I?", "will I?")+":"+ref)
	w.want(false, "alice", "neither who asks", "+"+note("may I?", "will I?", `"asked_unix_ms": 1`, `"asked_unix_ms": 1, "answer": "no"`)+":"+ref)
	w.want(false, "carol", "neither who asks", "+"+answered+":"+ref)
	w.want(true, "alice", "", "+"+answered+":"+ref)
	w.want(true, "bob", "", "+"+note("may I?", "and now?")+":"+ref)
	w.want(true, "carol", "", ":"+ref) // as gc does
}
