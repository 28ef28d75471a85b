package cli

import (
	"time"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/lock"
)

// tellLosses tells an actor, once each, of locks that it no longer has: broken by
// somebody, gone from the remote, or taken offline and lost to somebody else. It
// goes by the tables that the command saw.
func (s *session) tellLosses(a config.Actor) {
	if s.last == nil {
		return
	}
	now := s.env.Now()
	for _, e := range s.last.Entries {
		if e.Tombstone() && e.BrokenOwner == a.ID && e.Owner != a.ID && now.Before(e.Acquired.Add(lock.TombstoneLife)) {
			s.tellOnce(entry{Event: "lost", Actor: a.ID, Resource: e.Resource.String(), Nonce: e.BrokenNonce, Other: e.Owner, Reason: e.Reason},
				"note: your lock on %s was broken by %s %s ago: %s", printable(e.Resource.String()),
				printable(e.Holder()), span(now.Sub(e.Acquired)), printable(e.Reason))
		}
		if ahead := e.Acquired.Sub(now); ahead > s.config.ClockSkew && e.Live(now) && s.remote != nil {
			s.tellSkew(e.Lock, ahead)
		}
	}
	if s.remote == nil {
		return
	}
	for _, o := range s.last.Beaten {
		if o.Lock.Owner == a.ID {
			s.tellOnce(entry{Event: "lost", Actor: a.ID, Resource: o.Lock.Resource.String(), Nonce: o.Lock.Nonce, Other: o.By.Owner},
				"note: your lock on %s, taken offline, is not held: %s has %s until %s; give it up: git grite lock release --resource %s",
				printable(o.Lock.Resource.String()), printable(o.By.Holder()), printable(o.By.Resource.String()), timestamp(o.By.Expires),
				shellQuote(o.Lock.Resource.String()))
		}
	}
	s.tellGone(a)
}

// tellGone tells of granted locks whose record the remote no longer has. Those
// granted since the look began are not in it yet.
func (s *session) tellGone(a config.Actor) {
	if s.lastFresh.IsZero() {
		return
	}
	held, err := s.grants(a).Held()
	if err != nil {
		return
	}
	there := map[string]string{}
	for _, e := range s.last.Entries {
		there[e.Key] = e.Nonce
	}
	for key, h := range held {
		if there[key] == h.Nonce || !h.Acquired.Before(s.lastFresh) {
			continue
		}
		gone := entry{Event: "lost", Actor: a.ID, Resource: h.Resource.String(), Nonce: h.Nonce}
		by := "somebody removed it"
		for _, e := range s.last.Entries {
			if e.Owner != a.ID && !e.Released() && e.Resource.Conflicts(h.Resource) {
				gone.Other, by = e.Owner, printable(e.Holder())+" took it over"
			}
		}
		s.tellOnce(gone, "note: your lock on %s is gone: %s", printable(h.Resource.String()), by)
	}
}

// tellOnce says something that happened to a lock unless the journal has it.
func (s *session) tellOnce(e entry, format string, args ...any) {
	if s.log.has(e.Event, e.Nonce) {
		return
	}
	s.out.warn(format, args...)
	s.log.add(e)
}

// tellSkew warns of a lock that was acquired in the future.
func (s *session) tellSkew(l lock.Lock, ahead time.Duration) {
	if !s.skewTold {
		s.skewTold = true
		s.out.note("warning: the clock of %s is %s ahead of this one, or this one is behind: leases end at the wrong time", printable(l.Holder()), span(ahead))
	}
}
