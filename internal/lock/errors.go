package lock

import (
	"errors"
	"fmt"
	"time"
)

// What a swap of records returns, beside errors that mean that nothing was changed.
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

// HeldError is a request refused because other owners hold conflicting locks.
type HeldError struct {
	Wanted    Resource
	Resources []Resource // all that were asked for
	Conflicts []Lock     // ordered by resource; never empty
	// Free is when the last of them may be taken over: Expires and the clock
	// skew that is allowed for.
	Free time.Time
}

func (e *HeldError) Error() string {
	l := e.Conflicts[0]
	return fmt.Sprintf("%s is held by %s", l.Resource, l.Holder())
}

// Wants is what was asked for and a lock is in the way of.
func (e *HeldError) Wants(l Lock) Resource {
	for _, r := range e.Resources {
		if l.Resource.Conflicts(r) {
			return r
		}
	}
	return e.Wanted
}

// NotHeldError is a renewal or a break of something nobody holds, or what only the
// holder of a lock can do.
type NotHeldError struct {
	Resource Resource // zero: the actor holds nothing at all
	Own      bool     // somebody else may hold it
}

func (e *NotHeldError) Error() string {
	if e.Resource.String() == "" {
		return "this actor holds no locks"
	}
	if e.Own {
		return fmt.Sprintf("you hold no lock on %s", e.Resource)
	}
	return fmt.Sprintf("there is no lock on %s", e.Resource)
}

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
