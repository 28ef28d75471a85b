package lock

import "time"

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
		for _, d := range t.Damaged {
			if d.Remedy == "" && len(changes) < maxCollect {
				c.Damaged = append(c.Damaged, d)
				changes = append(changes, Change{Key: d.Key, Old: d.Version, Damaged: true})
			}
		}
	}
	c.Records = len(changes)
	return changes, c
}
