package lock

import (
	"slices"
	"time"
)

// Verdict is what a fresh table says of an announcement.
type Verdict int

// The verdicts, from the best to the worst.
const (
	Granted Verdict = iota
	Blocked         // only by expired records, which can be deleted
	First           // the others have later tickets and will withdraw
	Yield           // to a granted lock or an earlier ticket, or because its own record is gone
	Late            // its own lease is over
)

// Verify judges an announcement by a table that was read after it was made.
// Released records and what others keep beside the arbiter do not count; expired
// records do, because they may be renewed until they are deleted.
func (t *Table) Verify(q Request, changes []Change, now time.Time) (v Verdict, expired []Entry) {
	for _, c := range changes {
		switch {
		case c.New == nil:
		case t.Version(c.Key) != c.Version:
			return Yield, nil
		case !now.Before(c.New.Expires):
			v = Late
		}
	}
	if v == Late {
		return v, nil
	}
	for i := range t.Entries {
		e := &t.Entries[i]
		if e.Released() || !q.Foreign(e) || !slices.ContainsFunc(q.Resources, e.Resource.Conflicts) {
			continue
		}
		switch {
		case !now.Before(e.Expires.Add(q.Skew)):
			expired = append(expired, *e)
			v = max(v, Blocked)
		case q.Before(e):
			v = max(v, First)
		default:
			return Yield, nil
		}
	}
	return v, expired
}

// Before reports whether a request goes before a record: the lower ticket does,
// nonces decide between equal ones, and a record without a ticket is granted.
func (q *Request) Before(e *Entry) bool {
	if e.Ticket.IsZero() {
		return false
	}
	mine, theirs := q.Ticket.UnixMilli(), e.Ticket.UnixMilli()
	return mine < theirs || mine == theirs && q.Nonce < e.Nonce
}
