package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/lock"
)

// Printable makes text from other people's records harmless on a terminal:
// whatever is not printable is escaped.
func Printable(s string) string {
	if printable(s) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			out.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			out.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return out.String()
}

// Age says how old a view is.
func Age(asOf, now time.Time) string {
	if asOf.IsZero() {
		return "the remote was never asked: git grite sync"
	}
	return fmt.Sprintf("this is the view of %s ago", Span(now.Sub(asOf)))
}

// Mend says what a damaged record comes to, and how it is removed where nothing
// keeps us from that.
func Mend(d lock.Damage, how string) string {
	if d.Remedy != "" {
		return "nobody can lock what it stands for until it is removed on the server: " + d.Remedy
	}
	return "it blocks nobody; " + how
}

// JudgedBy says what is left to judge by when the arbiter could not be asked.
func JudgedBy(v clone.View, now time.Time) string {
	switch {
	case !v.AsOf.IsZero():
		return "judging by the view of " + Span(now.Sub(v.AsOf)) + " ago"
	case len(v.Locks) > 0: // of a remote that was somewhere else
		return "judging by the last view"
	}
	return "its locks are not known here"
}

// printable reports whether all of a text is printable. Most texts are ASCII.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return !strings.ContainsFunc(s[i:], func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError })
		}
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// Until writes a time both ways: as the user's guide does, and how far off it is.
func Until(t, now time.Time) string {
	if left := t.Sub(now); left >= 0 {
		return fmt.Sprintf("%s (in %s)", Timestamp(t), Span(left+time.Second/2))
	}
	return fmt.Sprintf("%s (%s ago)", Timestamp(t), Span(now.Sub(t)))
}

// Timestamp writes a time as the user's guide does.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Span writes a duration floored to one unit below an hour and two above: 45s,
// 25m, 1h30m, 2d3h.
func Span(d time.Duration) string {
	one := func(n int64, unit string) string { return strconv.FormatInt(n, 10) + unit }
	two := func(n int64, unit string, m int64, small string) string {
		if m == 0 {
			return one(n, unit)
		}
		return one(n, unit) + one(m, small)
	}
	s := int64(max(d, 0) / time.Second)
	switch {
	case s < 60:
		return one(s, "s")
	case s < 3600:
		return one(s/60, "m")
	case s < 86400:
		return two(s/3600, "h", s%3600/60, "m")
	}
	return two(s/86400, "d", s%86400/3600, "h")
}

// WaitFor is a --wait that outlasts a time, in whole minutes above one.
func WaitFor(d time.Duration) string {
	if d < 50*time.Second {
		return fmt.Sprintf("%ds", int64(max(d, 0)/(10*time.Second)+1)*10)
	}
	return Span((d/time.Minute + 1) * time.Minute)
}

// ShellQuote writes an argument so that it can be pasted into a shell, and so
// that it shows what it is: one with unprintable characters is written as $'…',
// which bash, zsh and ksh read.
func ShellQuote(s string) string {
	switch {
	case s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%") == "":
		return s
	case printable(s):
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\'' || r == '\\':
			out.WriteString(`\` + string(r))
		case unicode.IsPrint(r) && r != utf8.RuneError:
			out.WriteRune(r)
		default:
			for _, b := range []byte(s[i : i+size]) {
				fmt.Fprintf(&out, `\x%02x`, b)
			}
		}
		i += size
	}
	return "$'" + out.String() + "'"
}

// Holder names the owner of a lock for people: label and short id.
func Holder(l lock.Lock) string {
	if l.Label == "" {
		return Printable(l.Owner.Short())
	}
	return Printable(l.Holder())
}

// Name is the resource of a lock, printable.
func Name(l lock.Lock) string { return Printable(l.Resource.String()) }

// Count writes a number of things.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// LockLine is a command line of lock, such as acquire, for resources, each once.
func LockLine(verb string, resources []string) string {
	line := "git grite lock " + verb
	seen := map[string]bool{}
	for _, r := range resources {
		if !seen[r] {
			seen[r] = true
			line += " -r " + ShellQuote(r)
		}
	}
	return line
}

// Lines are the lines of a text of somebody else, each of them printable.
func Lines(s string) []string {
	lines := strings.Split(strings.TrimRight(s, "\r\n"), "\n")
	for i, line := range lines {
		lines[i] = Printable(strings.ReplaceAll(strings.TrimSuffix(line, "\r"), "\t", "    "))
	}
	return lines
}

// Width is how many columns a printable text takes. Whatever might be two columns
// wide counts as that.
func Width(s string) (columns int) {
	for _, r := range s {
		columns += width(r)
	}
	return columns
}

func width(r rune) int {
	if r >= 0x1100 && !('\u2000' <= r && r < '\u2e80') {
		return 2
	}
	return 1
}

// Fit cuts a printable text to a number of columns, and says so by an ellipsis.
func Fit(s string, columns int, ellipsis string) string {
	if Width(s) <= columns {
		return s
	}
	used, cut := Width(ellipsis), 0
	for i, r := range s {
		if used += width(r); used > columns {
			break
		}
		cut = i + utf8.RuneLen(r)
	}
	return s[:cut] + ellipsis
}

// Doubt says that nobody vouches for the record of a lock, and why; "" when
// somebody does, or nobody was asked.
func Doubt(l lock.Lock) string {
	if l.Doubt == "" {
		return ""
	}
	return "not vouched for: " + Printable(l.Doubt)
}
