package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// printer is the one place that writes: results to stdout, for people or as one
// JSON object, everything else to stderr.
type printer struct {
	env   Env
	json  bool
	quiet bool
}

// envelope is the JSON object that every command prints with --json.
type envelope struct {
	SchemaVersion int        `json:"schema_version"`
	OK            bool       `json:"ok"`
	Data          any        `json:"data,omitempty"`
	Error         *errorJSON `json:"error,omitempty"`
}

type errorJSON struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Details any    `json:"details"`
}

// result prints what a command brought. The error is that of writing it.
func (p *printer) result(r result) error {
	if p.json {
		return p.object(envelope{SchemaVersion: 1, OK: true, Data: r.data})
	}
	if p.quiet || r.text == nil {
		return nil
	}
	var text strings.Builder
	r.text(&text)
	_, err := io.WriteString(p.env.Stdout, text.String())
	return err
}

// finish prints the failure that err stands for, if any, and returns the exit
// code.
func (p *printer) finish(err error) int {
	if err == nil {
		return 0
	}
	f := explain(err, p.env.Now())
	if p.json {
		details := f.details
		if details == nil {
			details = struct{}{}
		}
		_ = p.object(envelope{SchemaVersion: 1, Data: f.data, Error: &errorJSON{Code: f.code, Message: f.message, Details: details}})
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Error: %s\n", printable(f.title()))
	for _, line := range f.lines {
		fmt.Fprintf(&text, "  %s\n", line)
	}
	for _, hint := range f.hints {
		fmt.Fprintf(&text, "hint: %s\n", hint)
	}
	_, _ = io.WriteString(p.env.Stderr, text.String()) // there is nowhere left to say that this failed
	return f.exit
}

func (p *printer) object(v any) error {
	e := json.NewEncoder(p.env.Stdout)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// note tells something beside the result, unless the caller wants quiet.
func (p *printer) note(format string, args ...any) {
	if !p.quiet {
		p.warn(format, args...)
	}
}

// warn tells something that quiet does not silence.
func (p *printer) warn(format string, args ...any) {
	fmt.Fprintf(p.env.Stderr, format+"\n", args...)
}

// printable makes text from other people's records harmless on a terminal:
// whatever is not printable is escaped.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
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

// timestamp writes a time as the guide does.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// span writes a duration floored to one unit below an hour and two above:
// 45s, 25m, 1h30m, 2d3h.
func span(d time.Duration) string {
	d = max(d, 0)
	two := func(n int64, unit string, m int64, small string) string {
		if m == 0 {
			return fmt.Sprintf("%d%s", n, unit)
		}
		return fmt.Sprintf("%d%s%d%s", n, unit, m, small)
	}
	s := int64(d / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm", s/60)
	case s < 86400:
		return two(s/3600, "h", s%3600/60, "m")
	}
	return two(s/86400, "d", s%86400/3600, "h")
}

// shellQuote writes an argument so that it can be pasted into a shell.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
