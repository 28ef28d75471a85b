// Package wire is how results look to programs and how notices read for people:
// the JSON objects of the command line, of the MCP server and of the hooks of
// coding agents, each made in one place.
package wire

import (
	"time"

	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
)

// Envelope is the one JSON object that a command prints.
type Envelope struct {
	SchemaVersion int      `json:"schema_version"` // 1
	OK            bool     `json:"ok"`
	Data          any      `json:"data,omitempty"`
	Error         *Error   `json:"error,omitempty"`
	Notices       []Notice `json:"notices"`
}

// Error says why a command failed.
type Error struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Details any      `json:"details"`
	Hints   []string `json:"hints"` // command lines that can be run as they are
}

// Reader is whom objects are made for, and when.
type Reader struct {
	Owner lock.Owner // "" for somebody without an identity
	Now   time.Time
	Skew  time.Duration // how long past its end a lock of a remote is left alone
}

// Lock is a lock as programs see it.
type Lock struct {
	Resource       string     `json:"resource"`
	Owner          lock.Owner `json:"owner"`
	Nonce          string     `json:"nonce"`
	ExpiresUnixMS  int64      `json:"expires_unix_ms"`
	ExpiresInMS    int64      `json:"expires_in_ms"` // negative once it ended
	Mine           bool       `json:"mine"`
	Label          string     `json:"label,omitempty"`
	Reason         string     `json:"reason,omitempty"`
	AcquiredUnixMS int64      `json:"acquired_unix_ms,omitempty"`
	TTLMS          int64      `json:"ttl_ms,omitempty"`
	OID            string     `json:"oid,omitempty"` // the commit of its record: the value that fences
	Confirmed      bool       `json:"confirmed"`
	Remote         string     `json:"remote,omitempty"`
	FreeInMS       int64      `json:"free_in_ms,omitempty"`     // ended, and not yet to be taken over
	FencedUnixMS   int64      `json:"fenced_unix_ms,omitempty"` // when this clone last pushed under it
	SessionGone    bool       `json:"session_gone,omitempty"`   // it is of a session of an agent that has ended on this machine
	Unvouched      string     `json:"unvouched,omitempty"`      // why nobody vouches for the record
	Wanted         string     `json:"wanted,omitempty"`         // in a conflict: what it is in the way of
}

// Lock makes the object of a lock.
func (r Reader) Lock(l lock.Lock) Lock {
	j := Lock{
		Resource: l.Resource.String(), Owner: l.Owner, Nonce: l.Nonce, ExpiresUnixMS: UnixMS(l.Expires),
		ExpiresInMS: l.Expires.Sub(r.Now).Milliseconds(), Mine: r.Owner != "" && l.Owner == r.Owner,
		Label: l.Label, Reason: l.Reason, TTLMS: l.TTL.Milliseconds(), Confirmed: !l.Unconfirmed, Remote: l.Remote, OID: l.Record, Unvouched: l.Doubt,
		AcquiredUnixMS: UnixMS(l.Acquired),
	}
	if l.Released() {
		j.ExpiresInMS = 0
	} else if free := l.Expires.Add(r.Skew).Sub(r.Now); j.ExpiresInMS <= 0 && free > 0 && l.Remote != "" {
		j.FreeInMS = free.Milliseconds()
	}
	return j
}

// UnixMS writes a time, 0 for one that is not known.
func UnixMS(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Locks makes the objects of locks, never nil.
func (r Reader) Locks(locks []lock.Lock) []Lock {
	out := make([]Lock, 0, len(locks))
	for _, l := range locks {
		out = append(out, r.Lock(l))
	}
	return out
}

// Held is the data of acquire, renew, release and break: lock is null unless
// there is exactly one.
type Held struct {
	Lock          *Lock  `json:"lock"`
	Locks         []Lock `json:"locks"`
	AlreadyHeld   *bool  `json:"already_held,omitempty"`
	TakenOverFrom *Lock  `json:"taken_over_from,omitempty"`
	Lost          []Lost `json:"lost,omitzero"` // of renew: there, if empty
}

// Held makes the object of locks.
func (r Reader) Held(locks []lock.Lock) Held {
	h := Held{Locks: r.Locks(locks)}
	if len(h.Locks) == 1 {
		h.Lock = &h.Locks[0]
	}
	return h
}

// Renewed makes the object of a renewal.
func (r Reader) Renewed(done clone.Renewed) Held {
	h := r.Held(done.Locks)
	h.Lost = r.Lost(done.Lost)
	return h
}

// Acquired makes the object of grants.
func (r Reader) Acquired(grants []lock.Grant) Held {
	already := true
	var locks []lock.Lock
	var former *Lock
	for _, g := range grants {
		locks, already = append(locks, g.Lock), already && g.AlreadyHeld
		if len(g.TakenOver) > 0 && former == nil {
			j := r.Lock(g.TakenOver[0])
			former = &j
		}
	}
	h := r.Held(locks)
	h.AlreadyHeld, h.TakenOverFrom = &already, former
	return h
}

// Pushed is the data of a fenced push.
type Pushed struct {
	Held
	Exit   int    `json:"exit"`   // of git push
	Output string `json:"output"` // all that it said
}

// Lost is a lock that its holder no longer has.
type Lost struct {
	Lock
	Cause  string `json:"cause"`             // taken, broken, removed, not_held
	HeldBy *Lock  `json:"held_by,omitempty"` // the lock that took its place, or whose record broke it
}

// Lost makes the objects of lost locks.
func (r Reader) Lost(lost []lock.Lost) []Lost {
	out := make([]Lost, 0, len(lost))
	for _, l := range lost {
		j := Lost{Lock: r.Lock(l.Lock), Cause: l.Cause.String()}
		if l.By.Owner != "" {
			by := r.Lock(l.By)
			j.HeldBy = &by
		}
		out = append(out, j)
	}
	return out
}

// Beaten is a lock that was taken offline and lost.
type Beaten struct {
	Lock
	HeldBy Lock `json:"held_by"`
}

// Beaten makes the objects of the owner's locks that lost; of everybody's for a
// Reader without an owner.
func (r Reader) Beaten(all []lock.Beaten) []Beaten {
	out := []Beaten{}
	for _, b := range all {
		if r.Owner == "" || b.Lock.Owner == r.Owner {
			out = append(out, Beaten{r.Lock(b.Lock), r.Lock(b.By)})
		}
	}
	return out
}

// Damaged is a record that cannot be read.
type Damaged struct {
	Ref    string `json:"ref"`
	OID    string `json:"oid,omitempty"`
	Reason string `json:"reason"`
}

// Status is the data of status.
type Status struct {
	Locks        []Lock    `json:"locks"`
	Conflicts    []Beaten  `json:"conflicts"` // unconfirmed locks of the reader that lost
	Damaged      []Damaged `json:"damaged,omitempty"`
	AsOfUnixMS   int64     `json:"as_of_unix_ms"`
	Fresh        bool      `json:"fresh"`
	ExpiredCount int       `json:"expired_count,omitempty"`
}

// Collision is a path that a lock of somebody else covers.
type Collision struct {
	Path string `json:"path"`
	Lock Lock   `json:"lock"`
}

// Verdict is the data of check.
type Verdict struct {
	Collisions []Collision  `json:"collisions"`
	Unheld     []string     `json:"unheld"`
	Policy     guard.Policy `json:"policy"`
	Blocked    bool         `json:"blocked"`
	AsOfUnixMS int64        `json:"as_of_unix_ms"`
	Fresh      bool         `json:"fresh"`
}

// Verdict makes the object of a verdict.
func (r Reader) Verdict(v check.Verdict) Verdict {
	j := Verdict{Collisions: []Collision{}, Unheld: append([]string{}, v.Unheld...), Policy: v.Policy, Blocked: v.Blocked(), Fresh: v.View.Fresh, AsOfUnixMS: UnixMS(v.View.AsOf)}
	for _, c := range v.Collisions {
		j.Collisions = append(j.Collisions, Collision{c.Path, r.Lock(c.Lock)})
	}
	return j
}

// Synced is the data of sync.
type Synced struct {
	Remote     string   `json:"remote"`
	Locks      int      `json:"locks"` // running ones of the remote
	Confirmed  []Lock   `json:"confirmed"`
	Conflicts  []Beaten `json:"conflicts"`
	Expired    []Lock   `json:"expired"` // offline locks that ended before they were confirmed
	AsOfUnixMS int64    `json:"as_of_unix_ms"`

	Issues *LogSynced `json:"issues,omitempty"` // unless another remote than the arbiter was named
}

// Synced makes the object of a sync.
func (r Reader) Synced(s clone.Synced) Synced {
	everybody := Reader{Now: r.Now}
	return Synced{Remote: s.Remote, Locks: s.Running, Confirmed: r.Locks(s.Confirmed), Conflicts: everybody.Beaten(s.Lost), Expired: r.Locks(s.Expired), AsOfUnixMS: UnixMS(s.AsOf)}
}
