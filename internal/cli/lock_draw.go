package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

// drawn is a lock on a terminal.
type drawn struct {
	role                          role
	name, owner, when, at, detail string
	left, ttl                     time.Duration
}

const barSteps = 10

// draw makes a row of a lock.
func (st style) draw(l lock.Lock, now time.Time) drawn {
	r := drawn{name: wire.Name(l), owner: wire.Printable(l.Owner.Short()), when: st.when(l, now), role: neutral, left: l.Expires.Sub(now), ttl: l.TTL}
	r.detail = strings.Join(st.details(l, now), "  ")
	if !l.Released() {
		r.at = " at " + l.Expires.UTC().Format("15:04 UTC")
		if t := l.Expires.UTC(); t.YearDay() != now.UTC().YearDay() || r.left.Abs() > 24*time.Hour {
			r.at = " at " + t.Format("2006-01-02 15:04 UTC")
		}
	}
	switch {
	case r.left > 0 && l.TTL > 0 && r.left < l.TTL/10:
		r.role = soon
	case l.Owner == st.me:
		r.role = mine
	}
	return r
}

// drawLocks writes locks to a terminal: what printLocks writes, the time at which
// each ends, and a bar of what is left of it. Where it would be too wide the bar is
// left out, then the time; the details go to a line of their own, and long names
// lose their beginning.
func drawLocks(w io.Writer, locks []lock.Lock, st style, now time.Time) {
	rows := make([]drawn, len(locks))
	var name, when, at, detail int
	for i, l := range locks {
		r := st.draw(l, now)
		rows[i] = r
		name, when, at, detail = max(name, wire.Width(r.name)), max(when, wire.Width(r.when)), max(at, len(r.at)), max(detail, wire.Width(r.detail))
	}
	const between = len("  ") + len(" ") + len("12345678") + len("  ")
	name = min(name, max(9, st.columns-between-when))
	room := st.columns - between - name - when
	withTime, withBar := at <= room, at+2+barSteps+2+detail <= room
	for _, r := range rows {
		line := "  " + pad(st.shorten(r.name, name), name) + " " + pad(r.owner, 8) + "  " + pad(r.when, when)
		if withTime {
			line += pad(r.at, at)
		}
		if withBar {
			line += "  " + st.bar(r.left, r.ttl)
		}
		switch {
		case r.detail == "":
		case wire.Width(line)+2+wire.Width(r.detail) <= st.columns:
			line += "  " + r.detail
		default:
			line = strings.TrimRight(line, " ") + "\n    " + wire.Fit(r.detail, st.columns-4, st.ellipsis)
		}
		fmt.Fprintln(w, st.paint(r.role, strings.TrimRight(line, " ")))
	}
}

func pad(s string, width int) string { return s + strings.Repeat(" ", max(0, width-wire.Width(s))) }

// shorten cuts a name to a number of columns, and keeps its end.
func (st style) shorten(s string, columns int) string {
	if wire.Width(s) <= columns {
		return s
	}
	space, path, _ := strings.Cut(s, ":")
	head := space + ":" + st.ellipsis
	for wire.Width(head)+wire.Width(path) > columns {
		path = path[1:]
		for path != "" && path[0]&0xc0 == 0x80 { // within a character
			path = path[1:]
		}
	}
	return head + path
}

// bar draws what remains of a lease in ten steps.
func (st style) bar(left, ttl time.Duration) string {
	if left <= 0 || ttl <= 0 {
		return strings.Repeat(" ", barSteps)
	}
	full := min(barSteps, int((left*barSteps+ttl-1)/ttl))
	if !st.utf8 {
		return strings.Repeat("#", full) + strings.Repeat("-", barSteps-full)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", barSteps-full)
}
