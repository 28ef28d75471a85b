// Package lock knows who holds what until when: the resources and how they
// exclude each other, leases, the legal changes of a table of locks, and the
// loop that loads the table, decides, and swaps the change in. It knows neither
// git nor files nor flags, prints nothing, and takes the time as a parameter;
// where the table is kept is behind Store.
package lock

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Owner is an actor's id: 32 lowercase hex digits.
type Owner string

// Valid tells whether o has the form of an actor's id.
func (o Owner) Valid() bool {
	return len(o) == 32 && strings.Trim(string(o), "0123456789abcdef") == ""
}

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
	// has it, "" for this clone, and Unconfirmed is a lock of this clone that the
	// arbiter has not granted.
	Remote      string
	Unconfirmed bool

	// A broken lock leaves a tombstone: a released record of the one who broke
	// it, which tells the displaced owner.
	BrokenNonce string
	BrokenOwner Owner
}

// Live tells whether the lease still runs.
func (l Lock) Live(now time.Time) bool { return now.Before(l.Expires) }

// Released tells whether the record stands for no lease at all.
func (l Lock) Released() bool { return l.Expires.UnixMilli() <= 0 }

// Tombstone tells whether the record is what breaking a lock left.
func (l Lock) Tombstone() bool { return l.Released() && l.BrokenNonce != "" }

// TombstoneLife is how long a tombstone is kept for the displaced owner.
const TombstoneLife = 24 * time.Hour

// Entry is a lock where it stands in the table.
type Entry struct {
	Lock
	Key     string // of its ref; the Key of its resource as the record spells it
	Version string // of its record; changes with every change of it
}

// Damage is a record that cannot be read. It never blocks anybody.
type Damage struct {
	Key     string // "" for a ref in the place of the directory of all locks
	Version string // "" when the store cannot tell
	Err     error
}

// shadows tells whether the damaged record stands where git would need a
// directory or a file to make the ref of r, so that it has to go first.
func (d Damage) shadows(r Resource) bool {
	return d.Key == "" || strings.HasPrefix(d.Key, r.Key()+"/")
}

// Table is all locks at one moment.
type Table struct {
	Entries []Entry // of the arbiter, ordered by key
	Damaged []Damage
	// Beside are locks that somebody else than the arbiter keeps: those taken
	// offline in this clone beside those of a remote, or the last view of a
	// remote beside those taken offline. They can be in the way of a request and
	// are never changed.
	Beside []Entry
}

// at returns the record at key.
func (t *Table) at(key string) (Entry, bool) {
	for _, e := range t.Entries {
		if e.Key == key {
			return e, true
		}
	}
	return Entry{}, false
}

// Version returns what stands at key, sound or damaged; "" for nothing.
func (t *Table) Version(key string) string {
	if e, ok := t.at(key); ok {
		return e.Version
	}
	for _, d := range t.Damaged {
		if d.Key == key {
			return d.Version
		}
	}
	return ""
}

// Own returns the owner's record of a resource in either spelling, an exact
// one first.
func (t *Table) Own(owner Owner, r Resource) (Entry, bool) {
	return t.find(r, func(e Entry) bool { return e.Owner == owner && !e.Tombstone() })
}

// find returns the record of a resource that ok accepts, an exact spelling first.
func (t *Table) find(r Resource, ok func(Entry) bool) (Entry, bool) {
	var found Entry
	hit := false
	for _, e := range t.Entries {
		if !e.Resource.SameAs(r) || !ok(e) {
			continue
		}
		if e.Resource.String() == r.String() {
			return e, true
		}
		found, hit = e, true
	}
	return found, hit
}

// Change is one change of the table: the record at Key becomes New, or is
// deleted when New is nil, provided that its version is still Old ("" for none).
type Change struct {
	Key     string
	Old     string
	New     *Lock
	Version string // of New, once the store has written it
}

// What Store.Swap returns beside errors that mean that nothing was changed.
var (
	// ErrLostRace means that somebody else changed one of the records first.
	// Nothing has been changed then.
	ErrLostRace = errors.New("another process changed the locks first")
	// ErrUnknown is wrapped when the changes may have been made or not, or may
	// be made later: a reply was lost.
	ErrUnknown = errors.New("the outcome is not known")
	// ErrNotAtomic means that the store can make only one change at a time.
	ErrNotAtomic = errors.New("only one lock can be changed at a time")
)

// HeldError is a request that locks of others are in the way of.
type HeldError struct {
	Wanted    Resource
	Conflicts []Lock // ordered by resource; never empty
	// Free is when the last of them may be taken over: Expires and the clock
	// skew that is allowed for.
	Free time.Time
}

func (e *HeldError) Error() string {
	l := e.Conflicts[0]
	return fmt.Sprintf("%s is held by %s", l.Resource, l.Holder())
}

// Holder names the owner for people: the label and the first 8 digits.
func (l Lock) Holder() string {
	if l.Label == "" {
		return string(l.Owner)
	}
	return fmt.Sprintf("%s (%s)", l.Label, l.Owner.Short())
}

// Short is the first 8 digits.
func (o Owner) Short() string { return string(o[:min(8, len(o))]) }

// NotHeldError is a renewal or a break of something nobody holds.
type NotHeldError struct{ Resource Resource } // zero Resource: the actor holds nothing at all

func (e *NotHeldError) Error() string {
	if e.Resource.String() == "" {
		return "this actor holds no locks"
	}
	return fmt.Sprintf("there is no lock on %s", e.Resource)
}

// LeftoverError is an acquire that failed and may have left a lock on the
// arbiter, because it could not be withdrawn.
type LeftoverError struct {
	Cause, Withdrawal error
	TTL               time.Duration // in which what was left ends by itself
}

func (e *LeftoverError) Error() string {
	return fmt.Sprintf("%v; what was sent of it could not be taken back and ends by itself within %s (%v)", e.Cause, e.TTL, e.Withdrawal)
}

func (e *LeftoverError) Unwrap() error { return e.Cause }

// BrokenError is a renewal of a lock that somebody broke.
type BrokenError struct{ Tombstone Lock }

func (e *BrokenError) Error() string {
	return fmt.Sprintf("the lock on %s was broken by %s", e.Tombstone.Resource, e.Tombstone.Holder())
}

// NonceError is a nonce that is not the present one.
type NonceError struct {
	Present Lock
	Given   string
}

func (e *NonceError) Error() string {
	return fmt.Sprintf("the lock on %s has the nonce %s, not %q", e.Present.Resource, e.Present.Nonce, clip(e.Given))
}

// Has tells whether there is a record of the resource; a nil table has none.
func (t *Table) Has(r Resource) bool {
	if t == nil {
		return false
	}
	_, ok := t.find(r, func(Entry) bool { return true })
	return ok
}
