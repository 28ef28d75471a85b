package cli

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
)

// verdict is guard's verdict beside the question that led to it.
type verdict struct {
	guard.Verdict
	question guard.Question
	stopped  bool // an earlier run of the hook stopped this push, and said why
}

// Blocked tells whether the commit or push has to stop.
func (v verdict) Blocked() bool { return v.stopped || v.Verdict.Blocked() }

// interesting tells whether paths have to be looked at.
func (v verdict) interesting() bool {
	return len(v.question.Lockable) > 0 || len(v.question.Foreign()) > 0
}

// judge judges paths.
func (v *verdict) judge(ctx context.Context, s *session, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	v.question.Paths, v.question.Fold = paths, s.repo.IgnoreCase(ctx)
	var err error
	v.Verdict, err = guard.Judge(ctx, v.question)
	return err
}

// maxNamed is how many paths a message names.
const maxNamed = 10

// tell says on stderr what collides, for a hook.
func (v verdict) tell(out *printer, hookName string) {
	if v.Clear() {
		return
	}
	verb, override := "commit", "git commit --no-verify"
	if hookName == "pre-push" {
		verb, override = "push", "git push --no-verify"
	}
	var text strings.Builder
	stop := "goes on (lock_policy = \"warn\")"
	if v.Blocked() {
		stop = "stopped (lock_policy = \"require\")"
	}
	if n := len(v.Collisions); n > 0 {
		fmt.Fprintf(&text, "git-grite: %s locked by others; %s %s\n", are(n, "changed path"), verb, stop)
		v.collisions(&text)
	}
	if n := len(v.Unheld); n > 0 {
		fmt.Fprintf(&text, "git-grite: %s to be locked before a change; %s %s\n", have(n, "changed path"), verb, stop)
		v.unheld(&text)
	}
	if v.Blocked() {
		fmt.Fprintf(&text, "override:    %s\n", override)
	}
	out.warn("%s", strings.TrimSuffix(text.String(), "\n"))
}

// are writes "1 path is" or "2 paths are".
func are(n int, thing string) string {
	if n == 1 {
		return count(n, thing) + " is"
	}
	return count(n, thing) + " are"
}

// have writes "1 path has" or "2 paths have".
func have(n int, thing string) string {
	if n == 1 {
		return count(n, thing) + " has"
	}
	return count(n, thing) + " have"
}

func (v verdict) collisions(text *strings.Builder) {
	var wait []string
	for i, c := range v.Collisions {
		if i == maxNamed {
			fmt.Fprintf(text, "  and %d more\n", len(v.Collisions)-maxNamed)
			break
		}
		fmt.Fprintf(text, "  %s\n    %s\n", printable(c.Path), v.says(c))
		wait = append(wait, lockable(c.Path, c.Lock))
	}
	fmt.Fprintf(text, "wait for it: %s --wait 15m\n", acquireLine(wait))
}

// says is the lock that covers a path, in words.
func (v verdict) says(c guard.Collision) string {
	l := c.Lock
	line := fmt.Sprintf("%s held by %s, %s left", printable(l.Resource.String()), holder(l), span(l.Expires.Sub(v.question.Now)))
	if l.Reason != "" {
		line += ": " + printable(l.Reason)
	}
	return line
}

func (v verdict) unheld(text *strings.Builder) {
	var take []string
	for i, path := range v.Unheld {
		if i == maxNamed {
			fmt.Fprintf(text, "  and %d more\n", len(v.Unheld)-maxNamed)
			break
		}
		fmt.Fprintf(text, "  %s\n", printable(path))
		take = append(take, lockable(path, lock.Lock{}))
	}
	fmt.Fprintf(text, "lock it:     %s\n", acquireLine(take))
}

// holder is label and short id.
func holder(l lock.Lock) string {
	if l.Label == "" {
		return printable(l.Owner.Short())
	}
	return printable(l.Holder())
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

// acquireLine is a command line that takes locks on resources.
func acquireLine(resources []string) string {
	line := "git grite lock acquire"
	seen := map[string]bool{}
	for _, r := range resources {
		if !seen[r] {
			seen[r] = true
			line += " -r " + shellQuote(r)
		}
	}
	return line
}

// collisionJSON is a collision as programs see it.
type collisionJSON struct {
	Path string   `json:"path"`
	Lock lockJSON `json:"lock"`
}

// verdictJSON is the data of check.
type verdictJSON struct {
	Collisions []collisionJSON `json:"collisions"`
	Unheld     []string        `json:"unheld"`
	Policy     guard.Policy    `json:"policy"`
	Blocked    bool            `json:"blocked"`
}

func (v verdict) json() verdictJSON {
	j := verdictJSON{Collisions: []collisionJSON{}, Unheld: append([]string{}, v.Unheld...), Policy: v.Policy, Blocked: v.Blocked()}
	for _, c := range v.Collisions {
		j.Collisions = append(j.Collisions, collisionJSON{c.Path, newLockJSON(c.Lock)})
	}
	return j
}

// collisionError is a check that found something.
type collisionError struct {
	verdict   verdict
	annotated bool // everything was said in annotations
}

func (e *collisionError) Error() string {
	c := e.verdict.Collisions[0]
	more := ""
	if n := len(e.verdict.Collisions); n > 1 {
		more = fmt.Sprintf(", and %d more", n-1)
	}
	return fmt.Sprintf("%s is locked by %s%s", printable(c.Path), holder(c.Lock), more)
}

// explainCollision repeats nothing of what stands in annotations: on GitHub a
// line of stderr, too, may be a command.
func explainCollision(e *collisionError, _ time.Time) failure {
	if e.annotated {
		return failure{heading: are(len(e.verdict.Collisions), "changed path") + " locked by others"}
	}
	var text strings.Builder
	e.verdict.collisions(&text)
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	f := failure{heading: "Lock conflict", data: e.verdict.json(), details: e.verdict.json()}
	for _, line := range lines[:len(lines)-1] {
		f.lines = append(f.lines, strings.TrimPrefix(line, "  "))
	}
	_, hint, _ := strings.Cut(lines[len(lines)-1], ": ")
	f.hints = []string{strings.TrimSpace(hint)}
	return f
}
