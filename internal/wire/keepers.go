package wire

import (
	"fmt"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/hold"
	"github.com/git-grite/git-grite/internal/keep"
)

// Keeper is what is renewed in the background for one actor.
type Keeper struct {
	ActorID       string `json:"actor_id"`
	Label         string `json:"label"`
	Running       bool   `json:"running"`
	PID           int    `json:"pid,omitempty"`
	StartedUnixMS int64  `json:"started_unix_ms,omitempty"`
	RenewedUnixMS int64  `json:"renewed_unix_ms,omitempty"` // when the last good renewal was sent
	Error         string `json:"error,omitempty"`           // of the last renewal, when it failed
	Locks         []Kept `json:"locks"`
}

// Kept is a lock that is renewed in the background, and for how long.
type Kept struct {
	Resource    string `json:"resource"`
	Nonce       string `json:"nonce"`
	TTLMS       int64  `json:"ttl_ms"`
	WhilePID    int    `json:"while_pid,omitempty"`
	UntilUnixMS int64  `json:"until_unix_ms,omitempty"`
	Signal      string `json:"signal,omitempty"`
}

// Keepers makes the objects of what is kept.
func Keepers(all []hold.Keeping) []Keeper {
	out := []Keeper{}
	for _, k := range all {
		j := Keeper{
			ActorID: string(k.Actor.ID), Label: k.Actor.Label, Running: k.Running, Locks: []Kept{},
			PID: k.State.PID, StartedUnixMS: k.State.StartedUnixMS, RenewedUnixMS: k.State.RenewedUnixMS, Error: k.State.Error,
		}
		for _, l := range k.Kept {
			j.Locks = append(j.Locks, Kept{l.Resource, l.Nonce, l.TTLMS, l.PID, l.UntilUnixMS, l.Signal})
		}
		out = append(out, j)
	}
	return out
}

// Change is the data of each line of "status --watch --json".
type Change struct {
	Change     string `json:"change"` // held, at the beginning; granted, renewed, ended; stale, fresh
	Lock       *Lock  `json:"lock,omitempty"`
	AsOfUnixMS int64  `json:"as_of_unix_ms"`
	Message    string `json:"message,omitempty"` // why the view is stale
}

// KeeperLine says in a line whose locks are kept, and how that goes.
func KeeperLine(k hold.Keeping, now time.Time) string {
	line := fmt.Sprintf("%s (%s): ", Printable(k.Actor.Label), k.Actor.ID.Short())
	switch {
	case !k.Running:
		line += "no keeper runs; the next lock command starts it"
	case k.State.RenewedUnixMS != 0:
		line += fmt.Sprintf("process %d, renewed %s ago", k.State.PID, Span(now.Sub(time.UnixMilli(k.State.RenewedUnixMS))))
	default:
		line += fmt.Sprintf("process %d", k.State.PID)
	}
	if k.State.Error != "" {
		line += "; cannot renew: " + Printable(k.State.Error)
	}
	return line
}

// KeptUntil says until when a lock is kept.
func KeptUntil(k keep.Kept, now time.Time) string {
	var until []string
	if k.PID != 0 {
		until = append(until, fmt.Sprintf("while process %d runs", k.PID))
	}
	if k.UntilUnixMS != 0 {
		until = append(until, "for another "+Span(time.UnixMilli(k.UntilUnixMS).Sub(now)))
	}
	return strings.Join(until, ", ")
}
