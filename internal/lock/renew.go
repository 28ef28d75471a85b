package lock

import "time"

// Cause is why a lock is not held, or no longer.
type Cause int

// The causes.
const (
	NotHeld Cause = iota // there was none
	Removed              // its record is gone, and nobody else holds what it covers
	Taken                // By holds what it covers
	Broken               // By is the tombstone that somebody left when breaking it
	Ended                // its lease is over, and its record still stands
)

// Lost is a lock that its owner has no longer, and why.
type Lost struct {
	Lock  Lock // only its Resource is set when it was never held
	Cause Cause
	By    Lock
}

// Err is the loss as an error: *HeldError, *BrokenError or *NotHeldError.
func (l Lost) Err() error {
	switch l.Cause {
	case Taken:
		return &HeldError{Wanted: l.Lock.Resource, Conflicts: []Lock{l.By}, Free: l.By.Expires}
	case Broken:
		return &BrokenError{Tombstone: l.By}
	}
	return &NotHeldError{Resource: l.Lock.Resource}
}

// Gone works out why the owner does not hold a lock, of which only the resource
// need be known.
func (t *Table) Gone(owner Owner, l Lock, now time.Time) Lost {
	lost := Lost{Lock: l, Cause: Removed}
	if l.Nonce == "" {
		lost.Cause = NotHeld
	}
	if held := t.InTheWay(Request{Owner: owner, Resources: []Resource{l.Resource}}, now); held != nil {
		lost.Cause, lost.By = Taken, held.Conflicts[0]
		return lost
	}
	tomb, broken := t.find(l.Resource, func(e Entry) bool {
		return e.Tombstone() && e.BrokenOwner == owner && (l.Nonce == "" || e.BrokenNonce == l.Nonce)
	})
	if broken {
		lost.Cause, lost.By, lost.Lock.Nonce = Broken, tomb.Lock, tomb.BrokenNonce
		return lost
	}
	for _, e := range t.Entries { // somebody may have taken it and let it expire since
		if lost.Cause == Removed && e.Owner != owner && !e.Released() && e.Resource.Conflicts(l.Resource) {
			lost.Cause, lost.By = Taken, e.Lock
		}
	}
	return lost
}

// Renew decides a renewal of the owner's locks on the given resources, each by
// itself, with another reason unless that is "". A lease may be renewed after its expiry as long as its record still
// stands and nobody holds what it conflicts with.
func (t *Table) Renew(owner Owner, resources []Resource, ttl time.Duration, reason string, now time.Time) (changes []Change, locks []Lock, lost []Lost) {
	seen := map[string]bool{} // "src" and "src/" may name one record
	for _, r := range resources {
		own, ok := t.Own(owner, r)
		if ok && seen[own.Key] {
			continue
		}
		if !ok {
			own.Lock = Lock{Resource: r}
		}
		if !own.Live(now) {
			if gone := t.Gone(owner, own.Lock, now); !ok || gone.Cause == Taken {
				lost = append(lost, gone)
				continue
			}
		}
		seen[own.Key] = true
		longer := own.extend(now, ttl)
		if reason != "" {
			longer.Reason = reason
		}
		if !longer.Expires.Equal(own.Expires) || longer.Reason != own.Reason {
			changes = append(changes, Change{Key: own.Key, Old: own.Version, New: &longer})
		}
		locks = append(locks, longer)
	}
	return changes, locks, lost
}

// causes are the names of the causes in journals and objects.
var causes = map[Cause]string{NotHeld: "not_held", Removed: "removed", Taken: "taken", Broken: "broken", Ended: "ended"}

func (c Cause) String() string { return causes[c] }

// ParseCause is the cause with a name; Removed for one that is not known.
func ParseCause(name string) Cause {
	for c, known := range causes {
		if known == name {
			return c
		}
	}
	return Removed
}
