package clone

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/lock"
)

// journal is what this clone did and saw, one JSON object per line. It is for
// people to read later and decides nothing but whether a loss was told already,
// so that failing to write it is no failure of a command.
type journal struct {
	files files
	now   func() time.Time
}

// Event is one line of the journal.
type Event struct {
	TimeUnixMS int64      `json:"time_unix_ms"`
	Event      string     `json:"event"` // granted, renewed, released, fenced, expired, broken, lost, waiting, refused; told in the file alone
	Actor      lock.Owner `json:"actor,omitempty"`
	Label      string     `json:"label,omitempty"`
	Resource   string     `json:"resource"`
	Nonce      string     `json:"nonce,omitempty"`
	Other      lock.Owner `json:"other,omitempty"` // whose lock it was or is, or who broke or took it
	Reason     string     `json:"reason,omitempty"`

	ExpiresUnixMS int64 `json:"expires_unix_ms,omitempty"` // granted, renewed, lost: when the lease ends or ended

	// Of a loss: why, and the lock that took its place.
	Cause              string `json:"cause,omitempty"`
	Offline            bool   `json:"offline,omitempty"` // it was never confirmed
	OtherLabel         string `json:"other_label,omitempty"`
	OtherResource      string `json:"other_resource,omitempty"`
	OtherExpiresUnixMS int64  `json:"other_expires_unix_ms,omitempty"`
	Form               Form   `json:"form,omitempty"` // in which it was told

	Push string `json:"push,omitempty"` // of a fenced push: what was pushed where
}

// lossEvent makes the event of a loss.
func lossEvent(me Identity, l lock.Lost) Event {
	e := event("lost", l.Lock)
	if l.Cause == lock.Ended {
		e.Event = "expired"
	}
	if !l.Lock.Expires.IsZero() {
		e.ExpiresUnixMS = l.Lock.Expires.UnixMilli()
	}
	e.Actor, e.Label, e.Cause, e.Offline = me.ID, me.Label, l.Cause.String(), l.Lock.Unconfirmed
	if e.Reason = l.By.Reason; l.By.Owner != "" {
		e.Other, e.OtherLabel, e.OtherResource, e.OtherExpiresUnixMS = l.By.Owner, l.By.Label, l.By.Resource.String(), l.By.Expires.UnixMilli()
	}
	return e
}

// loss is the loss that an event stands for, with what the journal keeps of it.
func (e Event) loss() lock.Lost {
	l := lock.Lost{Cause: lock.ParseCause(e.Cause)}
	l.Lock = lock.Lock{Owner: e.Actor, Nonce: e.Nonce, Unconfirmed: e.Offline}
	if e.ExpiresUnixMS != 0 {
		l.Lock.Expires = time.UnixMilli(e.ExpiresUnixMS)
	}
	l.Lock.Resource, _ = lock.ParseRecorded(e.Resource) // it was one when it was written
	if e.Other != "" {
		l.By = lock.Lock{Owner: e.Other, Label: e.OtherLabel, Reason: e.Reason, Expires: time.UnixMilli(e.OtherExpiresUnixMS)}
		l.By.Resource, _ = lock.ParseRecorded(e.OtherResource)
		if l.Cause == lock.Broken {
			l.By.Acquired = time.UnixMilli(e.TimeUnixMS)
		}
	}
	return l
}

// journalSize is when the journal is put aside, in bytes.
const journalSize = 1 << 20

// add appends events. One write per call, so that lines of concurrent processes
// do not mix.
func (j journal) add(events ...Event) {
	if len(events) == 0 {
		return
	}
	var text bytes.Buffer
	for _, e := range events {
		if e.TimeUnixMS == 0 {
			e.TimeUnixMS = j.now().UnixMilli()
		}
		line, err := json.Marshal(e)
		if err == nil {
			text.Write(append(line, '\n'))
		}
	}
	path := j.files.journal()
	st, err := os.Lstat(path)
	switch {
	case err == nil && !st.Mode().IsRegular():
		return // somebody put a link there; what it names is not ours to write
	case err == nil && st.Size() > journalSize:
		_ = os.Rename(path, j.files.oldJournal())
		st = nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return
	}
	defer f.Close()
	if st == nil {
		atomicfile.Share(path, 0o666)
	}
	_, _ = f.Write(text.Bytes())
}

// addAll appends the same event for each lock.
func (j journal) addAll(name string, locks []lock.Lock) {
	events := make([]Event, 0, len(locks))
	for _, l := range locks {
		events = append(events, event(name, l))
	}
	j.add(events...)
}

// event makes an event of something that happened to a lock.
func event(name string, l lock.Lock) Event {
	e := Event{Event: name, Actor: l.Owner, Label: l.Label, Resource: l.Resource.String(), Nonce: l.Nonce, Reason: l.Reason}
	if name == "granted" || name == "renewed" {
		e.ExpiresUnixMS = l.Expires.UnixMilli()
	}
	return e
}

// inTheWay is the event of a try that a lock of somebody else stopped.
func inTheWay(name string, me Identity, held *lock.HeldError) Event {
	by := held.Conflicts[0]
	return Event{
		Event: name, Actor: me.ID, Label: me.Label, Resource: held.Wanted.String(), Reason: by.Reason,
		Other: by.Owner, OtherLabel: by.Label, OtherResource: by.Resource.String(), OtherExpiresUnixMS: by.Expires.UnixMilli(),
	}
}

// read reads the journal, oldest first. Lines that are no events are skipped: a
// full disk may have cut one short.
func (j journal) read() []Event {
	var all []Event
	for _, path := range []string{j.files.oldJournal(), j.files.journal()} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			var e Event
			if json.Unmarshal(lines.Bytes(), &e) == nil && e.Event != "" {
				all = append(all, e)
			}
		}
	}
	return all
}

// Log returns what this clone did and saw, oldest first.
func (c *Clone) Log() []Event {
	return slices.DeleteFunc(c.journal.read(), func(e Event) bool { return e.Event == "told" })
}
