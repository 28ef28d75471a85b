package lock

import "time"

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
