package lock

import (
	"slices"
	"time"
)

// verdict is what a fresh table says of an announcement.
type verdict int

const (
	granted verdict = iota
	blocked         // only by expired records, which can be deleted
	first           // the others have later tickets and will withdraw
	yield           // to a granted lock or an earlier ticket, or because an own record is gone
)

// verify judges an announcement by a fresh table. Released records and what
// others keep beside the arbiter do not count; expired records do, because they
// may be renewed until they are deleted.
func (t *Table) verify(q Request, changes []Change, now time.Time) (v verdict, expired []Change) {
	for _, c := range changes {
		if c.New != nil && (t.Version(c.Key) != c.Version || !now.Before(c.New.Expires)) {
			return yield, nil
		}
	}
	for _, e := range t.Entries {
		if e.Released() || !q.foreign(e) || !slices.ContainsFunc(q.Resources, e.Resource.Conflicts) {
			continue
		}
		switch {
		case !now.Before(e.Expires.Add(q.Skew)):
			expired = append(expired, Change{Key: e.Key, Old: e.Version})
			v = max(v, blocked)
		case q.before(e):
			v = max(v, first)
		default:
			return yield, nil
		}
	}
	return v, expired
}

// before tells whether a request goes before a record: the lower ticket does,
// nonces decide between equal ones, and a record without a ticket is granted.
func (q Request) before(e Entry) bool {
	if e.Ticket.IsZero() {
		return false
	}
	mine, theirs := q.Ticket.UnixMilli(), e.Ticket.UnixMilli()
	return mine < theirs || mine == theirs && q.Nonce < e.Nonce
}
