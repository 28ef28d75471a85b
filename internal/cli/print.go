package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/wire"
)

// printer is the one place that writes: results to stdout, for people or as one
// JSON object, and everything else to stderr, unless a program reads.
type printer struct {
	env     Env
	json    bool
	quiet   bool
	notices []wire.Notice
	setting func(key string) (string, bool) // of git's
}

// form is how notices are told.
func (p *printer) form() journal.Form {
	switch {
	case p.json:
		return journal.JSON
	case p.quiet:
		return journal.Silent
	}
	return journal.Text
}

// result prints what a command brought. The error is that of writing it.
func (p *printer) result(r result) error {
	if r.silent {
		return nil
	}
	if p.json {
		return p.object(wire.Envelope{SchemaVersion: 1, OK: true, Data: r.data})
	}
	if p.quiet || r.text == nil {
		return nil
	}
	var text strings.Builder
	r.text(&text)
	if r.paged && p.page(text.String()) {
		return nil
	}
	_, err := io.WriteString(p.env.Stdout, text.String())
	return err
}

// exitError ends the program with an exit code of the caller's choice: that of
// the command that it ran, without a cause, or one for a failure.
type exitError struct {
	code  int
	cause error
}

func (e *exitError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.cause.Error()
}

func (e *exitError) Unwrap() error { return e.cause }

// finish prints the failure that err stands for, if any, and returns the exit
// code.
func (p *printer) finish(err error) int {
	if err == nil {
		return 0
	}
	var passed *exitError
	if errors.As(err, &passed) && passed.cause == nil {
		return passed.code
	}
	f := explain(err, p.env.Now())
	if p.env.moved { // hints are pasted where the caller is
		for i, hint := range f.hints {
			if rest, ok := strings.CutPrefix(hint, "git grite "); ok {
				f.hints[i] = "git grite -C " + wire.ShellQuote(p.env.Dir) + " " + rest
			}
		}
	}
	if passed != nil {
		f.exit = passed.code
	}
	if p.json {
		e := &wire.Error{Code: f.code, Message: f.message, Details: f.details, Hints: append([]string{}, f.hints...)}
		if e.Details == nil {
			e.Details = struct{}{}
		}
		_ = p.object(wire.Envelope{SchemaVersion: 1, Data: f.data, Error: e}) // there is nowhere left to say that this failed
		return f.exit
	}
	var text strings.Builder
	color := p.ofStderr()
	fmt.Fprintf(&text, "%s %s\n", color.paint(faulty, "Error:"), wire.Printable(f.title()))
	for _, line := range f.lines {
		fmt.Fprintf(&text, "  %s\n", wire.Printable(line))
	}
	for _, hint := range f.hints {
		fmt.Fprintf(&text, "%s %s\n", color.paint(hinted, "hint:"), wire.Printable(hint))
	}
	p.say("%s", strings.TrimSuffix(text.String(), "\n"))
	return f.exit
}

func (p *printer) object(o wire.Envelope) error {
	if o.Notices = p.notices; o.Notices == nil {
		o.Notices = []wire.Notice{}
	}
	e := json.NewEncoder(p.env.Stdout)
	e.SetEscapeHTML(false)
	return e.Encode(o)
}

// notice tells what else the caller must know: a program in the object, people
// on stderr, and nobody who wants quiet.
func (p *printer) notice(n wire.Notice) {
	switch {
	case p.json:
		p.notices = append(p.notices, n)
	case !p.quiet:
		p.say("%s %s", p.ofStderr().paint(noted, "note:"), n.Message)
	}
}

// note is notice for one of a kind that has nothing but its words.
func (p *printer) note(kind wire.Kind, format string, args ...any) {
	p.notice(wire.Notice{Kind: kind, Message: fmt.Sprintf(format, args...)})
}

// say writes a line to stderr.
func (p *printer) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.env.Console {
		text = withSpans(text, p.env.Now())
	}
	_, _ = io.WriteString(p.env.Stderr, text+"\n") // there is nowhere else to say it
}

// report tells what a verb noticed.
func (p *printer) report(r clone.Report) {
	for _, n := range wire.Notices(r, p.env.Now()) {
		p.notice(n)
	}
}

// maxWarnings is how many settings are warned of one by one: a checkout may bring
// a file with any number of them.
const maxWarnings = 5

// settings tells what is wrong with settings without making them unusable.
func (p *printer) settings(cl *clone.Clone) {
	for i, w := range cl.Config.Warnings {
		if i == maxWarnings {
			p.note(wire.UnknownSetting, "%d more settings mean nothing", len(cl.Config.Warnings)-maxWarnings)
			break
		}
		p.note(wire.UnknownSetting, "%s", wire.Printable(w.Message))
	}
	if cl.Copied() {
		p.note(wire.ActorCopied, "%s", wire.Copied)
	}
}
