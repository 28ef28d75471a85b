package journal

import (
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// Event is one line of the journal.
type Event struct {
	TimeUnixMS int64      `json:"time_unix_ms"`
	Event      string     `json:"event"` // granted, renewed, released, fenced, expired, broken, lost, waiting, refused, asked, answered; told in the file alone
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

// Of makes an event of something that happened to a lock.
func Of(name string, l lock.Lock) Event {
	e := Event{Event: name, Actor: l.Owner, Label: l.Label, Resource: l.Resource.String(), Nonce: l.Nonce, Reason: l.Reason}
	if name == "granted" || name == "renewed" {
		e.ExpiresUnixMS = l.Expires.UnixMilli()
	}
	return e
}

// InTheWay is the event of a try that a lock of somebody else stopped.
func InTheWay(name string, actor lock.Owner, label string, held *lock.HeldError) Event {
	by := held.Conflicts[0]
	return Event{
		Event: name, Actor: actor, Label: label, Resource: held.Wanted.String(), Reason: by.Reason,
		Other: by.Owner, OtherLabel: by.Label, OtherResource: by.Resource.String(), OtherExpiresUnixMS: by.Expires.UnixMilli(),
	}
}

// ofLoss makes the event of a loss.
func ofLoss(actor lock.Owner, label string, l lock.Lost) Event {
	e := Of("lost", l.Lock)
	if l.Cause == lock.Ended {
		e.Event = "expired"
	}
	if !l.Lock.Expires.IsZero() {
		e.ExpiresUnixMS = l.Lock.Expires.UnixMilli()
	}
	e.Actor, e.Label, e.Cause, e.Offline = actor, label, l.Cause.String(), l.Lock.Unconfirmed
	if e.Reason = l.By.Reason; l.By.Owner != "" {
		e.Other, e.OtherLabel, e.OtherResource, e.OtherExpiresUnixMS = l.By.Owner, l.By.Label, l.By.Resource.String(), l.By.Expires.UnixMilli()
	}
	return e
}

// loss is the loss that an event stands for, with what the journal keeps of it;
// an event that names no resource stands for none.
func (e Event) loss() (l lock.Lost, ok bool) {
	resource, err := lock.ParseRecorded(e.Resource)
	if err != nil {
		return l, false
	}
	l = lock.Lost{Cause: lock.ParseCause(e.Cause)}
	l.Lock = lock.Lock{Owner: e.Actor, Resource: resource, Nonce: e.Nonce, Unconfirmed: e.Offline}
	if e.ExpiresUnixMS != 0 {
		l.Lock.Expires = time.UnixMilli(e.ExpiresUnixMS)
	}
	if e.Other != "" {
		l.By = lock.Lock{Owner: e.Other, Label: e.OtherLabel, Reason: e.Reason, Expires: time.UnixMilli(e.OtherExpiresUnixMS)}
		l.By.Resource, _ = lock.ParseRecorded(e.OtherResource) // it was one when it was written
		if l.Cause == lock.Broken {
			l.By.Acquired = time.UnixMilli(e.TimeUnixMS)
		}
	}
	return l, true
}
