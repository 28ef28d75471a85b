package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"syscall"
	"time"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
)

// failure is an error as the caller meets it.
type failure struct {
	code    string
	exit    int
	message string
	heading string   // for people, when it is not the message
	lines   []string // for people, below the heading
	hints   []string // each can be pasted
	details any      // for programs
	data    any      // for programs, beside the error: what a check found
}

func (f failure) title() string {
	if f.heading != "" {
		return f.heading
	}
	return f.message
}

// The codes, each with its exit status.
const (
	codeInternal    = "internal_error"
	codeInvalid     = "invalid_args"
	codeNotFound    = "not_found"
	codeConflict    = "conflict"
	codeEnvironment = "environment"
	codeCanceled    = "canceled"
)

// exits is the table of codes; docs/commands.md and git-grite(1) are tested
// against it.
var exits = []struct {
	code string
	exit int
	when string
}{
	{codeInternal, 1, "anything else; shows git's stderr"},
	{codeInvalid, 2, "usage, resource, TTL"},
	{codeNotFound, 3, "no such lock, actor, ref"},
	{codeConflict, 4, "held by another, blocked by policy, not the owner"},
	{codeEnvironment, 5, "not a repository, bad configuration, remote unreachable or refusing, git missing or too old, a directory that cannot be written"},
	{codeCanceled, 130, "Ctrl-C; 143 for SIGTERM"},
}

// explanation recognises one kind of error.
type explanation struct {
	code  string
	match func(err error, now time.Time) (failure, bool)
}

// as makes an explanation for a type of error.
func as[E error](code string, explain func(E, time.Time) failure) explanation {
	return explanation{code, func(err error, now time.Time) (failure, bool) {
		var e E
		if !errors.As(err, &e) {
			return failure{}, false
		}
		if explain == nil {
			return failure{}, true
		}
		return explain(e, now), true
	}}
}

// is makes an explanation for an error value.
func is(code string, target error, hints ...string) explanation {
	return explanation{code, func(err error, _ time.Time) (failure, bool) {
		return failure{hints: hints}, errors.Is(err, target)
	}}
}

// explanations is the one table from errors to what the caller is told. The
// first match holds; what matches nothing is an internal error.
func explanations() []explanation {
	return []explanation{
		as(codeCanceled, func(e *signalError, _ time.Time) failure {
			if e.signal == syscall.SIGTERM {
				return failure{exit: 143}
			}
			return failure{}
		}),
		is(codeCanceled, context.Canceled),
		as(codeInvalid, func(e *usageError, _ time.Time) failure {
			if e.hint == "" {
				return failure{}
			}
			return failure{hints: []string{e.hint}}
		}),
		as[*lock.ResourceError](codeInvalid, nil),
		as[*config.LabelError](codeInvalid, nil),
		as(codeConflict, explainHeld),
		as(codeConflict, explainBroken),
		as(codeConflict, explainNonce),
		as(codeConflict, explainNotOwner),
		as(codeConflict, explainCollision),
		as(codeConflict, explainHooks),
		as(codeConflict, explainLost),
		as(codeEnvironment, explainUnreachable),
		as(codeEnvironment, explainDoctor),
		as(codeEnvironment, func(e *git.RemoteError, _ time.Time) failure {
			return failure{message: e.Error(), hints: []string{"git grite doctor"}}
		}),
		as(codeEnvironment, func(*refstore.RefusedError, time.Time) failure {
			return failure{hints: []string{"git grite doctor"}}
		}),
		as(codeNotFound, explainRevision),
		as(codeNotFound, func(*lock.NotHeldError, time.Time) failure {
			return failure{hints: []string{"git grite lock status"}}
		}),
		is(codeNotFound, config.ErrNoActor, "git grite actor list"),
		as[*config.Error](codeEnvironment, nil),
		as(codeEnvironment, explainForeign),
		as(codeEnvironment, explainHooksPath),
		is(codeEnvironment, git.ErrNoRepository, "git init"),
		is(codeEnvironment, git.ErrNoGit),
		as[*git.VersionError](codeEnvironment, nil),
		as[*refstore.BusyError](codeEnvironment, nil),
		is(codeEnvironment, errNoDirectory),
		is(codeEnvironment, exec.ErrDot),
		is(codeEnvironment, fs.ErrPermission),
		is(codeEnvironment, syscall.EROFS),
		is(codeEnvironment, syscall.ENOSPC),
		is(codeEnvironment, syscall.EDQUOT),
	}
}

// explain turns an error into what the caller is told.
func explain(err error, now time.Time) failure {
	found := failure{}
	code := codeInternal
	for _, x := range explanations() {
		if f, ok := x.match(err, now); ok {
			found, code = f, x.code
			break
		}
	}
	found.code = code
	if found.message == "" {
		found.message = err.Error()
	}
	if found.exit == 0 {
		found.exit = exitOf(code)
	}
	return found
}

// exitOf is the exit status of a code.
func exitOf(code string) int {
	for _, e := range exits {
		if e.code == code {
			return e.exit
		}
	}
	return exits[0].exit
}

func explainHeld(e *lock.HeldError, now time.Time) failure {
	f := failure{heading: "Lock conflict"}
	locks := make([]lockJSON, 0, len(e.Conflicts))
	for _, l := range e.Conflicts {
		locks = append(locks, newLockJSON(l))
		f.lines = append(f.lines, conflictLines(l, e.Free, now)...)
		if e.Wanted.String() != l.Resource.String() {
			f.lines = append(f.lines, "Wanted: "+printable(e.Wanted.String()))
		}
	}
	f.message = fmt.Sprintf("%s is held by %s until %s", printable(e.Conflicts[0].Resource.String()),
		printable(e.Conflicts[0].Holder()), timestamp(e.Conflicts[0].Expires))
	f.details = map[string]any{"conflicts": locks}
	f.hints = []string{fmt.Sprintf("git grite lock acquire --resource %s --wait 15m", shellQuote(e.Wanted.String()))}
	return f
}

// conflictLines describes a lock in the way, as in the guide: resource, owner,
// expiry, then label and reason when known.
func conflictLines(l lock.Lock, free, now time.Time) []string {
	expires := "Expires: " + timestamp(l.Expires)
	if !l.Live(now) && !free.IsZero() {
		expires += fmt.Sprintf(" (expired %s ago, free in %s)", span(now.Sub(l.Expires)), span(free.Sub(now)+time.Second-1))
	}
	lines := []string{"Resource: " + printable(l.Resource.String()), "Owner: " + printable(string(l.Owner)), expires}
	if l.Label != "" {
		lines = append(lines, "Label: "+printable(l.Label))
	}
	if l.Reason != "" {
		lines = append(lines, "Reason: "+printable(l.Reason))
	}
	return lines
}

func explainBroken(e *lock.BrokenError, _ time.Time) failure {
	t := e.Tombstone
	return failure{
		heading: "Lock lost",
		message: fmt.Sprintf("the lock on %s was broken by %s: %s", printable(t.Resource.String()), printable(t.Holder()), printable(t.Reason)),
		lines: []string{"Resource: " + printable(t.Resource.String()), "Broken by: " + printable(t.Holder()),
			"Broken at: " + timestamp(t.Acquired), "Reason: " + printable(t.Reason)},
		details: map[string]any{"broken_by": t.Owner, "broken_nonce": t.BrokenNonce, "reason": t.Reason},
		hints:   []string{fmt.Sprintf("git grite lock acquire --resource %s", shellQuote(t.Resource.String()))},
	}
}

func explainNonce(e *lock.NonceError, now time.Time) failure {
	return failure{
		heading: "Lock conflict",
		message: e.Error(),
		lines:   append(conflictLines(e.Present, time.Time{}, now), "Nonce: "+printable(e.Present.Nonce)),
		details: map[string]any{"conflicts": []lockJSON{newLockJSON(e.Present)}},
	}
}

// notOwnerError is a release of what only others hold.
type notOwnerError struct {
	others   []lock.Lock
	released []lock.Lock
}

func (e *notOwnerError) Error() string {
	return fmt.Sprintf("%s is held by %s, not by this actor", e.others[0].Resource, e.others[0].Holder())
}

func explainNotOwner(e *notOwnerError, now time.Time) failure {
	f := failure{heading: "Lock conflict", message: printable(e.Error())}
	for _, l := range e.others {
		f.lines = append(f.lines, conflictLines(l, time.Time{}, now)...)
	}
	first := e.others[0]
	f.hints = []string{fmt.Sprintf("git grite lock break --resource %s --nonce %s --reason TEXT",
		shellQuote(first.Resource.String()), shellQuote(first.Nonce))}
	f.details = map[string]any{"conflicts": locksJSON(e.others), "released": locksJSON(e.released)}
	return f
}

// explainRevision says how to have the rest of a history, which jobs of CI
// services do not have by default.
func explainRevision(e *git.RevisionError, _ time.Time) failure {
	if !e.Shallow {
		return failure{message: printable(e.Error()), hints: []string{"git fetch --all"}}
	}
	return failure{message: printable(e.Error()), hints: []string{"git fetch --unshallow  # in CI: fetch-depth: 0 (GitHub), GIT_DEPTH: 0 (GitLab)"}}
}
