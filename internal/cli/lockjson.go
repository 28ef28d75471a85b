package cli

import "github.com/git-grite/git-grite/internal/lock"

// lockJSON is a lock as programs see it.
type lockJSON struct {
	Resource       string     `json:"resource"`
	Owner          lock.Owner `json:"owner"`
	Nonce          string     `json:"nonce"`
	ExpiresUnixMS  int64      `json:"expires_unix_ms"`
	Label          string     `json:"label,omitempty"`
	Reason         string     `json:"reason,omitempty"`
	AcquiredUnixMS int64      `json:"acquired_unix_ms,omitempty"`
	TTLMS          int64      `json:"ttl_ms,omitempty"`
	Confirmed      bool       `json:"confirmed"`
	Remote         string     `json:"remote,omitempty"`
}

func newLockJSON(l lock.Lock) lockJSON {
	j := lockJSON{
		Resource: l.Resource.String(), Owner: l.Owner, Nonce: l.Nonce, ExpiresUnixMS: l.Expires.UnixMilli(),
		Label: l.Label, Reason: l.Reason, TTLMS: l.TTL.Milliseconds(), Confirmed: !l.Unconfirmed, Remote: l.Remote,
	}
	if !l.Acquired.IsZero() {
		j.AcquiredUnixMS = l.Acquired.UnixMilli()
	}
	return j
}

func locksJSON(locks []lock.Lock) []lockJSON {
	out := make([]lockJSON, 0, len(locks))
	for _, l := range locks {
		out = append(out, newLockJSON(l))
	}
	return out
}

// heldJSON is the data of acquire, renew and release: lock is null unless there
// is exactly one.
type heldJSON struct {
	Lock          *lockJSON  `json:"lock"`
	Locks         []lockJSON `json:"locks"`
	AlreadyHeld   *bool      `json:"already_held,omitempty"`
	TakenOverFrom *lockJSON  `json:"taken_over_from,omitempty"`
}

func newHeldJSON(locks []lock.Lock) heldJSON {
	h := heldJSON{Locks: locksJSON(locks)}
	if len(h.Locks) == 1 {
		h.Lock = &h.Locks[0]
	}
	return h
}
