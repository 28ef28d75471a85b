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
	// Exclusive treats every other grant as somebody else's, own ones included.
	Exclusive bool
	// Held are the grants that count as held, by their keys; nil when every own
	// record does, as in a store that grants what it stores.
	Held map[string]Holding
}

// holds tells whether an own record is a lock that was granted to this owner,
// as opposed to what a crash or another clone of the same owner left.
func (q Request) holds(e Entry) bool {
	if q.Held == nil {
		return true
	}
	h, ok := q.Held[e.Key]
	return ok && h.stands(e.Version)
}

// foreign tells whether an entry belongs to another owner or, for an exclusive
// request, to another grant.
func (q Request) foreign(e Entry) bool {
	return e.Owner != q.Owner || q.Exclusive && e.Nonce != q.Nonce
}

// Grant is one lock that was asked for and is held.
type Grant struct {
	Lock
	AlreadyHeld bool
	TakenOver   []Lock // expired locks of others that gave way, the one on the same resource first
}

// Acquire decides a request: the changes that grant it and the grants that they
// bring, or *HeldError. It is the one place that says when a lock may be given:
// never while a lock of another owner that conflicts with it stands unexpired.
// Expired ones are replaced or deleted in the same change, so that a late
// renewal of theirs fails by itself, whatever the clocks say.
func (t *Table) Acquire(q Request, now time.Time) ([]Change, []Grant, error) {
	if held := t.inTheWay(q, now); held != nil {
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
				changes = append(changes, Change{Key: d.Key, Old: d.Version})
			}
		}
	}
	for i := range grants {
		for _, e := range t.Entries {
			if e.Released() || !q.foreign(e) || !e.Resource.Conflicts(grants[i].Resource) {
				continue
			}
			if e.Owner != q.Owner {
				grants[i].TakenOver = append(grants[i].TakenOver, e.Lock)
			}
			if !replaced[e.Key] {
				replaced[e.Key] = true
				changes = append(changes, Change{Key: e.Key, Old: e.Version})
			}
		}
		slices.SortStableFunc(grants[i].TakenOver, func(a, b Lock) int {
			same := func(l Lock) int {
				if l.Resource.String() == grants[i].Resource.String() {
					return 0
				}
				return 1
			}
			return cmp.Compare(same(a), same(b))
		})
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Key, b.Key) })
	return changes, grants, nil
}

// grant decides one resource of a request that nothing is in the way of. The
// change is nil when an own lock already lasts long enough.
func (t *Table) grant(q Request, r Resource, now time.Time) (Grant, *Change) {
	fresh := Lock{
		Owner: q.Owner, Label: q.Label, Reason: q.Reason, Resource: r, Nonce: q.Nonce,
		Expires: now.Add(q.TTL), TTL: q.TTL, Acquired: now, Ticket: q.Ticket,
	}
	if !q.Expires.IsZero() {
		fresh.Expires = q.Expires
	}
	key := r.Key()
	own, ok := t.at(key)
	if !ok || q.foreign(own) || !own.Live(now) || !q.holds(own) {
		return Grant{Lock: fresh}, &Change{Key: key, Old: t.Version(key), New: &fresh}
	}
	if !fresh.Expires.After(own.Expires) {
		return Grant{Lock: own.Lock, AlreadyHeld: true}, nil
	}
	longer := own.extend(now, q.TTL)
	return Grant{Lock: longer, AlreadyHeld: true}, &Change{Key: key, Old: own.Version, New: &longer}
}

// inTheWay returns the unexpired locks of others that conflict with a request.
func (t *Table) inTheWay(q Request, now time.Time) error {
	held := &HeldError{}
	for _, e := range slices.Concat(t.Entries, t.Beside) {
		if !q.foreign(e) || !now.Before(e.Expires.Add(q.Skew)) || e.Released() {
			continue
		}
		for _, r := range q.Resources {
			if !e.Resource.Conflicts(r) {
				continue
			}
			if held.Wanted.String() == "" {
				held.Wanted = r
			}
			held.Conflicts = append(held.Conflicts, e.Lock)
			if free := e.Expires.Add(q.Skew); free.After(held.Free) {
				held.Free = free
			}
			break
		}
	}
	if len(held.Conflicts) == 0 {
		return nil
	}
	slices.SortFunc(held.Conflicts, byResource)
	return held
}

// extend is the lock with a lease that ends ttl from now, never sooner than it
// already does: a holder may rely on the deadline it was told.
func (l Lock) extend(now time.Time, ttl time.Duration) Lock {
	if expires := now.Add(ttl); expires.After(l.Expires) {
		l.Expires, l.TTL = expires, ttl
	}
	return l
}

// Renew decides a renewal of the owner's locks on the given resources, all or
// none. A lease may be renewed after its expiry as long as its record still
// stands and nobody holds what it conflicts with. It returns *HeldError when
// somebody else holds one, *BrokenError when somebody broke one, and
// *NotHeldError when there is none.
func (t *Table) Renew(owner Owner, resources []Resource, ttl time.Duration, now time.Time) ([]Change, []Lock, error) {
	var changes []Change
	var locks []Lock
	seen := map[string]bool{} // "src" and "src/" may name one record
	for _, r := range resources {
		own, ok := t.Own(owner, r)
		if !ok || !own.Live(now) {
			if err := t.lost(owner, r, now); err != nil {
				return nil, nil, err
			}
		}
		if !ok {
			return nil, nil, &NotHeldError{Resource: r}
		}
		if seen[own.Key] {
			continue
		}
		seen[own.Key] = true
		longer := own.extend(now, ttl)
		if !longer.Expires.Equal(own.Expires) {
			changes = append(changes, Change{Key: own.Key, Old: own.Version, New: &longer})
		}
		locks = append(locks, longer)
	}
	return changes, locks, nil
}

// lost tells who has what the owner no longer holds.
func (t *Table) lost(owner Owner, r Resource, now time.Time) error {
	if err := t.inTheWay(Request{Owner: owner, Resources: []Resource{r}}, now); err != nil {
		return err
	}
	broken, ok := t.find(r, func(e Entry) bool { return e.Tombstone() && e.BrokenOwner == owner })
	if ok {
		return &BrokenError{Tombstone: broken.Lock}
	}
	return nil
}

// Release decides which of the owner's locks on the given resources go. Locks
// of others are left alone and returned when they still run; nonce, unless "",
// must be that of the lock, else *NonceError.
func (t *Table) Release(owner Owner, resources []Resource, nonce string, now time.Time) (changes []Change, released, others []Lock, err error) {
	seen := map[string]bool{}
	for _, r := range resources {
		own, ok := t.Own(owner, r)
		if ok && seen[own.Key] {
			continue
		}
		seen[own.Key] = true
		if !ok {
			if other, ok := t.find(r, func(e Entry) bool { return e.Live(now) }); ok {
				others = append(others, other.Lock)
			}
			continue
		}
		if nonce != "" && own.Nonce != nonce {
			return nil, nil, nil, &NonceError{Present: own.Lock, Given: nonce}
		}
		changes = append(changes, Change{Key: own.Key, Old: own.Version})
		released = append(released, own.Lock)
	}
	return changes, released, others, nil
}

func byResource(a, b Lock) int {
	return cmp.Or(cmp.Compare(a.Resource.String(), b.Resource.String()), cmp.Compare(a.Owner, b.Owner))
}

// Sort orders locks by resource.
func Sort(locks []Lock) { slices.SortFunc(locks, byResource) }
