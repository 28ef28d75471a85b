package journal

import "github.com/git-grite/git-grite/internal/lock"

// Hear enters events that an actor is to be told of, each known by its nonce, and
// reports which of them it was not told yet in the given form, at most most; from
// now on it was told of these.
func (j Journal) Hear(actor lock.Owner, form Form, events []Event, most int) (untold map[string]bool) {
	entered, heard := map[string]bool{}, map[string]bool{}
	names := []string{told}
	for _, e := range events {
		names = append(names, e.Event)
	}
	for _, e := range j.read(names...) {
		switch {
		case e.Actor != actor:
		case e.Event == told:
			heard[e.Nonce] = heard[e.Nonce] || e.Form == form
		default:
			entered[e.Event+e.Nonce] = true
		}
	}
	untold = map[string]bool{}
	var added []Event
	for _, e := range events {
		if heard[e.Nonce] || untold[e.Nonce] || len(untold) == most {
			continue
		}
		if !entered[e.Event+e.Nonce] {
			added = append(added, e)
		}
		added = append(added, Event{Event: told, Actor: actor, Nonce: e.Nonce, Resource: e.Resource, Form: form})
		untold[e.Nonce] = true
	}
	j.Add(added...)
	return untold
}
