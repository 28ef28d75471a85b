package wal

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/cbor"
	"github.com/git-grite/git-grite/internal/gittest"
)

// byHand appends a commit with plain plumbing, as another program would: files
// by path, with the parents given.
func byHand(r *gittest.Repo, files map[string][]byte, parents ...string) string {
	index := filepath.Join(r.Dir, "by-hand-index")
	os.Remove(index)
	r = r.With("GIT_INDEX_FILE=" + index)
	for path, content := range files {
		oid := r.GitIn(string(content), "hash-object", "-w", "--stdin")
		r.Git("update-index", "--add", "--cacheinfo", "100644,"+oid+","+path)
	}
	args := []string{"commit-tree", "-m", "by hand", r.Git("write-tree")}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	commit := r.Git(args...)
	r.Git("update-ref", string(Ref), commit)
	return commit
}

// composed is a chunk that the test's own writer has made.
func composed(t testing.TB, events ...Event) []byte {
	list := []any{}
	for _, e := range events {
		var parent, sig any
		if e.Parent != nil {
			parent = e.Parent[:]
		}
		if e.Sig != nil {
			sig = e.Sig
		}
		list = append(list, []any{e.ID[:], e.Issue[:], e.Actor[:], e.Time, parent, uint64(e.Kind), parse(t, e.Payload), sig})
	}
	return append([]byte("GRITECNK\x01\x00\x07cbor-v1"), compose(list)...)
}

// TestByHand: a log in the format of grite that shares no code with this
// package, with several events in a chunk, an old chunk that is carried along,
// and a merge of two lines.
func TestByHand(t *testing.T) {
	r := gittest.New(t)
	var events []Event
	for _, v := range vectors(t) {
		events = append(events, v.event(t))
	}
	meta := func(hash, prev string) []byte {
		return fmt.Appendf(nil, "{\n  \"schema_version\": 1,\n  \"actor_id\": %q,\n  \"chunk_hash\": %q,\n  \"prev_wal\": %s\n}", events[0].Actor, hash, prev)
	}
	first, second, third := composed(t, events[:3]...), composed(t, events[3]), composed(t, events[4:]...)
	name := func(chunk []byte) string { return "events/2023/11/14/" + chunkHash(chunk) + ".bin" }
	a := byHand(r, map[string][]byte{"meta.json": meta(chunkHash(first), "null"), name(first): first})
	b := byHand(r, map[string][]byte{"meta.json": meta(chunkHash(second), `"`+a+`"`), name(second): second, name(first): first}, a)
	c := byHand(r, map[string][]byte{"meta.json": meta(chunkHash(third), `"`+a+`"`), name(third): third}, a)
	byHand(r, map[string][]byte{"meta.json": []byte("not JSON")}, b, c)
	m := join(t, r, 0)
	m.mustHave(events...)
	if _, repeated := m.ids(); repeated > 0 {
		t.Errorf("%d events twice", repeated)
	}
	last := m.mustAppend(false)
	m.mustHave(append(events, last)...)

	// The other writer's reader finds what was appended here at the end.
	tip := r.Git("rev-parse", string(Ref))
	path := r.Git("ls-tree", "-r", "--name-only", tip, "events")
	chunk := r.Run("", "git", "cat-file", "blob", tip+":"+path).Stdout
	fields := parse(t, []byte(strings.TrimPrefix(chunk, chunkHead))).([]any)[0].([]any)
	if !bytes.Equal(fields[0].([]byte), last.ID[:]) || fields[6].([]any)[0] != "comment 1" || !strings.Contains(path, chunkHash([]byte(chunk))) {
		t.Errorf("%s has %v", path, fields)
	}
}

// TestHostile: whatever is in a log that others can push to, the sound events
// are read and the rest is counted.
func TestHostile(t *testing.T) {
	gittest.Unhealthy(t, "objects are missing and under wrong names")
	r := gittest.New(t)
	good := vectors(t)
	event := func(i int) Event { return good[i].event(t) }
	forged := event(1)
	forged.ID[5] ^= 1
	million := cbor.AppendArray([]byte(chunkHead), 1_000_000)
	for range 1_000_000 {
		million = append(million, 0x80)
	}
	named := func(chunk []byte) map[string][]byte {
		return map[string][]byte{"events/1/" + chunkHash(chunk) + ".bin": chunk}
	}
	tip := byHand(r, named(encodeChunk([]Event{event(0)})))
	for _, files := range []map[string][]byte{
		named(encodeChunk([]Event{forged, event(1)})),
		named(make([]byte, 100<<20)),
		named(million),
		named([]byte("GRITECNK\x02\x00\x07cbor-v1\x80")),
		named(nil),
		{"events/wrong.bin": encodeChunk([]Event{event(2)})},
		{"odd\nname.bin": encodeChunk([]Event{event(3)})},
		{"\xff\xfe.bin/a.bin": []byte("x"), "no chunk": []byte("y")},
		{},
		{"meta.json": []byte(`{"prev_wal": "` + tip + `", "prev_wal": ["../x"]`)},
		named(encodeChunk([]Event{unknownKind()})),
	} {
		tip = byHand(r, files, tip)
	}
	m := join(t, r, 0)
	ids, bad, damaged := count(m)
	// The file with a line feed in its name is not seen: git's list of objects
	// ends at that.
	if len(ids) != 4 || !ids[event(1).ID] || !ids[event(2).ID] || !ids[unknownKind().ID] || bad != 1 {
		t.Errorf("%d events, %d malformed", len(ids), bad)
	}
	if len(damaged) != 7 {
		t.Errorf("%d damaged chunks: %v", len(damaged), damaged)
	}
	e := m.mustAppend(false)
	if ids, _, _ := count(m); !ids[e.ID] || len(ids) != 5 {
		t.Errorf("%d events after one was appended", len(ids))
	}

	// Objects that are missing, or that git cannot read.
	blob := func(files map[string][]byte) string {
		for _, content := range files {
			return r.GitIn(string(content), "hash-object", "--stdin")
		}
		return ""
	}
	file := func(oid string) string { return filepath.Join(r.Dir, ".git/objects", oid[:2], oid[2:]) }
	missing, corrupt := blob(named(encodeChunk([]Event{unknownKind()}))), blob(named(encodeChunk([]Event{event(0)})))
	os.Remove(file(missing))
	os.Remove(file(corrupt))
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	z.Write([]byte("blob 5\x00other"))
	z.Close()
	if err := os.WriteFile(file(corrupt), packed.Bytes(), 0o444); err != nil {
		t.Fatal(err)
	}
	ids, _, damaged = count(m)
	if len(ids) != 3 || len(damaged) < 8 || !ids[e.ID] {
		t.Errorf("%d events, %d damaged chunks: %v", len(ids), len(damaged), damaged)
	}
}

// count reads the log as it is: the sound events, and what is wrong.
func count(m *member) (ids map[EventID]bool, bad int, damaged []error) {
	m.t.Helper()
	heads, err := m.Heads(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	refs, _, err := m.List(m.t.Context(), heads, Heads{})
	if err != nil {
		m.t.Fatal(err)
	}
	ids = map[EventID]bool{}
	err = m.Read(m.t.Context(), refs, func(c Chunk) {
		bad += c.Bad
		if c.Err != nil {
			damaged = append(damaged, c.Err)
		}
		for _, e := range c.Events {
			ids[e.ID] = true
		}
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return ids, bad, damaged
}

// TestHeadNotThere: a ref whose commit is missing is damage with a name, and a
// symbolic ref is not followed.
func TestHeadNotThere(t *testing.T) {
	gittest.Unhealthy(t, "the ref has no object")
	r := gittest.New(t)
	m := join(t, r, 0)
	r.Git("symbolic-ref", string(Ref), "refs/heads/main")
	if _, err := m.Append(t.Context(), []Event{m.event()}, false); err == nil || !strings.Contains(err.Error(), "not an ordinary ref") {
		t.Errorf("symbolic: %v", err)
	}
	r.Git("symbolic-ref", "--delete", string(Ref))
	r.Write(".git/"+string(Ref), strings.Repeat("ab", 20)+"\n")
	if _, _, err := m.List(t.Context(), Heads{Here: "abababababababababababababababababababab"}, Heads{}); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("missing: %v", err)
	}
}
