package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
	"github.com/git-grite/git-grite/internal/wire"
)

type statusOptions struct {
	resources         texts
	mine, all, cached bool
	watch             bool
	interval          optional
}

func newStatus() *command {
	var o statusOptions
	return &command{
		name: "status", aliases: []string{"list", "ls"}, args: "[PATH …]", usage: "show who holds what",
		flags: []cli.Flag{
			resourceFlag(&o.resources),
			boolFlag(&o.mine, "mine", "only the locks you hold"),
			boolFlag(&o.all, "all", "expired and broken locks too"),
			boolFlag(&o.cached, "cached", "the last view, without asking the remote"),
			boolFlag(&o.watch, "watch", "go on showing them on the whole screen; with --json print what changes, a line each"),
			optionalFlag(&o.interval, "interval", "how often --watch asks the remote, a `DURATION`"),
		},
		run: func(ctx context.Context, c *call) (result, error) { return runStatus(ctx, c, o) },
	}
}

// lookTimeout bounds the look at the remote of a command that can do without.
const lookTimeout = 5 * time.Second

// lookOnce is that look, or one at the last view alone.
func lookOnce(cached bool) clone.Ask {
	if cached {
		return clone.Ask{}
	}
	return clone.Ask{Limit: lookTimeout}
}

func runStatus(ctx context.Context, c *call, o statusOptions) (result, error) {
	if o.watch {
		return result{silent: true}, runWatch(ctx, c, o)
	}
	if o.interval.given {
		return result{}, usagef("--interval needs --watch")
	}
	cl, err := c.openLocks(ctx)
	if err != nil {
		return result{}, err
	}
	if o.mine && cl.Chosen() {
		if _, err := cl.Actor(); errors.Is(err, config.ErrNoActor) {
			return result{}, err
		}
	}
	ask := lookOnce(o.cached)
	ask.Closely = true
	v, err := cl.Look(ctx, ask)
	if err != nil {
		return result{}, err
	}
	if !o.cached && v.Unreachable != nil && v.AsOf.IsZero() {
		return result{}, &check.BlindError{Remote: v.Remote, Err: v.Unreachable}
	}
	wanted, err := c.resources(ctx, cl, o.resources, &v)
	if err != nil {
		return result{}, err
	}
	c.out.report(v.Report)
	now := c.Now()
	locks := v.Locks[:0] // nobody asks for the others
	expired := 0
	for _, l := range v.Locks {
		switch {
		case o.mine && l.Owner != v.Actor.ID || !concerns(l, wanted):
		case l.Live(now) || o.all || cl.Blocks(l):
			locks = append(locks, l)
		case !l.Released():
			expired++
		}
	}
	lock.Sort(locks)
	st := style{palette: c.out.ofStdout(), columns: c.columns(), utf8: c.utf8(), ellipsis: c.ellipsis(), me: v.Actor.ID, skew: v.Skew}
	if slices.ContainsFunc(locks, func(l lock.Lock) bool { return l.Owner == st.me }) {
		st.fenced = cl.FencedAt()
	}
	st.gone = map[lock.Owner]bool{}
	for _, l := range locks {
		if _, known := st.gone[l.Owner]; !known && l.Owner != st.me {
			if st.gone[l.Owner] = cl.SessionGone(l.Owner); st.gone[l.Owner] {
				c.out.note(wire.Advice, "the session %s has ended on this machine: git grite lock release --mine --actor %s gives up its locks",
					wire.Printable(l.Label), wire.ShellQuote(l.Label))
			}
		}
	}
	data := c.statusObject(v, locks, expired)
	for i, l := range data.Locks {
		data.Locks[i].SessionGone = st.gone[l.Owner]
		if at, fenced := st.fenced[clone.Grant{Resource: l.Resource, Nonce: l.Nonce}]; fenced {
			data.Locks[i].FencedUnixMS = at.UnixMilli()
		}
	}
	return result{data: data, paged: true, text: func(w io.Writer) {
		if len(locks) == 0 {
			fmt.Fprintln(w, "No active locks"+selected(o, wanted))
			return
		}
		fmt.Fprintln(w, "Active Locks:")
		print := printLocks
		if st.columns > 0 {
			print = drawLocks
		}
		print(w, locks, st, now)
	}}, nil
}

// selected says which locks were asked for, where that is not all of them: others
// may be active.
func selected(o statusOptions, wanted []lock.Resource) (text string) {
	if o.mine {
		text = " of yours"
	}
	switch n := len(wanted); {
	case n == 1:
		text += " on " + wire.Printable(wanted[0].String())
	case n > 1:
		text += fmt.Sprintf(" on these %d resources", n)
	}
	return text
}

// maxDamage is how many damaged records are told one by one.
const maxDamage = 5

// statusObject makes the object of a view, and tells how old it is and what of
// it is damaged.
func (c *call) statusObject(v clone.View, locks []lock.Lock, expired int) wire.Status {
	r := c.reader(v.Actor)
	r.Skew = v.Skew
	data := wire.Status{Conflicts: []wire.Beaten{}, Fresh: v.Fresh, ExpiredCount: expired}
	if c.out.json { // else nobody looks at them, and there may be many
		data.Locks = r.Locks(locks)
	}
	if v.Actor.ID != "" {
		data.Conflicts = r.Beaten(v.Beaten)
	}
	data.AsOfUnixMS = wire.UnixMS(v.AsOf)
	c.tellAge(v)
	for i, d := range v.Damaged {
		data.Damaged = append(data.Damaged, wire.Damaged{Ref: refstore.Namespace + "/" + d.Key, OID: d.Version, Reason: d.Err.Error()})
		switch {
		case i < maxDamage:
			c.out.note(wire.Advice, "%s; %s", wire.Printable(d.Err.Error()), wire.Mend(d, "git grite lock gc removes it or says how"))
		case i == maxDamage:
			c.out.note(wire.Advice, "%d more records are damaged", len(v.Damaged)-maxDamage)
		}
	}
	return data
}

// tellAge says how old a view is, unless the arbiter was asked just now.
func (c *call) tellAge(v clone.View) {
	switch {
	case v.Unreachable != nil:
		c.out.note(wire.StaleView, "%s; %s", wire.Printable(v.Unreachable.Error()), wire.Age(v.AsOf, c.Now()))
	case !v.Fresh:
		c.out.note(wire.StaleView, "%s", wire.Age(v.AsOf, c.Now()))
	}
}

// concerns reports whether a lock is among those that the caller asked about:
// those that would conflict with a lock on one of the resources. To ask about
// nothing is to ask about all.
func concerns(l lock.Lock, wanted []lock.Resource) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(r lock.Resource) bool {
		return l.Resource.SameAs(r) || l.Resource.Conflicts(r) || l.Resource.Conflicts(r.AsDirectory())
	})
}

// style is how rows look.
type style struct {
	palette
	columns  int // of the terminal, 0 for none
	utf8     bool
	ellipsis string
	me       lock.Owner
	skew     time.Duration

	fenced map[clone.Grant]time.Time // the last fenced push under a lock
	gone   map[lock.Owner]bool       // sessions that have ended
}

// printLocks writes a row per lock: the resource padded to the longest, the
// owner, the remaining time, then what else is known.
func printLocks(w io.Writer, locks []lock.Lock, st style, now time.Time) {
	names := make([]string, len(locks))
	width := 0
	for i, l := range locks {
		names[i] = wire.Name(l)
		width = max(width, utf8.RuneCountInString(names[i]))
	}
	var row []byte
	for i, l := range locks {
		row = append(append(row[:0], "  "...), names[i]...)
		for range width - utf8.RuneCountInString(names[i]) {
			row = append(row, ' ')
		}
		row = fmt.Appendf(row, " %s  %s", wire.Printable(l.Owner.Short()), st.when(l, now))
		for _, detail := range st.details(l, now) {
			row = append(append(row, "  "...), detail...)
		}
		w.Write(append(row, '\n'))
	}
}

// when says how long a lock lasts, or what became of it.
func (st style) when(l lock.Lock, now time.Time) string {
	left := l.Expires.Sub(now)
	switch {
	case l.Tombstone():
		return fmt.Sprintf("broken %s ago", wire.Span(now.Sub(l.Acquired)))
	case l.Released():
		return "released"
	case left <= 0 && left > -st.skew && l.Remote != "":
		return fmt.Sprintf("ended, free in %s", wire.Span(left+st.skew+time.Second-1))
	case left <= 0:
		return fmt.Sprintf("expired %s ago", wire.Span(-left))
	}
	return "expires in " + wire.Span(left)
}

// details are what else is known of a lock.
func (st style) details(l lock.Lock, now time.Time) (list []string) {
	if l.Label != "" {
		list = append(list, wire.Printable(l.Label))
	}
	if l.Reason != "" {
		list = append(list, wire.Printable(l.Reason))
	}
	if l.Unconfirmed {
		list = append(list, "not confirmed")
	}
	if st.gone[l.Owner] {
		list = append(list, "session has ended")
	}
	if doubt := wire.Doubt(l); doubt != "" {
		list = append(list, doubt)
	}
	if at, fenced := st.fenced[clone.Grant{Resource: l.Resource.String(), Nonce: l.Nonce}]; fenced {
		list = append(list, fmt.Sprintf("pushed under it %s ago", wire.Span(now.Sub(at))))
	}
	return list
}
