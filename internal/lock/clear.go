package lock

import "time"

// BreakRequest asks for the removal of somebody's lock.
type BreakRequest struct {
	By       Owner
	Label    string
	Resource Resource
	Nonce    string // of the lock that is meant
	Reason   string
	Mark     string // the nonce of the tombstone
}

// Break decides the removal of somebody's lock: its record becomes a tombstone.
// It returns *NotHeldError when there is none and *NonceError when it is not
// the one that was meant.
func (t *Table) Break(q BreakRequest, now time.Time) ([]Change, Lock, error) {
	e, ok := t.find(q.Resource, func(e Entry) bool { return !e.Released() })
	if !ok {
		return nil, Lock{}, &NotHeldError{Resource: q.Resource}
	}
	if e.Nonce != q.Nonce {
		return nil, Lock{}, &NonceError{Present: e.Lock, Given: q.Nonce}
	}
	tomb := Lock{
		Owner: q.By, Label: q.Label, Reason: q.Reason, Resource: e.Resource, Acquired: now,
		Nonce: q.Mark, Expires: time.UnixMilli(0), BrokenNonce: e.Nonce, BrokenOwner: e.Owner,
	}
	return []Change{{Key: e.Key, Old: e.Version, New: &tomb}}, e.Lock, nil
}

// Collected is what garbage collection removed.
type Collected struct {
	Expired []Lock
	Damaged []Damage
	Records int // all of them, with released ones and old tombstones
}

// maxCollect is how many records one step of a collection removes.
const maxCollect = 200

// Collect decides the next step of garbage collection: locks that expired longer
// than skew ago, released records, tombstones older than TombstoneLife and, when
// there are none of these, damaged records.
func (t *Table) Collect(skew time.Duration, now time.Time) (changes []Change, c Collected) {
	for _, e := range t.Entries {
		switch {
		case len(changes) == maxCollect:
			continue
		case e.Tombstone() && now.Before(e.Acquired.Add(TombstoneLife)):
			continue
		case e.Released():
		case now.Before(e.Expires.Add(skew)):
			continue
		default:
			c.Expired = append(c.Expired, e.Lock)
		}
		changes = append(changes, Change{Key: e.Key, Old: e.Version})
	}
	if len(changes) == 0 {
		c.Damaged = t.Damaged[:min(len(t.Damaged), maxCollect)]
		for _, d := range c.Damaged {
			changes = append(changes, Change{Key: d.Key, Old: d.Version})
		}
	}
	c.Records = len(changes)
	return changes, c
}
