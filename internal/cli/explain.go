package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

// conflictError is an acquire that met locks of others. Its hint repeats the
// caller's own request, with a wait that outlasts the leases in the way.
type conflictError struct {
	*lock.HeldError
	again  string         // the command line, without --wait
	argv   []string       // of the command that it was to run
	actors []config.Actor // of this clone
	me     clone.Identity
}

func (e *conflictError) Unwrap() error { return e.HeldError }

// unreachableError is an acquire that did not reach the remote, and how to take
// the locks without it; "" where that is no way on.
type unreachableError struct {
	*clone.UnreachableError
	again string
}

func (e *unreachableError) Unwrap() error { return e.UnreachableError }

// again is a command line that asks once more for the same locks, without --wait.
// It names the actor that was chosen in the environment: a program may run it in
// another shell.
func (c *call) again(q clone.AcquireRequest, o acquireOptions) string {
	var names []string
	for _, r := range q.Resources {
		names = append(names, r.String())
	}
	line := wire.LockLine("acquire", names)
	actor := c.actor
	if actor == "" && c.dataDir == "" {
		actor = c.getenv("GRITE_ACTOR")
	}
	for _, flag := range []struct{ name, value string }{{"--ttl", o.ttl.text}, {"--reason", o.reason}, {"--actor", actor}, {"--data-dir", c.dataDir},
		{"--while-pid", o.keeping.pid.text}, {"--for", o.keeping.length.text}, {"--signal", o.keeping.signal.text}} {
		if flag.value != "" {
			line += " " + flag.name + " " + wire.ShellQuote(flag.value)
		}
	}
	for _, flag := range []struct {
		name  string
		given bool
	}{{" --exclusive", o.exclusive}, {" --keep", o.keep}} {
		if flag.given {
			line += flag.name
		}
	}
	return line
}

// conflict adds to a refusal what the caller asked for; other errors stay as
// they are.
func (c *call) conflict(cl *clone.Clone, q clone.AcquireRequest, o acquireOptions, err error) error {
	switch refused := err.(type) {
	case *clone.UnreachableError:
		if q.Online { // lock run, which has to renew what it takes
			return &unreachableError{refused, ""}
		}
		return &unreachableError{refused, c.again(q, o)}
	case *lock.HeldError:
		e := &conflictError{HeldError: refused, again: c.again(q, o)}
		if q.Offline {
			e.again += " --offline"
		}
		e.me, _ = cl.Actor()             // acquire found it, or made it
		e.actors, _ = cl.Actors().List() // without, nobody is recognised
		return e
	}
	return err
}

// otherName is the actor of this clone, not the one that acts, who holds a lock.
func (e *conflictError) otherName(l lock.Lock) (config.Actor, bool) {
	at := slices.IndexFunc(e.actors, func(a config.Actor) bool { return a.ID == l.Owner && a.ID != e.me.ID })
	if at < 0 {
		return config.Actor{}, false
	}
	return e.actors[at], true
}

func explainConflict(e *conflictError, now time.Time) failure {
	f := heldBy(e.HeldError, wire.Reader{Owner: e.me.ID, Now: now})
	var own []string
	for _, l := range e.Conflicts {
		if l.Owner == e.me.ID {
			own = append(own, l.Resource.String())
		}
	}
	if len(own) > 0 {
		f.lines = append(f.lines, "Your own locks count here as well; release them first")
		f.hints = []string{wire.LockLine("release", own)}
		return f
	}
	for _, l := range e.Conflicts {
		if a, ok := e.otherName(l); ok {
			who := a.Label
			if who == "" {
				who = string(a.ID)
			}
			f.lines = append(f.lines, fmt.Sprintf("%s is another actor of this clone: if that is you, this is your own lock under another name, and --actor %s acts as it", wire.Printable(who), wire.ShellQuote(who)))
			break
		}
	}
	line := e.again + " --wait " + wire.WaitFor(e.Free.Sub(now))
	for i, arg := range e.argv {
		if i == 0 {
			line += " --"
		}
		line += " " + wire.ShellQuote(arg)
	}
	f.hints = []string{line}
	return f
}

// maxConflicts is how many locks a refusal names for people.
const maxConflicts = 10

func explainHeld(e *lock.HeldError, now time.Time) failure { return heldBy(e, wire.Reader{Now: now}) }

// heldBy names the locks in the way.
func heldBy(e *lock.HeldError, r wire.Reader) failure {
	f, now := failure{heading: "Lock conflict"}, r.Now
	locks := make([]wire.Lock, 0, len(e.Conflicts))
	for i, l := range e.Conflicts {
		j := r.Lock(l)
		j.Wanted = e.Wants(l).String()
		locks = append(locks, j)
		if i < maxConflicts {
			f.lines = append(f.lines, conflictLines(l, e.Free, now)...)
			if j.Wanted != j.Resource {
				f.lines = append(f.lines, "Wanted: "+wire.Printable(j.Wanted))
			}
		}
	}
	if n := len(e.Conflicts) - maxConflicts; n > 0 {
		f.lines = append(f.lines, fmt.Sprintf("and %d more", n))
	}
	f.message = fmt.Sprintf("%s is held by %s until %s", wire.Printable(e.Conflicts[0].Resource.String()),
		wire.Printable(e.Conflicts[0].Holder()), wire.Timestamp(e.Conflicts[0].Expires))
	retry := max(0, e.Free.Sub(now))
	f.details = map[string]any{"conflicts": locks, "retry_after_ms": retry.Milliseconds()}
	f.hints = []string{wire.LockLine("acquire", []string{e.Wanted.String()}) + " --wait " + wire.WaitFor(retry)}
	return f
}

// conflictLines describes a lock in the way, as in the guide: resource, owner,
// expiry, then label and reason when known.
func conflictLines(l lock.Lock, free, now time.Time) []string {
	expires := "Expires: " + wire.Timestamp(l.Expires)
	if !l.Live(now) && !free.IsZero() {
		expires += fmt.Sprintf(" (expired %s ago, free in %s)", wire.Span(now.Sub(l.Expires)), wire.Span(free.Sub(now)+time.Second-1))
	}
	lines := []string{"Resource: " + wire.Printable(l.Resource.String()), "Owner: " + wire.Printable(string(l.Owner)), expires}
	if l.Label != "" {
		lines = append(lines, "Label: "+wire.Printable(l.Label))
	}
	if l.Reason != "" {
		lines = append(lines, "Reason: "+wire.Printable(l.Reason))
	}
	if doubt := wire.Doubt(l); doubt != "" {
		lines = append(lines, "Record: "+doubt)
	}
	return lines
}

func explainBroken(e *lock.BrokenError, _ time.Time) failure {
	t := e.Tombstone
	return failure{
		heading: "Lock lost",
		message: fmt.Sprintf("the lock on %s was broken by %s: %s", wire.Printable(t.Resource.String()), wire.Printable(t.Holder()), wire.Printable(t.Reason)),
		lines: []string{"Resource: " + wire.Printable(t.Resource.String()), "Broken by: " + wire.Printable(t.Holder()),
			"Broken at: " + wire.Timestamp(t.Acquired), "Reason: " + wire.Printable(t.Reason)},
		details: map[string]any{"broken_by": t.Owner, "broken_nonce": t.BrokenNonce, "reason": t.Reason},
		hints:   []string{fmt.Sprintf("git grite lock acquire --resource %s", wire.ShellQuote(t.Resource.String()))},
	}
}

func explainNonce(e *lock.NonceError, now time.Time) failure {
	return failure{
		heading: "Lock conflict",
		message: e.Error(),
		lines:   append(conflictLines(e.Present, time.Time{}, now), fmt.Sprintf("Nonce: %s, not %s", wire.Printable(e.Present.Nonce), wire.Printable(wire.ShellQuote(e.Given)))),
		details: map[string]any{"conflicts": []wire.Lock{wire.Reader{Now: now}.Lock(e.Present)}},
	}
}

// explainRevision says how to have the rest of a history, which jobs of CI
// services do not have by default.
func explainRevision(e *git.RevisionError, _ time.Time) failure {
	if !e.Shallow {
		return failure{message: wire.Printable(e.Error()), hints: []string{"git fetch --all"}}
	}
	return failure{message: wire.Printable(e.Error()), hints: []string{"git fetch --unshallow  # in CI: fetch-depth: 0 (GitHub), GIT_DEPTH: 0 (GitLab)"}}
}

func explainUnreachable(e *clone.UnreachableError, _ time.Time) failure {
	var names []string
	for _, r := range e.Resources {
		names = append(names, r.String())
	}
	if e.Left != nil {
		return failure{
			lines: []string{fmt.Sprintf("Nothing was granted. What was sent may stay there for %s; to remove it when the remote is back:", wire.Span(e.Left.TTL))},
			hints: []string{wire.LockLine("release", names)},
		}
	}
	if e.Cause.Local() {
		return failure{lines: []string{"Nothing was locked."}, hints: []string{"git grite doctor --fix"}}
	}
	return failure{lines: []string{"Nothing was locked."}, hints: []string{wire.LockLine("acquire", names) + " --offline", "git grite doctor"}}
}

// explainUnreached repeats the caller's own request.
func explainUnreached(e *unreachableError, now time.Time) failure {
	f := explainUnreachable(e.UnreachableError, now)
	switch {
	case e.Left != nil, e.Cause.Local():
	case e.again == "":
		f.hints = f.hints[1:]
	default:
		f.hints[0] = e.again + " --offline"
	}
	return f
}

// explainDisk is for a directory that nobody can write to at the moment.
func explainDisk(err error, _ time.Time) (failure, bool) {
	at, dir := (*fs.PathError)(nil), "."
	if errors.As(err, &at) {
		dir = filepath.Dir(at.Path)
	}
	switch {
	case errors.Is(err, syscall.EROFS):
		return failure{lines: []string{"Nothing can be changed from here: locks can be looked at, and are checked as they were last seen."}, hints: []string{"git grite lock status"}}, true
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return failure{lines: []string{"It can be run again as soon as there is room."}, hints: []string{"df -h " + wire.ShellQuote(dir)}}, true
	case errors.Is(err, fs.ErrPermission) && at != nil:
		return failure{hints: []string{"ls -ld " + wire.ShellQuote(dir)}}, true
	}
	return failure{}, false
}

// explainLockFile is for a lock file that a killed git may have left.
func explainLockFile(err error, _ time.Time) (failure, bool) {
	var failed *git.Error
	if !errors.As(err, &failed) || failed.LockFile() == "" {
		return failure{}, false
	}
	return failure{message: failed.Error(), hints: []string{"git grite doctor --fix"}}, true
}
