package watch

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Style is what the terminal can show.
type Style struct {
	Color bool
	UTF8  bool
}

// Colors, as they are written to a terminal.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	plain  = "\x1b[0m"
)

// Render draws the screen: height lines of at most width columns, without line
// ends.
func (m *Model) Render(width, height int, now time.Time, s Style) []string {
	width, height = max(width, 24), max(height, 4)
	p := pen{Style: s, width: width}
	rows := m.shown(now)
	m.height = height - 3 // the heading and the last line
	if len(m.look.Keepers) > 0 {
		m.height--
	}
	m.height = max(1, m.height)
	m.top = max(0, min(m.top, len(rows)-m.height))
	visible := rows[m.top:min(len(rows), m.top+m.height)]

	lines := []string{p.paint(bold, p.pad(m.heading(now, rows, p), width))}
	c := columnsFor(width, rows)
	lines = append(lines, p.paint(dim, c.line(p, "  ", "RESOURCE", "HOLDER", "", "LEFT", "REASON")))
	for _, r := range visible {
		lines = append(lines, c.row(p, r, now))
	}
	if len(rows) == 0 {
		text := "  No active locks"
		switch {
		case !m.began && m.look.Err == nil:
			text = "  Looking …"
		case m.filter != "" || m.mine:
			text = "  No lock that matches"
		}
		lines = append(lines, p.clean(text))
	}
	for len(lines) < 2+m.height {
		lines = append(lines, "")
	}
	if k := m.look.Keepers; len(k) > 0 {
		lines = append(lines, p.paint(dim, p.pad("kept: "+strings.Join(k, "; "), width)))
	}
	if lines = append(lines, p.paint(dim, p.pad(m.foot(rows), width))); len(lines) > height {
		lines = lines[:height]
	}
	return lines
}

func (m *Model) heading(now time.Time, rows []row, p pen) string {
	n := 0
	for _, r := range rows {
		if r.ended.IsZero() {
			n++
		}
	}
	text := fmt.Sprintf("%s  %d locks", m.Title, n)
	if n == 1 {
		text = strings.TrimSuffix(text, "s")
	}
	if m.began {
		text += ", as of " + span(now.Sub(m.look.AsOf)) + " ago"
	}
	if m.look.Err != nil {
		text += ": " + m.look.Err.Error()
	}
	return text
}

func (m *Model) foot(rows []row) string {
	if m.typing {
		return "filter: " + m.filter + "_   (Enter keeps it, Esc drops it)"
	}
	order := orders[m.order].name
	if m.reverse {
		order += ", reversed"
	}
	text := "q quit  s sort: " + order + "  r reverse  / filter"
	if m.filter != "" {
		text += ": " + m.filter
	}
	text += "  m mine"
	if m.mine {
		text += " only"
	}
	if len(rows) > m.height {
		text = fmt.Sprintf("%d-%d of %d  ", m.top+1, min(len(rows), m.top+m.height), len(rows)) + text
	}
	return text
}

// columns are the widths of the columns; one that is 0 is left out.
type columns struct{ resource, holder, bar, left, reason int }

// columnsFor gives each column what it needs, the reason what is left, and takes
// from the holder and the resource where there is too little.
func columnsFor(width int, rows []row) columns {
	c := columns{resource: 8, holder: 6, left: 6}
	for _, r := range rows {
		c.resource = max(c.resource, columnsOf(r.Resource))
		c.holder = max(c.holder, columnsOf(r.Holder))
	}
	free := width - 2 - c.left - 4 // the mark, and two blanks before each column but the first
	if width >= 50 {
		c.bar = min(20, max(8, width/8))
		free -= c.bar + 2
	}
	c.holder = min(c.holder, max(6, free/3))
	c.resource = min(c.resource, max(4, free-c.holder))
	if rest := free - c.holder - c.resource - 2; rest >= 8 {
		c.reason = rest
	}
	return c
}

func (c columns) line(p pen, mark, resource, holder, bar, left, reason string) string {
	line := mark + p.pad(p.clip(resource, c.resource, (c.resource+1)/2), c.resource) + "  " + p.pad(holder, c.holder)
	if c.bar > 0 {
		line += "  " + p.pad(bar, c.bar)
	}
	line += "  " + strings.Repeat(" ", max(0, c.left-columnsOf(left))) + left
	if c.reason > 0 && reason != "" {
		line += "  " + p.clip(reason, c.reason, c.reason)
	}
	return line
}

func (c columns) row(p pen, r row, now time.Time) string {
	mark, color, left := "  ", "", r.Expires.Sub(now)
	reason := r.Reason
	if r.Note != "" {
		reason = strings.TrimSpace("(" + r.Note + ") " + reason)
	}
	text := span(left)
	if r.Mine {
		mark, color = "* ", green
	}
	switch {
	case !r.ended.IsZero():
		mark, color, text, left = "- ", dim, "ended", 0
	case left <= 0:
		color, text = dim, "ended"
	case r.fresh(now):
		mark, color = "+ ", color+bold
	case left < time.Minute:
		color = yellow
	}
	if r.ended.IsZero() && r.Mine && r.fresh(now) {
		mark = "*+"
	}
	return p.paint(color, c.line(p, mark, r.Resource, r.Holder, p.bar(r.Lock, left, c.bar), text, reason))
}

// pen writes texts as the terminal can show them.
type pen struct {
	Style
	width int
}

func (p pen) paint(color, s string) string {
	if !p.Color || color == "" {
		return s
	}
	return color + s + plain
}

// bar draws what is left of a lease; where its length is not known, what is left
// of an hour.
func (p pen) bar(l Lock, left time.Duration, width int) string {
	total := time.Hour
	if !l.Since.IsZero() && l.Expires.After(l.Since) {
		total = l.Expires.Sub(l.Since)
	}
	full, empty := "█", "░"
	if !p.UTF8 {
		full, empty = "#", "."
	}
	left = min(max(left, 0), total)
	n := int((int64(left)*int64(width) + int64(total) - 1) / int64(total))
	return strings.Repeat(full, n) + strings.Repeat(empty, width-n)
}

// pad brings a text to exactly n columns.
func (p pen) pad(s string, n int) string {
	s = p.clip(s, n, n)
	return s + strings.Repeat(" ", max(0, n-columnsOf(s)))
}

// clip cuts a text to n columns, the dots no later than at column first: the ends
// of paths differ, other texts begin with what matters.
func (p pen) clip(s string, n, first int) string {
	s = p.clean(s)
	if columnsOf(s) <= n {
		return s
	}
	dots := "…"
	if !p.UTF8 {
		dots = "~"
	}
	runes := []rune(s)
	head, used := 0, 1
	for head < len(runes) && used+columnsOfRune(runes[head]) <= first {
		used += columnsOfRune(runes[head])
		head++
	}
	tail := len(runes)
	for tail > head && used+columnsOfRune(runes[tail-1]) <= n {
		tail--
		used += columnsOfRune(runes[tail])
	}
	return string(runes[:head]) + dots + string(runes[tail:])
}

// clean makes a text from others' records harmless: nothing in it moves the
// cursor, and without UTF-8 all of it is ASCII.
func (p pen) clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case !p.UTF8 && r == '…':
			return '~'
		case !p.UTF8 && (r >= 0x7f || r < ' '), !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, s)
}

func columnsOf(s string) (n int) {
	for _, r := range s {
		n += columnsOfRune(r)
	}
	return n
}

// columnsOfRune is how many columns a terminal gives a character.
func columnsOfRune(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// span writes how long something lasts, floored to one unit below an hour and
// two above.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
