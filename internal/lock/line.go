package lock

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// WaitingNamespace is where those who wait for a lock write themselves down on
// the arbiter, one ref each, so that all can see who came first.
const WaitingNamespace = "refs/git-grite/waiting"

// NotesNamespace is where holders are asked something, one ref for each lock and
// asker.
const NotesNamespace = "refs/grite/notes"

// Bounds of an entry, which anybody who can push may have written.
const (
	maxWaiter          = 16 << 10 // bytes of its JSON
	maxWaiterResources = 256
)

// Waiter is one entry of the line: who waits for what, since when and until
// when. All its resources are wanted at once.
type Waiter struct {
	Owner     Owner
	Nonce     string    // of the request; breaks ties between tickets
	Ticket    time.Time // of the first attempt, millisecond precision
	Until     time.Time // end of the wait, millisecond precision
	Resources []Resource
	Exclusive bool // other requests of the same owner are in the way, too
}

type waiterJSON struct {
	Owner     Owner    `json:"owner"`
	Until     int64    `json:"until_unix_ms"`
	Resources []string `json:"resources"`
	Exclusive bool     `json:"exclusive,omitempty"`
}

// Name is the last part of the entry's ref: the key of its first resource, its
// ticket in milliseconds, its nonce.
func (w Waiter) Name() string {
	return fmt.Sprintf("%s-%d-%s", w.Resources[0].Key(), w.Ticket.UnixMilli(), w.Nonce)
}

// Encode writes the part of the entry that is not in its name.
func (w Waiter) Encode() []byte {
	j := waiterJSON{Owner: w.Owner, Until: w.Until.UnixMilli(), Exclusive: w.Exclusive}
	for _, r := range w.Resources {
		j.Resources = append(j.Resources, r.String())
	}
	text, _ := json.Marshal(j) // strings, a number and a bool can always be written
	return text
}

// ParseWaiter reads an entry: the last part of its ref, and what Encode wrote.
// An error means that the entry is damaged: it stands for nobody, and a
// client that sees it removes it.
func ParseWaiter(name string, text []byte) (Waiter, error) {
	w, key, err := parseWaiterName(name)
	if err != nil {
		return Waiter{}, err
	}
	var j waiterJSON
	if len(text) > maxWaiter {
		return Waiter{}, fmt.Errorf("has %d bytes; %d are allowed", len(text), maxWaiter)
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&j); err != nil {
		return Waiter{}, fmt.Errorf("is no entry of the line: %w", err)
	}
	w.Owner, w.Until, w.Exclusive = j.Owner, time.UnixMilli(j.Until), j.Exclusive
	switch {
	case !w.Owner.Valid():
		return Waiter{}, errors.New("has no valid owner")
	case len(j.Resources) == 0 || len(j.Resources) > maxWaiterResources:
		return Waiter{}, fmt.Errorf("waits for %d resources; 1 to %d are allowed", len(j.Resources), maxWaiterResources)
	case w.Until.Before(w.Ticket) || w.Until.After(w.Ticket.Add(MaxTTL)):
		return Waiter{}, errors.New("ends before it begins, or more than 30 days later")
	case Key(j.Resources[0]) != key:
		return Waiter{}, errors.New("does not wait for the resource in its name")
	}
	for _, text := range j.Resources {
		r, err := ParseRecorded(text)
		if err != nil {
			return Waiter{}, err
		}
		w.Resources = append(w.Resources, r)
	}
	return w, nil
}

// parseWaiterName reads the name of an entry, and only as Name writes it:
// another spelling of the same ticket would be a second entry.
func parseWaiterName(name string) (Waiter, string, error) {
	bad := fmt.Errorf("%.80q is no name in the line", name)
	parts := strings.SplitN(name, "-", 3)
	if len(parts) != 3 || len(parts[0]) != 16 || strings.Trim(parts[0], "0123456789abcdef") != "" {
		return Waiter{}, "", bad
	}
	ms, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || ms <= 0 || strconv.FormatInt(ms, 10) != parts[1] || ms > maxMillis {
		return Waiter{}, "", bad
	}
	nonce := parts[2]
	if nonce == "" || len(nonce) > 64 || strings.Trim(nonce, "0123456789abcdef-") != "" {
		return Waiter{}, "", bad
	}
	return Waiter{Ticket: time.UnixMilli(ms), Nonce: nonce}, parts[0], nil
}

// maxMillis is the end of the year 9999, so that adding to a ticket cannot
// overflow.
const maxMillis = 253402300799999

// WaitSkew is how long past its end an entry is left in the line: its author's
// clock may be behind.
const WaitSkew = time.Minute

// Ended reports whether the wait is over, so that any client may
// remove the entry. skew is how far another machine's clock may be off.
func (w Waiter) Ended(now time.Time, skew time.Duration) bool { return now.After(w.Until.Add(skew)) }

// Before reports whether w stands before o: the earlier ticket does, and of two
// at the same millisecond the lower nonce.
func (w Waiter) Before(o Waiter) bool {
	return cmp.Or(w.Ticket.Compare(o.Ticket), cmp.Compare(w.Nonce, o.Nonce)) < 0
}

// rivals reports whether only one of two requests can be granted.
func (w Waiter) rivals(o Waiter) bool {
	if w.Nonce == o.Nonce || w.Owner == o.Owner && !w.Exclusive && !o.Exclusive {
		return false
	}
	return slices.ContainsFunc(w.Resources, func(r Resource) bool {
		return slices.ContainsFunc(o.Resources, r.Conflicts)
	})
}

// Ahead counts those in line that stand before w and want something that
// excludes what w wants. Entries past their end do not count.
func (w Waiter) Ahead(line []Waiter, now time.Time, skew time.Duration) (k int) {
	for _, o := range line {
		if !o.Ended(now, skew) && o.Before(w) && w.rivals(o) {
			k++
		}
	}
	return k
}

// Turn is when w may announce, where what it wants has been seen free since
// free: at once for the first in line, and a slot later for each one ahead, who
// may have died. Others that look at the line find the same order, so that those
// who live announce one by one.
//
// A slot is the time that one who stands ahead may need to notice that the
// resource is free and to announce: the longest pause between two of its looks,
// a look and a push. Where all know the moment beforehand, as with a lease
// that expires, a look and a push are enough.
func (w Waiter) Turn(line []Waiter, free, now time.Time, slot, skew time.Duration) time.Time {
	return free.Add(time.Duration(w.Ahead(line, now, skew)) * slot)
}
