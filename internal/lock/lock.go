// Package lock knows who holds what until when: the resources and how they
// exclude each other, leases, and which changes of a table of locks are legal.
// All of it is pure: it does no I/O, keeps no state, and takes the time as a
// parameter. How a table is moved from one state to the next while others move
// it too is the business of protocol.
package lock

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Owner is an actor's id: 32 lowercase hex digits.
type Owner string

// Valid reports whether o has the form of an actor's id.
func (o Owner) Valid() bool {
	return len(o) == 32 && strings.Trim(string(o), "0123456789abcdef") == ""
}

// Short is the first 8 digits.
func (o Owner) Short() string { return string(o[:min(8, len(o))]) }

// Lock is a lease on one resource. The fields after Resource may be missing
// from records of other programs.
type Lock struct {
	Owner    Owner
	Nonce    string    // names this grant and no other; a renewal keeps it
	Expires  time.Time // millisecond precision; the epoch stands for released
	Resource Resource

	Label    string // the owner's, for people
	Reason   string
	Acquired time.Time
	TTL      time.Duration
	Ticket   time.Time // of the first attempt that led to this grant

	// Where the lock is kept is no part of its record: Remote is the remote that
	// has it, "" for this clone, Unconfirmed is a lock of this clone that the
	// arbiter has not granted, and Record is the version of its record as it was
	// seen, "" when that is not known.
	Remote      string
	Unconfirmed bool
	Record      string
	// Doubt is why nobody vouches for the record of another owner, "" when
	// somebody does or nobody was asked.
	Doubt string

	// A broken lock leaves a tombstone: a released record of the one who broke
	// it, which informs the displaced owner.
	BrokenNonce string
	BrokenOwner Owner
}

// Live reports whether the lease still runs.
func (l Lock) Live(now time.Time) bool { return now.Before(l.Expires) }

// Released reports whether the record stands for no lease at all.
func (l Lock) Released() bool { return l.Expires.UnixMilli() <= 0 }

// Tombstone reports whether the record is what breaking a lock left.
func (l Lock) Tombstone() bool { return l.Released() && l.BrokenNonce != "" }

// TombstoneLife is how long a tombstone is kept for the displaced owner.
const TombstoneLife = 24 * time.Hour

// extend is the lock with a lease that ends ttl from now, never sooner than it
// already does: a holder may rely on the deadline that it was given.
func (l Lock) extend(now time.Time, ttl time.Duration) Lock {
	if expires := now.Add(ttl); expires.After(l.Expires) {
		l.Expires, l.TTL = expires, ttl
	}
	return l
}

// Holder names the owner for people: the label and the first 8 digits.
func (l Lock) Holder() string {
	if l.Label == "" {
		return string(l.Owner)
	}
	return fmt.Sprintf("%s (%s)", l.Label, l.Owner.Short())
}

func byResource(a, b *Lock) int {
	if c := strings.Compare(a.Resource.String(), b.Resource.String()); c != 0 {
		return c
	}
	return strings.Compare(string(a.Owner), string(b.Owner))
}

// Sort orders locks by resource. A lock is large, so that each is moved only once.
func Sort(locks []Lock) {
	order := make([]int, len(locks)) // what has to stand there
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return byResource(&locks[a], &locks[b]) })
	for i := range order {
		first, at := locks[i], i
		for order[at] != i {
			next := order[at]
			locks[at], order[at] = locks[next], at
			at = next
		}
		locks[at], order[at] = first, at
	}
}

// Distinct drops repeated resources.
func Distinct(resources []Resource) []Resource {
	seen := map[string]bool{}
	var out []Resource
	for _, r := range resources {
		if !seen[r.String()] {
			seen[r.String()] = true
			out = append(out, r)
		}
	}
	return out
}
