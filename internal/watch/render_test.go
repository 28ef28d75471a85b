package watch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func lockOn(resource, holder string, left time.Duration) Lock {
	return Lock{Resource: resource, Nonce: resource, Holder: holder, Since: now.Add(left - 15*time.Minute), Expires: now.Add(left)}
}

func modelOf(locks ...Lock) *Model {
	m := &Model{Title: "git-grite"}
	m.Update(Look{Locks: locks, AsOf: now.Add(-3 * time.Second)}, now)
	return m
}

// resources are the rows that are shown, by their first column.
func resources(lines []string) (found []string) {
	for _, line := range lines[2 : len(lines)-1] {
		if fields := strings.Fields(strings.TrimLeft(line, "*+- ")); len(fields) > 2 && strings.Contains(fields[0], ":") {
			found = append(found, fields[0])
		}
	}
	return found
}

func TestRender(t *testing.T) {
	t.Parallel()
	mine := lockOn("path:src/", "alice (a11ce000)", 12*time.Minute+30*time.Second)
	mine.Mine, mine.Reason, mine.Note = true, "refactoring", "kept"
	m := modelOf(mine, lockOn("issue:42", "bob (b0b00000)", 45*time.Second))
	m.look.Keepers = []string{"alice keeps path:src/"}
	got := strings.Join(m.Render(100, 8, now, Style{UTF8: true}), "\n")
	want := strings.Join([]string{
		"git-grite  2 locks, as of 3s ago" + strings.Repeat(" ", 68),
		"  RESOURCE   HOLDER                            LEFT  REASON",
		"  issue:42   bob (b0b00000)    █░░░░░░░░░░░     45s",
		"* path:src/  alice (a11ce000)  ██████████░░     12m  (kept) refactoring",
		"", "",
		"kept: alice keeps path:src/" + strings.Repeat(" ", 73),
		"q quit  s sort: resource  r reverse  / filter  m mine" + strings.Repeat(" ", 47),
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if ascii := strings.Join(m.Render(100, 8, now, Style{}), "\n"); !strings.Contains(ascii, "##########..") || strings.ContainsFunc(ascii, func(r rune) bool { return r > 126 }) {
		t.Errorf("without UTF-8:\n%s", ascii)
	}
	for what, code := range map[string]string{"path:src/": green, "issue:42": yellow} {
		if color := strings.Join(m.Render(100, 8, now, Style{Color: true}), "\n"); !regexp.MustCompile(regexp.QuoteMeta(code) + `..` + regexp.QuoteMeta(what)).MatchString(color) {
			t.Errorf("%s is not in its color: %q", what, color)
		}
	}
	if strings.Contains(got, "\x1b") {
		t.Error("colors without being asked")
	}
}

// TestBarRunsDown follows one lock to its end.
func TestBarRunsDown(t *testing.T) {
	t.Parallel()
	m, before := modelOf(lockOn("path:a", "bob", 15*time.Minute)), 100
	for gone := time.Duration(0); gone <= 16*time.Minute; gone += time.Minute {
		line := m.Render(80, 6, now.Add(gone), Style{})[2]
		n := strings.Count(line, "#")
		if n > before || gone < 15*time.Minute && n == 0 || gone == 0 && n != 10 {
			t.Errorf("after %s: %q", gone, line)
		}
		if ended := strings.Contains(line, "ended"); ended != (gone >= 15*time.Minute) {
			t.Errorf("after %s: %q", gone, line)
		}
		before = n
	}
}

func TestComeAndGo(t *testing.T) {
	t.Parallel()
	m := modelOf(lockOn("path:a", "bob", time.Hour), lockOn("path:b", "bob", time.Hour))
	marks := func(at time.Time) (all []string) {
		for _, line := range m.Render(80, 10, at, Style{})[2:] {
			if strings.Contains(line, "path:") {
				all = append(all, line[:2]+strings.Fields(line[2:])[0])
			}
		}
		return all
	}
	check := func(what string, at time.Time, want ...string) {
		t.Helper()
		if got := marks(at); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	check("at first nothing is new", now, "  path:a", "  path:b")
	later := now.Add(10 * time.Second)
	taken := lockOn("path:a", "carol", time.Hour)
	taken.Nonce = "another"
	m.Update(Look{Locks: []Lock{taken, lockOn("path:c", "bob", time.Hour)}, AsOf: later}, later)
	check("another grant, one ended, one new", later, "+ path:a", "- path:a", "- path:b", "+ path:c")
	m.Update(Look{Err: errors.New("the remote is away")}, later.Add(time.Second))
	check("a failed look changes nothing", later.Add(4*time.Second), "+ path:a", "- path:a", "- path:b", "+ path:c")
	if head := m.Render(80, 10, later.Add(4*time.Second), Style{})[0]; !strings.Contains(head, "2 locks, as of 4s ago: the remote is away") {
		t.Errorf("%q", head)
	}
	m.Update(Look{Locks: []Lock{taken, lockOn("path:b", "bob", time.Hour), lockOn("path:c", "bob", time.Hour)}, AsOf: later}, later.Add(4*time.Second))
	check("one is back", later.Add(6*time.Second), "  path:a", "+ path:b", "  path:c")
	if head := m.Render(80, 10, later.Add(6*time.Second), Style{})[0]; strings.Contains(head, "away") {
		t.Errorf("%q", head)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	a, b, c := lockOn("path:a", "zoe", 3*time.Minute), lockOn("path:b", "yan", time.Minute), lockOn("path:c", "xia", 2*time.Minute)
	b.Mine, c.Reason = true, "Übung macht"
	m := modelOf(a, b, c)
	press := func(text string) (quit bool) {
		names, rest := keys([]byte(text))
		if len(rest) > 0 {
			t.Errorf("%q leaves %q", text, rest)
		}
		for _, k := range names {
			quit = m.Key(k) || quit
		}
		return quit
	}
	for _, step := range [][3]string{
		{"", "abc", "sort: resource"}, {"s", "bca", "sort: time left"}, {"r", "acb", "time left, reversed"}, {"sr", "cba", "sort: holder"}, {"s", "abc", ""},
		{"m", "b", "m mine only"}, {"m", "abc", ""}, {"/ZO", "a", "filter: ZO_"}, {"\x7f\x7fq", "", "filter: q_"}, {"\x7fübung", "c", ""},
		{"\rr", "c", "/ filter: übung"}, {"r", "c", ""}, {"\x1b", "abc", ""}, {"/x\x1b", "abc", ""}, {"/path:b\r", "b", ""}, {"/\r", "abc", ""}, {"\x1b[C\x1b[1;5A?", "abc", ""},
	} {
		if press(step[0]) {
			t.Fatalf("%q ends it", step[0])
		}
		lines := m.Render(80, 10, now, Style{UTF8: true})
		if got := strings.ReplaceAll(strings.Join(resources(lines), ""), "path:", ""); got != step[1] || !strings.Contains(lines[len(lines)-1], step[2]) {
			t.Errorf("after %q: %q, %q; want %q, %q", step[0], got, lines[len(lines)-1], step[1], step[2])
		}
	}
	if !press("q") || !press("\x03") || !press("/\x03") {
		t.Error("q and Ctrl-C do not end it")
	}
	if names, rest := keys([]byte("a\xc3")); !slices.Equal(names, []string{"a"}) || string(rest) != "\xc3" {
		t.Errorf("%q, %q", names, rest)
	}
}

func TestScroll(t *testing.T) {
	t.Parallel()
	var locks []Lock
	for i := range 200 {
		locks = append(locks, lockOn(fmt.Sprintf("path:%03d", i), "bob", time.Hour))
	}
	m := modelOf(locks...)
	for _, step := range [][3]string{{"", "path:000", "1-7 of 200"}, {Down, "path:001", "2-8 of"}, {PageDown, "path:008", "9-15 of"}, {Up, "path:007", ""}, {PageUp, "path:000", ""}, {Up, "path:000", ""}, {End, "path:193", "194-200 of"}, {Down, "path:193", ""}, {Home, "path:000", ""}} {
		m.Key(step[0])
		lines := m.Render(80, 10, now, Style{})
		if got := resources(lines); len(got) != 7 || got[0] != step[1] || !strings.Contains(lines[9], step[2]) {
			t.Errorf("after %q: %q, %q", step[0], got, lines[9])
		}
	}
}

// TestFits renders odd texts at all widths: no line is ever longer than the
// terminal, and there are never more lines.
func TestFits(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	odd := []string{"a", "路", "e\u0301", "\x1b[2J", "\u202e", "\n", "…", "😀", "\xff", "/", " "}
	text := func() string {
		var b strings.Builder
		for range random.IntN(60) {
			b.WriteString(odd[random.IntN(len(odd))])
		}
		return b.String()
	}
	for width := 1; width <= 200; width++ {
		var locks []Lock
		for range random.IntN(12) {
			locks = append(locks, Lock{Resource: "path:" + text(), Nonce: text(), Holder: text(), Reason: text(), Note: text(), Expires: now.Add(time.Duration(random.Int64N(1e15)) - 1e12)})
		}
		m := modelOf(locks...)
		m.filter = ""
		m.look.Err, m.look.Keepers = errors.New(text()), []string{text()}
		for _, s := range []Style{{UTF8: true}, {}} {
			height := 1 + random.IntN(12)
			lines := m.Render(width, height, now, s)
			if len(lines) > max(height, 4) {
				t.Errorf("%d lines of %d", len(lines), height)
			}
			for _, line := range lines {
				if columnsOf(line) > max(width, 24) || strings.ContainsAny(line, "\x1b\n\u202e") {
					t.Errorf("at %d columns, %d: %q", width, columnsOf(line), line)
				}
			}
		}
	}
}
