// Package timeline draws who held what when, as one page of HTML that needs
// nothing beside itself. It draws what it is given: it reads no files and knows
// no clock.
package timeline

import (
	"cmp"
	"slices"
	"time"
)

// Event is one thing that this clone did or saw.
type Event struct {
	Time       time.Time
	Event      string // granted, renewed, released, expired, broken, lost, waiting, refused; others are left out
	Actor      string // an id
	Label      string // the actor's
	Resource   string
	Nonce      string // of the grant
	Other      string // an id: whose lock it was, or who broke or took it
	OtherLabel string
	Reason     string
	Expires    time.Time // of a grant or a renewal; zero when not known
}

// Hold is a lock that is held now.
type Hold struct {
	Actor, Label, Resource, Nonce, Reason string
	Since, Expires                        time.Time // Since may be zero
	Mine                                  bool
}

// Report is what a page shows.
type Report struct {
	Clone   string    // its directory, for the title
	Arbiter string    // "the remote origin", "this clone"
	Now     time.Time // when it is made
	AsOf    time.Time // of the view that Held is from
	Since   time.Time // of the first event to show; zero for all
	Held    []Hold
	Events  []Event
}

// lease is one grant from its beginning to its end, as far as it was seen.
type lease struct {
	actor, label, resource, reason string
	from, to                       time.Time
	end                            string // released, expired, broken, lost, held; "" when it was not seen
}

// mark is one thing at one moment.
type mark struct {
	kind                           string // takeover, refused, broken, lost
	actor, label, resource, reason string
	other                          string // the other's name
	at                             time.Time
}

// wait is the time from the first refusal or wait to the grant or the last of them.
type wait struct {
	actor, label, resource string
	from, to               time.Time
}

// history is what the events come to.
type history struct {
	leases []lease
	marks  []mark
	waits  []wait
	labels map[string]string // the last label of each actor
	from   time.Time
}

// waitGap is how long apart two tries may be and still be one wait.
const waitGap = 2 * time.Minute

// collect makes leases, waits and marks of events.
func collect(r Report) history {
	h := history{labels: map[string]string{}}
	open := map[[2]string]int{}    // by resource and nonce: the index of the lease
	waiting := map[[2]string]int{} // by resource and actor: the index of the wait
	events := slices.DeleteFunc(slices.Clone(r.Events), func(e Event) bool { return e.Time.Before(r.Since) || e.Time.After(r.Now) })
	slices.SortStableFunc(events, func(a, b Event) int { return a.Time.Compare(b.Time) })
	for _, e := range events {
		h.learn(e.Actor, e.Label)
		h.learn(e.Other, e.OtherLabel)
		h.add(e, open, waiting, r.Now)
	}
	for _, l := range r.Held {
		h.learn(l.Actor, l.Label)
		i, ok := open[[2]string{l.Resource, l.Nonce}]
		if !ok {
			from := cmp.Or(l.Since, r.AsOf)
			if from.Before(r.Since) {
				from = r.Since
			}
			h.leases = append(h.leases, lease{actor: l.Actor, resource: l.Resource, reason: l.Reason, from: from})
			i = len(h.leases) - 1
		}
		h.leases[i].to, h.leases[i].end = r.Now, "held"
	}
	for i := range h.leases {
		l := &h.leases[i]
		l.label = name(l.actor, h.labels)
		if l.to.After(r.Now) {
			l.to = r.Now
		}
		if h.from.IsZero() || l.from.Before(h.from) {
			h.from = l.from
		}
	}
	for i := range h.marks {
		h.marks[i].label = name(h.marks[i].actor, h.labels)
	}
	for i := range h.waits {
		h.waits[i].label = name(h.waits[i].actor, h.labels)
	}
	if len(events) > 0 && (h.from.IsZero() || events[0].Time.Before(h.from)) {
		h.from = events[0].Time
	}
	return h
}

func (h *history) learn(actor, label string) {
	if actor != "" && label != "" {
		h.labels[actor] = label
	}
}

// name is how an actor is called: by its label, else by the first digits of its id.
func name(actor string, labels map[string]string) string {
	return cmp.Or(labels[actor], actor[:min(8, len(actor))], "somebody")
}

func (h *history) add(e Event, open, waiting map[[2]string]int, now time.Time) {
	grant, try := [2]string{e.Resource, e.Nonce}, [2]string{e.Resource, e.Actor}
	m := mark{actor: e.Actor, resource: e.Resource, reason: e.Reason, at: e.Time}
	if e.Other != "" {
		m.other = cmp.Or(e.OtherLabel, name(e.Other, h.labels))
	}
	i, running := open[grant]
	switch e.Event {
	case "granted", "renewed":
		if !running {
			h.leases = append(h.leases, lease{actor: e.Actor, resource: e.Resource, from: e.Time})
			i = len(h.leases) - 1
			open[grant] = i
		}
		l := &h.leases[i]
		l.to, l.reason = e.Time, cmp.Or(e.Reason, l.reason)
		if e.Expires.After(l.to) {
			l.to = e.Expires // unless something ends it before
		}
		if w, ok := waiting[try]; ok && e.Event == "granted" {
			if e.Time.Sub(h.waits[w].to) <= waitGap {
				h.waits[w].to = e.Time
			}
			delete(waiting, try)
		}
		if e.Event == "granted" && e.Other != "" && e.Other != e.Actor {
			m.kind = "takeover"
			h.marks = append(h.marks, m)
		}
	case "released", "expired", "broken", "lost":
		if running {
			l := &h.leases[i]
			l.end = e.Event
			if e.Event != "expired" || l.to.After(e.Time) || l.to.Equal(l.from) {
				l.to = e.Time
			}
			delete(open, grant)
		}
		if e.Event == "broken" || e.Event == "lost" {
			m.kind = e.Event
			h.marks = append(h.marks, m)
		}
	case "waiting", "refused":
		w, ok := waiting[try]
		if !ok || e.Time.Sub(h.waits[w].to) > waitGap {
			h.waits = append(h.waits, wait{actor: e.Actor, resource: e.Resource, from: e.Time})
			w = len(h.waits) - 1
			waiting[try] = w
		}
		h.waits[w].to = e.Time
		if e.Event == "refused" {
			m.kind = "refused"
			h.marks = append(h.marks, m)
		}
	}
}
