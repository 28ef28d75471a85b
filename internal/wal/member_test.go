package wal

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/cbor"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
)

// member is a clone with its log.
type member struct {
	*Log
	t     testing.TB
	clone *gittest.Repo
	n     uint64 // events made so far
}

// join opens the log of a clone, shared through origin unless it has none.
func join(t testing.TB, clone *gittest.Repo, i int) *member {
	t.Helper()
	repo, err := git.Open(t.Context(), clone.Dir, clone.Env)
	if err != nil {
		t.Fatal(err)
	}
	l := &Log{Repo: repo, Actor: ActorID{0xac, byte(i)}, Now: time.Now}
	if clone.Git("remote") != "" {
		if l.Remote, err = repo.OpenRemote(t.Context(), "origin", false); err != nil {
			t.Fatal(err)
		}
	}
	return &member{Log: l, t: t, clone: clone}
}

// event makes an event that no other member makes.
func (m *member) event() Event {
	m.n++
	e := Event{Issue: IssueID{1}, Actor: m.Actor, Time: 1700000000000 + m.n, Kind: 3}
	e.Payload = cbor.AppendText(cbor.AppendArray(nil, 1), fmt.Sprintf("comment %d", m.n))
	e.Seal()
	return e
}

func (m *member) mustAppend(offline bool) Event {
	m.t.Helper()
	e := m.event()
	if _, err := m.Append(m.t.Context(), []Event{e}, offline); err != nil {
		m.t.Fatal(err)
	}
	return e
}

func (m *member) mustSync() Appended {
	m.t.Helper()
	a, err := m.Sync(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	return a
}

// ids reads the whole log as this clone has it: the events in order, each once,
// and how often an event is stored beyond the first time.
func (m *member) ids() (ids []EventID, repeated int) {
	m.t.Helper()
	heads, err := m.Heads(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	refs, whole, err := m.List(m.t.Context(), heads, Heads{})
	if err != nil || !whole {
		m.t.Fatal(whole, err)
	}
	var events []Event
	err = m.Read(m.t.Context(), refs, func(c Chunk) {
		if c.Err != nil || c.Bad > 0 {
			m.t.Errorf("chunk %s: %v, %d malformed: %v", c.ID, c.Err, c.Bad, c.Why)
		}
		events = append(events, c.Events...)
	})
	if err != nil {
		m.t.Fatal(err)
	}
	slices.SortFunc(events, Compare)
	for _, e := range events {
		if len(ids) > 0 && ids[len(ids)-1] == e.ID {
			repeated++
		} else {
			ids = append(ids, e.ID)
		}
	}
	return ids, repeated
}

func (m *member) mustHave(events ...Event) {
	m.t.Helper()
	slices.SortFunc(events, Compare)
	var want []EventID
	for _, e := range events {
		want = append(want, e.ID)
	}
	if got, _ := m.ids(); !slices.Equal(got, want) {
		m.t.Errorf("the log has\n%s\nnot\n%s", got, want)
	}
}
