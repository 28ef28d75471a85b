package issue

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/wal"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// memory is a log of chunks, of which the head is the number.
type memory struct {
	chunks [][]wal.Event
	read   int // chunks that were read
}

func (m *memory) head() git.OID { return git.OID(fmt.Sprintf("%040x", len(m.chunks))) }

func (m *memory) Heads(context.Context) (wal.Heads, error) {
	return wal.Heads{Here: m.head()}, nil
}

func (m *memory) List(_ context.Context, _, known wal.Heads) (refs []wal.ChunkRef, whole bool, err error) {
	from := 0
	if known.Here != "" {
		fmt.Sscanf(string(known.Here), "%x", &from)
	}
	for i := from; i < len(m.chunks); i++ {
		refs = append(refs, wal.ChunkRef{ID: git.OID(fmt.Sprintf("%040x", i))})
	}
	return refs, from == 0, nil
}

func (m *memory) Read(_ context.Context, refs []wal.ChunkRef, see func(wal.Chunk)) error {
	for _, ref := range refs {
		var i int
		fmt.Sscanf(string(ref.ID), "%x", &i)
		m.read++
		see(wal.Chunk{ID: ref.ID, Events: m.chunks[i]})
	}
	return nil
}

// kept is a tracker that keeps its index in memory.
func kept(l Log) *Tracker {
	var index []byte
	return &Tracker{Log: l, Load: func() []byte { return index }, Save: func(b []byte) { index = b }}
}

// TestIndex: an index that grows with the log is the same as one that is made
// at once, and as the fold of each issue's events, however they are divided.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		l := &memory{}
		growing := kept(l)
		var grown *Index
		for rest := events; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			l.chunks, rest = append(l.chunks, rest[:n]), rest[n:]
			if rapid.Bool().Draw(t, "look") || len(rest) == 0 {
				var err error
				if grown, err = growing.Index(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(events) == 0 {
			return
		}
		whole, err := (&Tracker{Log: l}).Index(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var want []Issue
		for id := byte(1); id <= 3; id++ {
			of := slices.DeleteFunc(slices.Clone(events), func(e wal.Event) bool { return e.Issue[0] != id })
			if is, ok := Fold(of); ok {
				shown, _, err := growing.Show(t.Context(), grown, is.ID)
				if err != nil || !reflect.DeepEqual(shown, is) {
					t.Fatalf("%+v is shown as %+v, %v", is, shown, err)
				}
				is.Body = ""
				want = append(want, is)
			}
		}
		for name, x := range map[string]*Index{"grown": grown, "whole": whole} {
			got := x.All()
			if !slices.EqualFunc(got, want, func(a, b Issue) bool { return reflect.DeepEqual(a, b) }) {
				t.Fatalf("%s:\n%+v\nnot\n%+v", name, got, want)
			}
		}
		before := l.read
		again, err := growing.Index(t.Context())
		if err != nil || l.read != before || !reflect.DeepEqual(again.encode(), grown.encode()) {
			t.Fatalf("%d chunks were read for nothing, %v", l.read-before, err)
		}
	})
}

// TestIndexLost: an index that is damaged, cut off or of another version is made
// again.
func TestIndexLost(t *testing.T) {
	l := &memory{chunks: [][]wal.Event{{made(t, wal.IssueID{1}, alice, 1, Created{Title: "T"})}}}
	first := kept(l)
	want, err := first.Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	index := first.Load()
	for n := range index {
		damaged := slices.Clone(index[:n])
		if n > 0 {
			damaged[0] ^= byte(n)
		}
		tr := &Tracker{Log: l, Load: func() []byte { return damaged }}
		if x, err := tr.Index(t.Context()); err != nil || !reflect.DeepEqual(x.All(), want.All()) {
			t.Fatalf("cut off after %d bytes: %+v, %v", n, x, err)
		}
	}
	other := slices.Clone(index)
	other[1]++
	if _, err := decodeIndex(other); !errors.Is(err, errIndex) {
		t.Errorf("another version: %v", err)
	}
}

func TestFind(t *testing.T) {
	var events []wal.Event
	for _, id := range []string{"abcd0000000000000000000000000000", "abcd1000000000000000000000000000", "abcdef00000000000000000000000001", "ffffffffffffffffffffffffffffffff"} {
		events = append(events, made(t, wal.IssueID(unhex(t, id)), alice, 1, Created{Title: id}))
	}
	events = append(events, made(t, wal.IssueID(unhex(t, "12340000000000000000000000000000")), alice, 1, Commented{"stray"}))
	x, err := (&Tracker{Log: &memory{chunks: [][]wal.Event{events}}}).Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for prefix, want := range map[string]string{
		"abcd0": "abcd0000000000000000000000000000", "ABCDE": "abcdef00000000000000000000000001", "ffff": strings.Repeat("f", 32), strings.Repeat("f", 32): strings.Repeat("f", 32),
		"abcd": "ambiguous", "1234": "missing", "0000": "missing", strings.Repeat("f", 31) + "e": "missing",
		"": "bad", "abc": "bad", "abcg": "bad", "abcd ": "bad", strings.Repeat("f", 33): "bad",
	} {
		is, err := x.Find(prefix)
		var ambiguous *AmbiguousError
		var missing *NotFoundError
		got := is.Title
		switch {
		case errors.As(err, &ambiguous) && len(ambiguous.IDs) == 3:
			got = "ambiguous"
		case errors.As(err, &missing):
			got = "missing"
		case errors.Is(err, ErrPrefix):
			got = "bad"
		case err != nil:
			t.Error(err)
		}
		if got != want {
			t.Errorf("%q is %s, not %s", prefix, got, want)
		}
	}
}

// TestShort: the beginning of an id by which a list names an issue finds it.
func TestShort(t *testing.T) {
	l := &memory{}
	ids := []wal.IssueID{{}, {1}, {1, 2, 3, 4}, {1, 2, 3, 4, 0x50}, {1, 2, 3, 4, 0x51}, {1, 2, 3, 5}, {0xff}}
	for i, id := range ids {
		l.chunks = append(l.chunks, []wal.Event{made(t, id, alice, uint64(i+1), Created{Title: "T"})})
	}
	x, err := (&Tracker{Log: l}).Index(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	digits := []int{8, 8, 9, 10, 10, 8, 8}
	for i, id := range ids {
		short := x.Short(id)
		if is, err := x.Find(short); err != nil || is.ID != id || len(short) != digits[i] {
			t.Errorf("%s is %q: %v, %v", id, short, is.ID, err)
		}
	}
}
