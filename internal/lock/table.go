package lock

import (
	"strings"
	"time"
)

// Entry is a lock where it stands in the table.
type Entry struct {
	Lock
	Key     string // of its ref; the Key of its resource as the record spells it
	Version string // of its record; changes with every change of it
}

// Damage is a record that cannot be read. It never blocks anybody.
type Damage struct {
	Key     string // "" for a ref in the place of the directory of all locks
	Version string // "" when the store does not know
	Err     error
	Remedy  string // the command that removes it on the server, where no push can
}

// shadows reports whether the damaged record stands where git would need a
// directory or a file to make the ref of r, so that it has to go first.
func (d Damage) shadows(r Resource) bool {
	return d.Key == "" || strings.HasPrefix(d.Key, r.Key()+"/")
}

// Table is all locks at one moment.
type Table struct {
	Entries []Entry // of the arbiter, ordered by key
	Damaged []Damage
	// Beside are locks that count although the arbiter does not keep them: those
	// taken offline in this clone, next to those of a remote, or the last view of
	// a remote, next to those taken offline. They can be in the way of a request
	// and are never changed.
	Beside []Entry
}

// View is what one look at the locks brought.
type View struct {
	Table
	Beaten      []Beaten // locks taken offline that lost; they count as not held
	DamagedHere []Damage // of the records that this clone keeps beside the arbiter's
	// Asked is when the arbiter was asked, by this clock and before anything was
	// sent; zero when it was not.
	Asked  time.Time
	Clocks []ClockDoubt
}

// Beaten is a lock that was taken offline and lost.
type Beaten struct {
	Lock Lock
	By   Lock // the arbiter's lock that is in its way
}

// ClockDoubt is a lock whose owner's clock and this one cannot both be right: it
// came after the last look, and says that it was acquired at another time.
type ClockDoubt struct {
	Lock Lock
	// Ahead is how far the owner's clock is ahead of this one at least; negative
	// when it is behind.
	Ahead time.Duration
}

// pushTime is how long a record may take from being made until others see it.
const pushTime = 20 * time.Second

// Doubt compares the locks that appeared between two looks with the clock that
// timed these: before says which keys the earlier look had.
func (t *Table) Doubt(before map[string]bool, from, to time.Time) (doubts []ClockDoubt) {
	for _, e := range t.Entries {
		if before[e.Key] || e.Acquired.IsZero() || e.Released() {
			continue
		}
		if behind := e.Acquired.Sub(from.Add(-pushTime)); behind < 0 {
			doubts = append(doubts, ClockDoubt{e.Lock, behind})
		} else if ahead := e.Acquired.Sub(to); ahead > 0 {
			doubts = append(doubts, ClockDoubt{e.Lock, ahead})
		}
	}
	return doubts
}

// At returns the record at key.
func (t *Table) At(key string) (Entry, bool) {
	for i := range t.Entries {
		if t.Entries[i].Key == key {
			return t.Entries[i], true
		}
	}
	return Entry{}, false
}

// Version returns what stands at key, sound or damaged; "" for nothing.
func (t *Table) Version(key string) string {
	if e, ok := t.At(key); ok {
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

// Mine lists the resources of the owner's records.
func (t *Table) Mine(owner Owner) []Resource {
	var resources []Resource
	for _, e := range t.Entries {
		if e.Owner == owner && !e.Tombstone() {
			resources = append(resources, e.Resource)
		}
	}
	return resources
}

// Has reports whether there is a record of the resource; a nil table has none.
func (t *Table) Has(r Resource) bool {
	if t == nil {
		return false
	}
	_, ok := t.find(r, func(Entry) bool { return true })
	return ok
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
	Damaged bool   // the record that goes is damaged
}

// replace is the change of what stands at key into a lock.
func (t *Table) replace(key string, l *Lock) *Change {
	old := t.Version(key)
	_, sound := t.At(key)
	return &Change{Key: key, Old: old, New: l, Damaged: old != "" && !sound}
}

// Made reports whether all changes have been made.
func (t *Table) Made(changes []Change) bool {
	for _, c := range changes {
		if t.Version(c.Key) != c.Version {
			return false
		}
	}
	return true
}
