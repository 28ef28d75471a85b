// Package watch is the live screen of who holds what. What it shows and how keys
// change that is pure; a small driver puts it on a terminal. Where the locks come
// from, it leaves to its caller.
package watch

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Lock is a lock as it is shown.
type Lock struct {
	Resource, Nonce, Holder, Reason string
	Since, Expires                  time.Time // Since may be zero
	Mine                            bool
	Note                            string // such as "not confirmed" or "kept"
}

// Look is the locks at one moment.
type Look struct {
	Locks []Lock
	AsOf  time.Time // when the arbiter was asked
	Err   error     // why this is an older view
	// Keepers says what is renewed in the background, one text each.
	Keepers []string
}

// How long ended locks stay on the screen, and new ones are marked.
const (
	endedFor = 5 * time.Second
	newFor   = 5 * time.Second
)

// row is a lock on the screen.
type row struct {
	Lock
	seen  time.Time // when it came; zero when it was there from the start
	ended time.Time // when it went
}

func (r row) fresh(now time.Time) bool { return !r.seen.IsZero() && now.Sub(r.seen) < newFor }

// Model is what the screen shows.
type Model struct {
	Title string
	look  Look
	began bool // there was a look
	rows  []row

	order   int // index in orders
	reverse bool
	mine    bool
	filter  string
	typing  bool // of the filter
	top     int  // the first row that is shown
	height  int  // rows that fit, as of the last rendering
}

// orders are what the rows can be sorted by.
var orders = []struct {
	name string
	less func(a, b row) int
}{
	{"resource", func(a, b row) int { return cmp.Compare(a.Resource, b.Resource) }},
	{"time left", func(a, b row) int { return a.Expires.Compare(b.Expires) }},
	{"holder", func(a, b row) int { return cmp.Compare(a.Holder, b.Holder) }},
}

// Update takes in a look. A look that failed leaves the locks as they were.
func (m *Model) Update(l Look, now time.Time) {
	if l.Err != nil && l.Locks == nil {
		m.look.Err = l.Err
		return
	}
	type id struct{ resource, nonce string }
	old := map[id]row{}
	for _, r := range m.rows {
		old[id{r.Resource, r.Nonce}] = r
	}
	var rows []row
	for _, l := range l.Locks {
		key := id{l.Resource, l.Nonce}
		r, ok := old[key]
		delete(old, key)
		if m.began && (!ok || !r.ended.IsZero()) {
			r.seen = now
		}
		rows = append(rows, row{Lock: l, seen: r.seen})
	}
	for _, r := range old {
		if r.ended.IsZero() {
			r.ended = now
		}
		rows = append(rows, r)
	}
	m.rows, m.look, m.began = rows, l, true
}

// shown are the rows to show, in order.
func (m *Model) shown(now time.Time) []row {
	m.rows = slices.DeleteFunc(m.rows, func(r row) bool { return !r.ended.IsZero() && now.Sub(r.ended) >= endedFor })
	want := strings.ToLower(m.filter)
	rows := make([]row, 0, len(m.rows))
	for _, r := range m.rows {
		if m.mine && !r.Mine || want != "" && !strings.Contains(strings.ToLower(r.Resource+"\x00"+r.Holder+"\x00"+r.Reason), want) {
			continue
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int {
		by := orders[m.order].less(a, b)
		if m.reverse {
			by = -by
		}
		return cmp.Or(by, cmp.Compare(a.Resource, b.Resource), a.ended.Compare(b.ended), cmp.Compare(a.Nonce, b.Nonce))
	})
	return rows
}

// Keys other than those that print something.
const (
	Up       = "up"
	Down     = "down"
	PageUp   = "pgup"
	PageDown = "pgdn"
	Home     = "home"
	End      = "end"
	Enter    = "enter"
	Escape   = "esc"
	Delete   = "backspace"
	CtrlC    = "ctrl-c"
	CtrlZ    = "ctrl-z"
)

// Key takes in a key and reports whether it ends the screen.
func (m *Model) Key(key string) (quit bool) {
	if key == CtrlC {
		return true
	}
	if m.typing {
		m.typed(key)
		return false
	}
	switch key {
	case "q":
		return true
	case "s":
		m.order = (m.order + 1) % len(orders)
	case "r":
		m.reverse = !m.reverse
	case "m":
		m.mine, m.top = !m.mine, 0
	case "/":
		m.typing, m.filter, m.top = true, "", 0
	case Escape:
		m.filter, m.mine, m.top = "", false, 0
	case Up, "k":
		m.top--
	case Down, "j":
		m.top++
	case PageUp:
		m.top -= m.height
	case PageDown, " ":
		m.top += m.height
	case Home, "g":
		m.top = 0
	case End, "G":
		m.top = len(m.rows)
	}
	return false
}

// typed takes in a key of the filter.
func (m *Model) typed(key string) {
	r, size := utf8.DecodeRuneInString(key)
	switch {
	case key == Enter:
		m.typing = false
	case key == Escape:
		m.typing, m.filter = false, ""
	case key == Delete:
		_, last := utf8.DecodeLastRuneInString(m.filter)
		m.filter = m.filter[:len(m.filter)-last]
	case size == len(key) && unicode.IsPrint(r) && len(m.filter) < 200:
		m.filter += key
	}
}

// keys reads what a terminal sent: one key per element. An incomplete sequence
// at the end is left in rest.
func keys(in []byte) (pressed []string, rest []byte) {
	named := map[string]string{
		"\x1b[A": Up, "\x1b[B": Down, "\x1bOA": Up, "\x1bOB": Down, "\x1b[5~": PageUp, "\x1b[6~": PageDown, "\x1b[H": Home, "\x1b[F": End, "\x1b[1~": Home, "\x1b[4~": End,
		"\r": Enter, "\n": Enter, "\x7f": Delete, "\b": Delete, "\x03": CtrlC, "\x1a": CtrlZ, "\x1b": Escape,
	}
	for len(in) > 0 {
		n := 1
		switch {
		case in[0] == 0x1b && len(in) > 2 && (in[1] == '[' || in[1] == 'O'):
			for n = 2; n < len(in) && (in[n] < 0x40 || in[n] > 0x7e); n++ { // up to the final byte
			}
			n = min(n+1, len(in))
		case in[0] >= utf8.RuneSelf:
			if !utf8.FullRune(in) {
				return pressed, in
			}
			_, n = utf8.DecodeRune(in)
		}
		key := string(in[:n])
		if name, ok := named[key]; ok {
			key = name
		}
		pressed, in = append(pressed, key), in[n:]
	}
	return pressed, nil
}
