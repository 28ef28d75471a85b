package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
)

func lockStatusCommand() *command {
	return &command{
		name: "status", args: "[PATH …]", usage: "show who holds what",
		flags: []cli.Flag{
			resourceFlag(),
			&cli.BoolFlag{Name: "mine", Usage: "own locks only"},
			&cli.BoolFlag{Name: "all", Usage: "expired and broken locks too"},
			&cli.BoolFlag{Name: "cached", Usage: "the last view, without asking the remote"},
		},
		run: runLockStatus,
	}
}

// statusJSON is the data of status.
type statusJSON struct {
	Locks        []lockJSON    `json:"locks"`
	Conflicts    []lostJSON    `json:"conflicts"`
	Damaged      []damagedJSON `json:"damaged,omitempty"`
	AsOfUnixMS   int64         `json:"as_of_unix_ms"`
	Fresh        bool          `json:"fresh"`
	ExpiredCount int           `json:"expired_count,omitempty"`
}

// lostJSON is a lock that was taken offline and lost.
type lostJSON struct {
	lockJSON
	HeldBy lockJSON `json:"held_by"`
}

type damagedJSON struct {
	Ref    string `json:"ref"`
	OID    string `json:"oid,omitempty"`
	Reason string `json:"reason"`
}

func runLockStatus(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := openLocks(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	me, _, whoErr := s.whoever()
	if cc.Bool("mine") && whoErr != nil {
		if s.dataDir != "" || s.actorName != "" {
			return result{}, whoErr
		}
	}
	if whoErr == nil {
		if err := s.adopt(ctx, me); err != nil {
			return result{}, err
		}
	}
	v, unreachable, err := s.view(ctx, !cc.Bool("cached"))
	if err != nil {
		return result{}, err
	}
	wanted, err := s.resources(cc)
	if err != nil {
		return result{}, err
	}
	if whoErr == nil {
		s.tellLosses(me)
		s.unvouched(me, v.locks)
	}
	now := s.env.Now()
	var locks []lock.Lock
	expired := 0
	for _, l := range v.locks {
		switch {
		case cc.Bool("mine") && l.Owner != me.ID || !concerns(l, wanted):
		case l.Live(now) || cc.Bool("all"):
			locks = append(locks, l)
		case !l.Released():
			expired++
		}
	}
	lock.Sort(locks)
	data := statusJSON{Locks: locksJSON(locks), Conflicts: s.lostJSON(me.ID), Fresh: v.fresh, ExpiredCount: expired}
	asOf := s.asOf()
	if !asOf.IsZero() {
		data.AsOfUnixMS = asOf.UnixMilli()
	}
	for _, d := range v.damaged {
		data.Damaged = append(data.Damaged, damagedJSON{Ref: refstore.Namespace + "/" + d.Key, OID: d.Version, Reason: d.Err.Error()})
	}
	if unreachable != nil {
		out.note("warning: %s; %s", printable(unreachable.Error()), age(asOf, now))
	} else if !v.fresh {
		out.note("%s", age(asOf, now))
	}
	for _, d := range data.Damaged {
		out.note("warning: %s; it blocks nobody; git grite lock gc removes it", printable(d.Reason))
	}
	return result{data: data, text: func(w io.Writer) {
		if len(locks) == 0 {
			fmt.Fprintln(w, "No active locks")
			return
		}
		fmt.Fprintln(w, "Active Locks:")
		printLocks(w, locks, style{on: env.Terminal && env.getenv("NO_COLOR") == "", bar: env.Terminal, me: me.ID}, now)
	}}, nil
}

// lostJSON lists the locks of an actor that were taken offline and lost.
func (s *session) lostJSON(owner lock.Owner) []lostJSON {
	list := []lostJSON{}
	if s.remote == nil {
		return list
	}
	for _, o := range s.last.Beaten {
		if o.Lock.Owner == owner {
			list = append(list, lostJSON{newLockJSON(o.Lock), newLockJSON(o.By)})
		}
	}
	return list
}

// age says how old a view is.
func age(asOf, now time.Time) string {
	if asOf.IsZero() {
		return "the remote was never asked: git grite sync"
	}
	return fmt.Sprintf("this is the view of %s ago", span(now.Sub(asOf)))
}

// concerns tells whether a lock is among those that the caller asked about: on
// one of the resources, in either spelling, or covering one of the paths. To
// ask about nothing is to ask about all.
func concerns(l lock.Lock, wanted []lock.Resource) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(r lock.Resource) bool {
		return l.Resource.SameAs(r) || r.Namespace() == lock.Path && l.Resource.Covers(strings.TrimSuffix(r.Name(), "/"), false)
	})
}

// style is how rows look on a terminal.
type style struct {
	on  bool // colour
	bar bool // of the remaining lease
	me  lock.Owner
}

// The SGR sequences in use.
const (
	green, yellow, plain = "\x1b[32m", "\x1b[33m", "\x1b[0m"
)

// printLocks writes a row per lock: the resource padded to the longest, the
// owner, the remaining time, then what else is known.
func printLocks(w io.Writer, locks []lock.Lock, st style, now time.Time) {
	names := make([]string, len(locks))
	width := 0
	for i, l := range locks {
		names[i] = printable(l.Resource.String())
		width = max(width, utf8.RuneCountInString(names[i]))
	}
	for i, l := range locks {
		left := l.Expires.Sub(now)
		when := "expires in " + span(left)
		switch {
		case l.Tombstone():
			when = fmt.Sprintf("broken %s ago", span(now.Sub(l.Acquired)))
		case l.Released():
			when = "released"
		case left <= 0:
			when = fmt.Sprintf("expired %s ago", span(-left))
		}
		row := names[i] + strings.Repeat(" ", width-utf8.RuneCountInString(names[i])) + " " + printable(l.Owner.Short()) + "  " + when
		if st.bar && left > 0 && l.TTL > 0 {
			row += "  " + bar(left, l.TTL)
		}
		if l.Label != "" {
			row += "  " + printable(l.Label)
		}
		if l.Reason != "" {
			row += "  " + printable(l.Reason)
		}
		if l.Unconfirmed {
			row += "  not confirmed"
		}
		switch {
		case st.on && left > 0 && l.TTL > 0 && left < l.TTL/10:
			row = yellow + row + plain
		case st.on && l.Owner == st.me:
			row = green + row + plain
		}
		io.WriteString(w, "  "+row+"\n")
	}
}

// bar draws what remains of a lease in ten steps.
func bar(left, ttl time.Duration) string {
	const steps = 10
	full := min(steps, int((left*steps+ttl-1)/ttl))
	return strings.Repeat("█", full) + strings.Repeat("░", steps-full)
}
