package issue

import (
	"errors"
	"math/rand"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/git-grite/git-grite/internal/cbor"
	"github.com/git-grite/git-grite/internal/wal"
)

var alice, bob = wal.ActorID{1}, wal.ActorID{2}

// made makes an event at a time in milliseconds.
func made(t testing.TB, id wal.IssueID, by wal.ActorID, at uint64, k Kind) wal.Event {
	t.Helper()
	e, err := event(id, by, at, k)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func ptr(s string) *string { return &s }

// TestVectors: what the events of grite's published vectors say, and that those
// that are written here are written in the same way.
func TestVectors(t *testing.T) {
	want := map[uint32]Kind{
		1:  Created{Title: "Test", Body: "Body", Labels: []string{"bug", "p0"}},
		2:  Updated{Title: ptr("Title 2")},
		3:  Commented{"Looks good"},
		4:  LabelAdded{"bug"},
		5:  LabelRemoved{"wip"},
		6:  StateChanged{Closed},
		7:  LinkAdded{URL: "https://example.com", Note: ptr("ref")},
		8:  AssigneeAdded{"alice"},
		9:  AssigneeRemoved{"alice"},
		10: AttachmentAdded{File: "log.txt", SHA256: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", MIME: "text/plain"},
		11: DependencyAdded{Target: "aabbccddeeff00112233445566778899", Type: "blocks"},
		12: DependencyRemoved{Target: "aabbccddeeff00112233445566778899", Type: "blocks"},
		13: ContextUpdated{Path: "src/main.rs", Language: "rust", Summary: "Entry point", ContentHash: strings.Repeat("aa", 32),
			Symbols: []Symbol{{"Config", "struct", 12, 20}, {"main", "function", 1, 10}}},
		14: ProjectContextUpdated{Key: "framework", Value: "actix-web"},
	}
	names := map[uint32]string{1: "IssueCreated", 2: "IssueUpdated", 3: "CommentAdded", 10: "AttachmentAdded", 14: "ProjectContextUpdated"}
	text, err := os.ReadFile("../wal/testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		n++
		words := strings.Fields(line)
		number, _ := strconv.Atoi(words[0])
		kind := uint32(number)
		// The payload is the end of what is hashed, after [1, 16 bytes, 16 bytes,
		// 8 bytes, null or 32 bytes, kind].
		skip := 2 + 17 + 17 + 9 + 1 + 1
		if kind == 3 {
			skip += 33
		}
		e := wal.Event{Kind: kind, Payload: unhex(t, words[1])[skip:]}
		k, err := Read(e)
		if err != nil || !reflect.DeepEqual(k, want[kind]) {
			t.Errorf("kind %d: %+v, %v", kind, k, err)
			continue
		}
		if name, ok := names[kind]; ok && k.Name() != name {
			t.Errorf("kind %d is called %s", kind, k.Name())
		}
		number2, payload, err := encode(k)
		if written := kind <= 6 || kind == 8 || kind == 9; written != (err == nil) {
			t.Errorf("kind %d: %v", kind, err)
		} else if written && (number2 != kind || !slices.Equal(payload, e.Payload)) {
			t.Errorf("kind %d is written as %d, %x", kind, number2, payload)
		}
	}
	if n != len(want) {
		t.Errorf("%d vectors", n)
	}
}

func TestFold(t *testing.T) {
	id := wal.IssueID{9}
	create := made(t, id, alice, 100, Created{Title: "T", Body: "B", Labels: []string{"b", "a", "b"}})
	tests := map[string]struct {
		events []wal.Event
		want   Issue
	}{
		"created": {nil, Issue{}},
		"closed":  {[]wal.Event{made(t, id, bob, 101, StateChanged{Closed})}, Issue{State: Closed, Updated: 101}},
		"closed and reopened": {[]wal.Event{
			made(t, id, bob, 102, StateChanged{Open}), made(t, id, bob, 101, StateChanged{Closed})}, Issue{Updated: 102}},
		"changed by a clock that is behind": {[]wal.Event{made(t, id, bob, 50, StateChanged{Closed})}, Issue{State: Closed}},
		"created again":                     {[]wal.Event{made(t, id, bob, 200, Created{Title: "X"})}, Issue{}},
		"edited": {[]wal.Event{
			made(t, id, bob, 103, Updated{Title: ptr("T2")}), made(t, id, bob, 104, Updated{Body: ptr("B2")})}, Issue{Title: "T2", Body: "B2", Updated: 104}},
		"labels": {[]wal.Event{
			made(t, id, bob, 101, LabelAdded{"c"}), made(t, id, bob, 102, LabelRemoved{"a"}), made(t, id, alice, 103, LabelAdded{"a"}),
			made(t, id, bob, 104, LabelRemoved{"c"}), made(t, id, bob, 105, LabelRemoved{"z"})}, Issue{Updated: 105}},
		"assignees": {[]wal.Event{
			made(t, id, bob, 101, AssigneeAdded{"y"}), made(t, id, bob, 101, AssigneeAdded{"x"}), made(t, id, bob, 105, AssigneeRemoved{"y"})},
			Issue{Assignees: []string{"x"}, Updated: 105}},
		"comments": {[]wal.Event{
			made(t, id, bob, 101, Commented{"one"}), made(t, id, bob, 101, Commented{"one"}), made(t, id, bob, 102, Commented{"one"})},
			Issue{Comments: 2, Updated: 102}},
		"malformed and unknown": {[]wal.Event{
			sealed(id, 300, 6, cbor.AppendText(cbor.AppendArray(nil, 1), "wontfix")), sealed(id, 301, 3, []byte{0x80}),
			sealed(id, 302, 4711, []byte{0xf6}), sealed(id, 303, 3, []byte{0x81, 0x61, 0xff}), sealed(id, 304, 3, []byte{0x81, 0x78, 0x01, 'x'})}, Issue{}},
	}
	for name, tt := range tests {
		want := Issue{ID: id, Title: "T", Body: "B", State: Open, Labels: []string{"a", "b"}, Author: alice, Created: 100, Updated: 100}
		w := tt.want
		want.Comments, want.Assignees = w.Comments, append([]string{}, w.Assignees...)
		if w.State != "" {
			want.State = w.State
		}
		if w.Title != "" {
			want.Title, want.Body = w.Title, w.Body
		}
		want.Updated = max(want.Updated, w.Updated)
		if got, ok := Fold(append(tt.events, create, create)); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v\nnot\n%+v", name, got, want)
		}
		if got, ok := Fold(tt.events); ok && name != "created again" {
			t.Errorf("%s: without its creation there is %+v", name, got)
		}
	}
}

func sealed(id wal.IssueID, at uint64, kind uint32, payload []byte) wal.Event {
	e := wal.Event{Issue: id, Time: at, Kind: kind, Payload: payload}
	e.Seal()
	return e
}

// drawEvents draws events of a few issues that get in each other's way: the same
// times, the same labels, several creations, kinds that are not known.
func drawEvents(t *rapid.T) []wal.Event {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) wal.Event {
		label := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "label")
		k := rapid.SampledFrom([]Kind{
			Created{Title: "title " + label, Labels: []string{label}}, Created{Title: "other"}, Updated{Title: &label}, Updated{Body: &label}, Commented{label},
			LabelAdded{label}, LabelRemoved{label}, StateChanged{Open}, StateChanged{Closed}, AssigneeAdded{label}, AssigneeRemoved{label}, nil,
		}).Draw(t, "kind")
		e := wal.Event{
			Issue: wal.IssueID{byte(rapid.IntRange(1, 3).Draw(t, "issue"))}, Actor: wal.ActorID{byte(rapid.IntRange(1, 2).Draw(t, "actor"))},
			Time: uint64(rapid.IntRange(1, 6).Draw(t, "time")), Kind: 99, Payload: []byte{0xf6},
		}
		if k != nil {
			e.Kind, e.Payload, _ = encode(k)
		}
		e.Seal()
		return e
	}), 0, 40).Draw(t, "events")
}

// TestOrder: the order in which events arrive, and how often, is of no matter.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		want, ok := Fold(events)
		again := append(slices.Clone(events), events[:rapid.IntRange(0, len(events)).Draw(t, "repeated")]...)
		rand.New(rand.NewSource(rapid.Int64().Draw(t, "order"))).Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if got, gotOK := Fold(again); gotOK != ok || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v\nin another order is\n%+v", want, got)
		}
	})
}

// TestChange: who has seen an issue has the last word, whatever the clocks say.
func TestChange(t *testing.T) {
	ahead, behind := time.UnixMilli(2_000_000), time.UnixMilli(1_000_000)
	e, err := Create(alice, ahead, Created{Title: "T", Labels: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	if other, _ := Create(alice, ahead, Created{Title: "T", Labels: []string{"x"}}); other.Issue == e.Issue {
		t.Error("two issues of the same id")
	}
	events := []wal.Event{e}
	for _, k := range []Kind{StateChanged{Closed}, LabelRemoved{"x"}, Updated{Title: ptr("T2")}, Commented{"c"}, Commented{"c"}, StateChanged{Open}, StateChanged{Closed}} {
		is, _ := Fold(events)
		e, err := is.Change(bob, behind, k)
		if err != nil || e.Time <= is.Updated {
			t.Fatalf("%+v at %d after %d, %v", k, e.Time, is.Updated, err)
		}
		events = append(events, e)
	}
	is, _ := Fold(events)
	if is.State != Closed || len(is.Labels) > 0 || is.Title != "T2" || is.Comments != 2 {
		t.Errorf("%+v", is)
	}
	is.Updated = wal.MaxTime
	if e, err := is.Change(bob, behind, Commented{"c"}); err != nil || e.Time != wal.MaxTime {
		t.Errorf("at the end of time: %d, %v", e.Time, err)
	}
}

func TestTexts(t *testing.T) {
	long := strings.Repeat("x", maxLine+1)
	bad := []Kind{
		Created{}, Created{Title: " "}, Created{Title: long}, Created{Title: "a\nb"}, Created{Title: "\x1b[31m"}, Created{Title: "\xff"},
		Created{Title: "T", Labels: []string{"ok", ""}}, Created{Title: "T", Body: "\xff"}, Created{Title: "T", Body: strings.Repeat("x", maxBody+1)},
		Updated{Title: ptr("")}, Updated{Body: ptr("\xff")}, Commented{"\xff"}, LabelAdded{""}, LabelAdded{"a\x00"}, AssigneeAdded{"a\u202eb"},
	}
	for _, k := range bad {
		var text *TextError
		if _, err := event(wal.IssueID{}, alice, 1, k); !errors.As(err, &text) {
			t.Errorf("%.60q: %v", k, err)
		}
	}
	for _, k := range []Kind{Created{Title: "Ünïcödé 漢字 👍"}, Commented{"two\nlines\tand a tab"}, Updated{}, LabelRemoved{"\x1b"}} {
		if _, err := event(wal.IssueID{}, alice, 1, k); err != nil {
			t.Errorf("%q: %v", k, err)
		}
	}
}

// FuzzRead: whatever the payload, what is read and can be written is the same.
func FuzzRead(f *testing.F) {
	for _, k := range []Kind{Created{Title: "T", Labels: []string{"a"}}, Updated{Title: ptr("x")}, StateChanged{Closed}} {
		number, payload, _ := encode(k)
		f.Add(number, payload)
	}
	f.Add(uint32(13), unhex(f, "856161616281846161616201026163"+"5820"+strings.Repeat("00", 32)))
	f.Fuzz(func(t *testing.T, kind uint32, payload []byte) {
		e := sealed(wal.IssueID{1}, 1, kind, payload)
		k, err := Read(e)
		if err != nil {
			return
		}
		if _, written, err := encode(k); err == nil {
			again, err := Read(sealed(wal.IssueID{1}, 1, kind, written))
			if c, ok := k.(Created); ok {
				slices.Sort(c.Labels)
				c.Labels = slices.Compact(c.Labels)
				k = c
			}
			if err != nil || !reflect.DeepEqual(k, again) {
				t.Fatalf("%+v is read again as %+v, %v", k, again, err)
			}
		}
		Fold([]wal.Event{e, sealed(wal.IssueID{1}, 0, 1, []byte{0x83, 0x60, 0x60, 0x80})})
	})
}
