package note_test

import (
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/note"
)

func sample(t testing.TB) note.Note {
	t.Helper()
	parse := func(s string) lock.Resource {
		r, err := lock.ParseRecorded(s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	return note.Note{
		Resource: parse("path:src/"), Wanted: parse("path:src/a.go"), Nonce: "n", Holder: lock.Owner(strings.Repeat("a1", 16)), HolderLabel: "alice",
		Asker: lock.Owner(strings.Repeat("b2", 16)), AskerLabel: "bob", Message: "may I <have> it?", Asked: time.UnixMilli(1700000000123),
	}
}

func TestNoteRoundTrip(t *testing.T) {
	n := sample(t)
	for range 2 {
		got, err := note.Parse(n.Name(), n.Encode())
		if err != nil || string(got.Encode()) != string(n.Encode()) || got.Name() != n.Name() || !got.SameQuestion(sample(t)) {
			t.Errorf("%+v, %v", got, err)
		}
		n.Answer, n.Answered = "no", n.Asked.Add(time.Second)
	}
	other := sample(t)
	if other.Message = "will I?"; n.SameQuestion(other) {
		t.Error("another message is the same question")
	}
}

// TestNoteOver keeps a note as long as its grant stands, and for a moment in any
// case: of one look, locks may be older than notes.
func TestNoteOver(t *testing.T) {
	n := sample(t)
	held := lock.Lock{Resource: n.Resource, Nonce: n.Nonce, Owner: n.Holder, Expires: n.Asked.Add(time.Hour)}
	again := held
	again.Nonce = "another"
	for _, c := range []struct {
		after time.Duration
		locks []lock.Lock
		over  bool
	}{
		{2 * time.Minute, []lock.Lock{held}, false},
		{2 * time.Hour, []lock.Lock{held}, true},
		{2 * time.Minute, []lock.Lock{again}, true},
		{2 * time.Minute, nil, true},
		{time.Second, nil, false},
		{-time.Hour, nil, true}, // asked in the future
	} {
		if over := n.Over(c.locks, n.Asked.Add(c.after)); over != c.over {
			t.Errorf("%+v: %v", c, over)
		}
	}
}

func FuzzParseNote(f *testing.F) {
	n := sample(f)
	f.Add(n.Name(), n.Encode())
	n.Answer = "no"
	f.Add(n.Name(), n.Encode())
	f.Add("a/b", []byte(`{"resource":"path:../x"}`))
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		n, err := note.Parse(name, text)
		if err != nil {
			return
		}
		if n.Name() != name || !note.Named(name) || len(n.Message) > note.MaxMessage || len(n.Answer) > note.MaxMessage {
			t.Errorf("%q: %+v", name, n)
		}
		if again, err := note.Parse(name, n.Encode()); err != nil || string(again.Encode()) != string(n.Encode()) {
			t.Errorf("%+v: %+v, %v", n, again, err)
		}
	})
}
