package lock

import "time"

// Holding is a lock that an arbiter other than this clone has granted. A record
// of this owner on the arbiter that belongs to no holding is not a lock: a
// crash, another clone or a delayed request left it there, and it was never
// verified.
type Holding struct {
	Lock           // as last confirmed; its deadline is the one to count on
	Version string // of its record as last confirmed
	// Verify says that the next renewal has to be verified like an acquire: no
	// renewal has been confirmed since the lock was acquired, or one was sent after
	// its deadline. Any request may reach the arbiter twice, and a late copy of one
	// can put Version back after somebody else took the lock.
	Verify  bool
	Pending []Pending // renewals whose outcome is not known, oldest first
}

// Pending is a renewal that was sent. Its record may stand, or may come to.
type Pending struct {
	Version string
	Expires time.Time // zero when not known
	TTL     time.Duration
}

// Stands reports whether a record of this version is the lock. An older
// version is not, even with the same nonce.
func (h Holding) Stands(version string) bool {
	if version == "" {
		return false
	}
	if version == h.Version {
		return true
	}
	for _, p := range h.Pending {
		if p.Version == version {
			return true
		}
	}
	return false
}

// Settle is the holding once a look has shown that e is its record.
func (h Holding) Settle(e Entry) Holding {
	settled := Holding{Lock: e.Lock, Version: e.Version, Verify: h.Verify}
	if e.Version == h.Version {
		settled.Pending = h.Pending // they may still arrive
	}
	return settled
}

// Extend is the lock with a lease that ends ttl from now, or later: never sooner
// than anything that its owner may have been told or that may come to stand. The
// version is that of a pending renewal that does as well, "" for none: a repeat
// has to be the same request.
func (h Holding) Extend(now time.Time, ttl time.Duration) (longer Lock, version string) {
	longer = h.Lock.extend(now, ttl)
	for _, p := range h.Pending {
		if !p.Expires.Before(longer.Expires) {
			longer.Expires, longer.TTL, version = p.Expires, p.TTL, p.Version
		}
	}
	return longer, version
}

// Next is the lock with such a lease too, in a record that nobody has sent before:
// one whose ref is certain to move when it is swapped in.
func (h Holding) Next(now time.Time, ttl time.Duration) Lock {
	longer, version := h.Extend(now, ttl)
	if version != "" || longer.Expires.Equal(h.Expires) {
		longer.Expires = longer.Expires.Add(time.Millisecond)
	}
	return longer
}
