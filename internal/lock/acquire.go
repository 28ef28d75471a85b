package lock

import (
	"cmp"
	"slices"
	"time"
)

// Request asks for locks on all resources or none.
type Request struct {
	Owner     Owner
	Label     string
	Reason    string
	Resources []Resource // no two the same
	TTL       time.Duration
	Nonce     string        // for the locks that have to be made
	Ticket    time.Time     // of the first attempt
	Expires   time.Time     // of the locks that have to be made; zero for TTL from now
	Skew      time.Duration // how long past its expiry a lock of another owner is left alone
	// Exclusive treats every other grant as somebody else's, even one of this owner.
	Exclusive bool
	// Held are the locks that the owner holds, by their keys; nil when it holds
	// whatever record of its own there is, as in a store that grants what it stores.
	Held map[string]Holding
}

// Foreign reports whether an entry belongs to another owner or, for an exclusive
// request, to another grant.
func (q *Request) Foreign(e *Entry) bool {
	return e.Owner != q.Owner || q.Exclusive && e.Nonce != q.Nonce
}

// Grant is one lock that was asked for and is held.
type Grant struct {
	Lock
	AlreadyHeld bool
	TakenOver   []Lock // expired locks of others that gave way, the one on the same resource first
}

// Over picks from locks that gave way those that conflicted with the grant, each
// once, the one on the same resource first.
func (g Grant) Over(expired []Lock) []Lock {
	var over []Lock
	for _, l := range expired {
		known := slices.ContainsFunc(over, func(o Lock) bool {
			return o.Owner == l.Owner && o.Nonce == l.Nonce && o.Resource.String() == l.Resource.String()
		})
		if !known && l.Resource.Conflicts(g.Resource) {
			over = append(over, l)
		}
	}
	other := func(l Lock) int {
		if l.Resource.String() == g.Resource.String() {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(over, func(a, b Lock) int { return cmp.Compare(other(a), other(b)) })
	return over
}

// Acquire decides a request: the changes that grant it and the grants that they
// bring, or *HeldError. It is the one place that says when a lock may be given:
// never while a lock of another owner that conflicts with it stands unexpired.
// Expired ones are replaced or deleted in the same change, so that a late
// renewal of theirs fails by itself, whatever the clocks say.
func (t *Table) Acquire(q Request, now time.Time) ([]Change, []Grant, error) {
	if held := t.InTheWay(q, now); held != nil {
		return nil, nil, held
	}
	var changes []Change
	grants := make([]Grant, 0, len(q.Resources))
	replaced := map[string]bool{}
	for _, r := range q.Resources {
		g, change := t.grant(q, r, now)
		if change != nil {
			changes = append(changes, *change)
			replaced[change.Key] = true
		}
		grants = append(grants, g)
	}
	for _, d := range t.Damaged {
		for _, r := range q.Resources {
			if d.shadows(r) && !replaced[d.Key] {
				replaced[d.Key] = true
				changes = append(changes, Change{Key: d.Key, Old: d.Version, Damaged: true})
			}
		}
	}
	var expired []Lock
	for i := range t.Entries {
		e := &t.Entries[i]
		if e.Released() || !q.Foreign(e) || !slices.ContainsFunc(q.Resources, e.Resource.Conflicts) {
			continue
		}
		if e.Owner != q.Owner {
			expired = append(expired, e.Lock)
		}
		if !replaced[e.Key] {
			replaced[e.Key] = true
			changes = append(changes, Change{Key: e.Key, Old: e.Version})
		}
	}
	for i := range grants {
		grants[i].TakenOver = grants[i].Over(expired)
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Key, b.Key) })
	return changes, grants, nil
}

// grant decides one resource of a request that nothing is in the way of. The
// change is nil when a lock that the owner holds already lasts long enough and
// says the same.
func (t *Table) grant(q Request, r Resource, now time.Time) (Grant, *Change) {
	fresh := Lock{
		Owner: q.Owner, Label: q.Label, Reason: q.Reason, Resource: r, Nonce: q.Nonce,
		Expires: now.Add(q.TTL), TTL: q.TTL, Acquired: now, Ticket: q.Ticket,
	}
	if !q.Expires.IsZero() {
		fresh.Expires = q.Expires
	}
	key := r.Key()
	own, ok := t.At(key)
	if !ok || q.Foreign(&own) || !own.Live(now) {
		return Grant{Lock: fresh}, t.replace(key, &fresh)
	}
	held := Holding{Lock: own.Lock, Version: own.Version}
	if q.Held != nil {
		h, granted := q.Held[key]
		if !granted || !h.Stands(own.Version) {
			return Grant{Lock: fresh}, &Change{Key: key, Old: own.Version, New: &fresh}
		}
		held = h.Settle(own)
	}
	reworded := q.Reason != "" && q.Reason != own.Reason
	if !fresh.Expires.After(own.Expires) && !reworded {
		return Grant{Lock: own.Lock, AlreadyHeld: true}, nil
	}
	longer, version := held.Extend(now, q.TTL)
	if reworded {
		longer.Reason, version = q.Reason, "" // another record than any that was sent
	}
	return Grant{Lock: longer, AlreadyHeld: true}, &Change{Key: key, Old: own.Version, New: &longer, Version: version}
}

// EndedFor is the latest moment at which an expired lock that a request would
// take over became free for it; zero when it takes nothing over.
func (t *Table) EndedFor(q Request) (latest time.Time) {
	for i := range t.Entries {
		e := &t.Entries[i]
		free := e.Expires.Add(q.Skew)
		if !e.Released() && q.Foreign(e) && free.After(latest) && slices.ContainsFunc(q.Resources, e.Resource.Conflicts) {
			latest = free
		}
	}
	return latest
}

// InTheWay returns the unexpired locks of others that conflict with a request.
func (t *Table) InTheWay(q Request, now time.Time) *HeldError {
	held := &HeldError{Resources: q.Resources}
	for _, entries := range [][]Entry{t.Entries, t.Beside} {
		for i := range entries {
			held.add(&q, &entries[i], now)
		}
	}
	if len(held.Conflicts) == 0 {
		return nil
	}
	Sort(held.Conflicts)
	return held
}

// add adds an entry that is in the way of the request.
func (held *HeldError) add(q *Request, e *Entry, now time.Time) {
	if !q.Foreign(e) || !now.Before(e.Expires.Add(q.Skew)) || e.Released() {
		return
	}
	at := slices.IndexFunc(q.Resources, e.Resource.Conflicts)
	if at < 0 {
		return
	}
	if held.Wanted.String() == "" {
		held.Wanted = q.Resources[at]
	}
	held.Conflicts = append(held.Conflicts, e.Lock)
	if free := e.Expires.Add(q.Skew); free.After(held.Free) {
		held.Free = free
	}
}
