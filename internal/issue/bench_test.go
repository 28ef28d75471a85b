package issue

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/wal"
)

// BenchmarkList lists 10,000 issues with 100,000 events: the first time, from
// the index, and after one more event.
func BenchmarkList(b *testing.B) {
	clone := gittest.New(b)
	repo, err := git.Open(b.Context(), clone.Dir, clone.Env)
	if err != nil {
		b.Fatal(err)
	}
	l := &wal.Log{Repo: repo, Actor: alice, Now: time.Now}
	var events []wal.Event
	for i := range 100_000 {
		id := wal.IssueID{byte(i % 10_000 >> 8), byte(i % 10_000), 7}
		var k Kind = Commented{fmt.Sprintf("comment %d: %s", i, strings.Repeat("word ", 12))}
		switch i / 10_000 {
		case 0:
			k = Created{Title: fmt.Sprintf("Issue number %d is to be done", i), Body: strings.Repeat("word ", 40), Labels: []string{"agent:todo", "priority:P1"}}
		case 3:
			k = LabelAdded{"area:core"}
		case 9:
			k = StateChanged{Closed}
		}
		events = append(events, made(b, id, bob, uint64(1700000000000+i), k))
	}
	if _, err := l.Append(b.Context(), events, false); err != nil {
		b.Fatal(err)
	}
	clone.Git("repack", "-adq")
	list := func(b *testing.B, t *Tracker) {
		x, err := t.Index(b.Context())
		if err != nil || len(x.All()) != 10_000 {
			b.Fatal(err)
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			list(b, &Tracker{Log: l})
		}
	})
	t := kept(l)
	list(b, t)
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			list(b, t)
		}
	})
	b.Run("one more", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			b.StopTimer()
			e := made(b, wal.IssueID{0, 1, 7}, alice, uint64(1800000000000+i), Commented{"one more"})
			if _, err := l.Append(b.Context(), []wal.Event{e}, false); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			list(b, t)
		}
	})
	b.Run("show", func(b *testing.B) {
		x, err := t.Index(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, _, err := t.Show(b.Context(), x, wal.IssueID{0, 2, 7}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
