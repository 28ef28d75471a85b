package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/git-grite/git-grite/internal/agent"
	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

// maxNamed is how many paths a message names.
const maxNamed = 10

// tellVerdict says on stderr what collides, for a hook.
func tellVerdict(out *printer, v check.Verdict, hookName string) {
	if v.Clear() {
		return
	}
	verb, override := "commit", "git commit --no-verify"
	if hookName == "pre-push" {
		verb, override = "push", "git push --no-verify"
	}
	var text strings.Builder
	color, stop, head := out.ofStderr(), "goes on (lock_policy = \"warn\")", noted
	if v.Blocked() {
		stop, head = "stopped (lock_policy = \"require\")", faulty
	}
	name := color.paint(head, "git-grite:")
	if n := len(v.Collisions); n > 0 {
		fmt.Fprintf(&text, "%s %s locked by others; %s %s\n", name, are(n, "changed path"), verb, stop)
		writeCollisions(&text, v, color)
	}
	if n := len(v.Unheld); n > 0 {
		fmt.Fprintf(&text, "%s %s not locked by you and must be; %s %s\n", name, are(n, "changed path"), verb, stop)
		writeUnheld(&text, v, color)
	}
	if v.Blocked() {
		fmt.Fprintf(&text, "%s    %s\n", color.paint(hinted, "override:"), override)
	}
	out.say("%s", strings.TrimSuffix(text.String(), "\n"))
}

// are writes "1 path is" or "2 paths are".
func are(n int, thing string) string {
	if n == 1 {
		return wire.Count(n, thing) + " is"
	}
	return wire.Count(n, thing) + " are"
}

func writeCollisions(text *strings.Builder, v check.Verdict, color palette) {
	for _, line := range collisionLines(v) {
		fmt.Fprintf(text, "  %s\n", line)
	}
	fmt.Fprintf(text, "%s %s\n", color.paint(hinted, "wait for it:"), waitLine(v))
}

// collisionLines names each path and the lock that covers it.
func collisionLines(v check.Verdict) (lines []string) {
	for i, c := range v.Collisions {
		if i == maxNamed {
			return append(lines, fmt.Sprintf("and %d more", len(v.Collisions)-maxNamed))
		}
		lines = append(lines, wire.Printable(c.Path), "  "+says(v, c))
	}
	return lines
}

// waitLine is a command line that waits for the locks in the way, for as long as
// they last.
func waitLine(v check.Verdict) string {
	var wait []string
	var longest time.Duration
	for _, c := range v.Collisions[:min(len(v.Collisions), maxNamed)] {
		wait = append(wait, lockable(c.Path, c.Lock))
		left := c.Lock.Expires.Sub(v.Now)
		if c.Lock.Remote != "" {
			left += v.View.Skew
		}
		longest = max(longest, left)
	}
	return wire.LockLine("acquire", wait) + " --wait " + wire.WaitFor(longest)
}

// says is the lock that covers a path, in words.
func says(v check.Verdict, c guard.Collision) string {
	l := c.Lock
	line := fmt.Sprintf("%s held by %s, %s left", wire.Printable(l.Resource.String()), wire.Holder(l), wire.Span(l.Expires.Sub(v.Now)))
	if l.Reason != "" {
		line += ": " + wire.Printable(l.Reason)
	}
	if doubt := wire.Doubt(l); doubt != "" {
		line += " (" + doubt + ")"
	}
	if v.Undone[c.Path] {
		line += "; this takes a change back that the branch has"
	}
	if agent.SameSession(v.View.Actor.Label, l.Label) {
		line += "; that is this session under another name: --actor " + wire.ShellQuote(l.Label)
	}
	return line
}

func writeUnheld(text *strings.Builder, v check.Verdict, color palette) {
	var take []string
	for i, path := range v.Unheld {
		if i == maxNamed {
			fmt.Fprintf(text, "  and %d more\n", len(v.Unheld)-maxNamed)
			break
		}
		fmt.Fprintf(text, "  %s\n", wire.Printable(path))
		take = append(take, lockable(path, lock.Lock{}))
	}
	fmt.Fprintf(text, "%s     %s\n", color.paint(hinted, "lock it:"), wire.LockLine("acquire", take))
}

// lockable is the resource to lock for a path: the path itself or, where its
// name cannot be a resource, a pattern that covers it, else what the lock in its
// way is about. It is never a repo: resource, which would stop everybody.
func lockable(path string, l lock.Lock) string {
	if r, err := lock.ParseResource("path:"+path, ""); err == nil {
		return r.String()
	}
	var pattern strings.Builder
	for _, c := range path { // what is not UTF-8 comes as utf8.RuneError
		switch {
		case unicode.IsControl(c) || c == utf8.RuneError:
			c = '?'
		case strings.ContainsRune(`*?[]{}\`, c):
			pattern.WriteByte('\\')
		}
		pattern.WriteRune(c)
	}
	if r, err := lock.ParseResource("path:"+pattern.String(), ""); err == nil && r.Covers(path, false) {
		return r.String()
	}
	if l.Resource.Namespace() == lock.Path {
		return l.Resource.String()
	}
	return "path:**"
}

// collisionError is a check that found something.
type collisionError struct {
	verdict   check.Verdict
	reader    wire.Reader
	annotated bool // everything was said in annotations
}

func (e *collisionError) Error() string {
	c := e.verdict.Collisions[0]
	more := ""
	if n := len(e.verdict.Collisions); n > 1 {
		more = fmt.Sprintf(", and %d more", n-1)
	}
	return fmt.Sprintf("%s is locked by %s%s", wire.Printable(c.Path), wire.Holder(c.Lock), more)
}

// explainCollision repeats nothing of what stands in annotations: on GitHub a
// line of stderr, too, may be a command.
func explainCollision(e *collisionError, _ time.Time) failure {
	if e.annotated {
		return failure{heading: are(len(e.verdict.Collisions), "changed path") + " locked by others"}
	}
	object := e.reader.Verdict(e.verdict)
	return failure{heading: "Lock conflict", lines: collisionLines(e.verdict), hints: []string{waitLine(e.verdict)}, data: object, details: object}
}
