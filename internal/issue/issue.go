package issue

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/git-grite/git-grite/internal/wal"
)

// Issue is an issue as its events have made it.
type Issue struct {
	ID        wal.IssueID
	Title     string
	Body      string // "" in an Index, which does not keep it
	State     State
	Labels    []string // sorted, never nil
	Assignees []string // sorted, never nil
	Author    wal.ActorID
	Created   uint64 // in milliseconds since 1970
	Updated   uint64 // when the newest of its events was made
	Comments  int
}

// Fold makes an issue of all its events, whose order does not matter and which
// may be there several times. ok is false when none of them creates it.
//
// The first event is the one that creates it, whatever the clocks of others say:
// nobody can have changed an issue before it was there. The others follow in the
// order of wal.Compare; of two that set the same the later one wins, and adding
// and removing labels and assignees goes the same way. Later attempts to create
// it, events that are malformed, and kinds that are not known, change nothing.
func Fold(events []wal.Event) (is Issue, ok bool) {
	pointers := make([]*wal.Event, len(events))
	for i := range events {
		pointers[i] = &events[i]
	}
	return fold(pointers)
}

// fold is Fold; it sorts events.
func fold(events []*wal.Event) (is Issue, ok bool) {
	slices.SortFunc(events, (*wal.Event).Compare)
	events = slices.CompactFunc(events, func(a, b *wal.Event) bool { return a.ID == b.ID })
	kinds := make([]Kind, 0, len(events))
	first := -1
	for i, e := range events {
		k, err := Read(*e)
		if err != nil {
			k = nil
		}
		kinds = append(kinds, k)
		if _, creates := k.(Created); creates && first < 0 {
			first = i
		}
	}
	if first < 0 {
		return Issue{}, false
	}
	c, e := kinds[first].(Created), events[first]
	is = Issue{ID: e.Issue, Title: c.Title, Body: c.Body, State: Open, Author: e.Actor, Created: e.Time, Updated: e.Time}
	labels, assignees := set{}, set{}
	for _, label := range c.Labels {
		labels[label] = true
	}
	for i, k := range kinds {
		if _, creates := k.(Created); k != nil && !creates {
			is.apply(k, labels, assignees)
			is.Updated = max(is.Updated, events[i].Time)
		}
	}
	is.Labels, is.Assignees = labels.sorted(), assignees.sorted()
	return is, true
}

func (is *Issue) apply(k Kind, labels, assignees set) {
	switch k := k.(type) {
	case Updated:
		if k.Title != nil {
			is.Title = *k.Title
		}
		if k.Body != nil {
			is.Body = *k.Body
		}
	case Commented:
		is.Comments++
	case LabelAdded:
		labels[k.Label] = true
	case LabelRemoved:
		delete(labels, k.Label)
	case StateChanged:
		is.State = k.State
	case AssigneeAdded:
		assignees[k.User] = true
	case AssigneeRemoved:
		delete(assignees, k.User)
	}
}

type set map[string]bool

func (s set) sorted() []string {
	list := slices.AppendSeq(make([]string, 0, len(s)), maps.Keys(s))
	slices.Sort(list)
	return list
}

// Create makes the event that creates an issue, with a random id.
func Create(actor wal.ActorID, now time.Time, c Created) (wal.Event, error) {
	var id wal.IssueID
	rand.Read(id[:]) // never fails (Go 1.24)
	return event(id, actor, uint64(now.UnixMilli()), c)
}

// Change makes an event that changes the issue. Its time is after that of all
// events of the issue that are known here, even where their clocks are ahead:
// who has seen them means to have the last word.
func (is *Issue) Change(actor wal.ActorID, now time.Time, k Kind) (wal.Event, error) {
	return event(is.ID, actor, min(max(uint64(now.UnixMilli()), is.Updated+1), wal.MaxTime), k)
}

func event(id wal.IssueID, actor wal.ActorID, at uint64, k Kind) (wal.Event, error) {
	number, payload, err := encode(k)
	if err != nil {
		return wal.Event{}, err
	}
	e := wal.Event{Issue: id, Actor: actor, Time: at, Kind: number, Payload: payload}
	e.Seal()
	return e, nil
}

// Bounds on what is written, in bytes. What others wrote may be longer.
const (
	maxLine = 500
	maxBody = 256 << 10
)

// TextError is a text that no event may have.
type TextError struct {
	What string // title, body, label, assignee
	Why  string
}

func (e *TextError) Error() string { return fmt.Sprintf("the %s %s", e.What, e.Why) }

// checkLine checks a text of one line.
func checkLine(what, s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return &TextError{what, "is empty"}
	case len(s) > maxLine:
		return &TextError{what, fmt.Sprintf("is longer than %d bytes", maxLine)}
	case !utf8.ValidString(s):
		return &TextError{what, "is not valid UTF-8"}
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return &TextError{what, "has a character that cannot be printed"}
	}
	return nil
}

func checkLines(what string, list []string) error {
	var errs []error
	for _, s := range list {
		errs = append(errs, checkLine(what, s))
	}
	return errors.Join(errs...)
}

func checkBody(s string) error {
	switch {
	case len(s) > maxBody:
		return &TextError{"body", fmt.Sprintf("is longer than %d bytes", maxBody)}
	case !utf8.ValidString(s):
		return &TextError{"body", "is not valid UTF-8"}
	}
	return nil
}
