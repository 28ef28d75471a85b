package lock

// Ledger is the book of what an arbiter beyond this clone granted to one owner.
// An own record on the arbiter that is not in it is no lock: a crash, another
// clone or a delayed request left it there, and no verify vouches for it.
type Ledger interface {
	// Held returns what was granted and not given up or lost since, by key.
	Held() (map[string]Holding, error)
	// Enter writes a holding in the place of an older one with its key.
	Enter(Holding) error
	// Strike takes one out. It is no error when there is none.
	Strike(key string) error
}

// Holding is a lock in the ledger.
type Holding struct {
	Lock
	Version string // of its record as granted or last renewed
	// Next is the version of a renewal that was sent and not confirmed yet, ""
	// for none. Until it is, the deadline is that of Version.
	Next string
}

// stands tells whether a record of this version is the held lock. An older
// version of it is not, even with its nonce: a delayed request may have put it
// back after somebody else had the lock.
func (h Holding) stands(version string) bool {
	return version != "" && (version == h.Version || version == h.Next)
}
