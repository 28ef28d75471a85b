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
