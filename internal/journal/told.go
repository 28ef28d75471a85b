package journal

import (
	"fmt"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// Form is how the caller tells what is reported to it. Every loss is reported
// once in each form, so that neither a person nor a program misses it because
// the other one was told.
type Form string

// The forms.
const (
	Silent Form = "" // whatever is reported is thrown away
	Text   Form = "text"
	JSON   Form = "json"
)

// told is the event that a loss was told.
const told = "told"

// LossLife is how long a loss is worth telling.
const LossLife = 24 * time.Hour

// losses are what the journal knows of an actor's losses.
type losses struct {
	known map[lossKey]lock.Lost
	order []lossKey // of known, as they came
	told  map[telling]bool
}

// lossKey distinguishes what is told: a lock is lost once, and its lease can end
// several times. Locks that were acquired together share their nonce.
type lossKey struct{ nonce, resource string }

func keyOf(l lock.Lost) lossKey {
	key := lossKey{l.Lock.Nonce, l.Lock.Resource.String()}
	if l.Cause == lock.Ended {
		key.nonce += fmt.Sprintf("@%d", l.Lock.Expires.UnixMilli())
	}
	return key
}

type telling struct {
	form Form // whatever a line says: another version may know more of them
	key  lossKey
}

func (s *losses) add(l lock.Lost) (added bool) {
	key := keyOf(l)
	if _, had := s.known[key]; had {
		return false
	}
	s.known[key], s.order = l, append(s.order, key)
	return true
}

// losses reads the losses of an actor that are still worth telling.
func (j Journal) losses(actor lock.Owner) losses {
	s := losses{known: map[lossKey]lock.Lost{}, told: map[telling]bool{}}
	for _, e := range j.read("lost", "expired", told) {
		switch {
		case e.Actor != actor:
		case e.Event == told:
			s.told[telling{e.Form, lossKey{e.Nonce, e.Resource}}] = true
		case (e.Event == "lost" || e.Cause != "") && j.now().Sub(time.UnixMilli(e.TimeUnixMS)) < LossLife:
			if l, ok := e.loss(); ok {
				s.add(l)
			}
		}
	}
	return s
}

// Tell enters losses of an actor, and returns those that it was not told yet in
// the given form, which from now on it was. pending reports whether any is still
// to be told in another form.
func (j Journal) Tell(actor lock.Owner, label string, form Form, lost []lock.Lost) (untold []lock.Lost, pending bool) {
	s := j.losses(actor)
	var events []Event
	for _, l := range lost {
		if s.add(l) {
			events = append(events, ofLoss(actor, label, l))
		}
	}
	for _, key := range s.order {
		if now := (telling{form, key}); form != Silent && !s.told[now] {
			untold, s.told[now] = append(untold, s.known[key]), true
			events = append(events, Event{Event: told, Actor: actor, Nonce: key.nonce, Resource: key.resource, Form: form})
		}
		pending = pending || !s.told[telling{Text, key}] || !s.told[telling{JSON, key}]
	}
	j.Add(events...)
	return untold, pending
}
