package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

func explainHeld(e *lock.HeldError, now time.Time) failure {
	f := failure{heading: "Lock conflict"}
	r := wire.Reader{Now: now}
	locks := make([]wire.Lock, 0, len(e.Conflicts))
	for _, l := range e.Conflicts {
		locks = append(locks, r.Lock(l))
		f.lines = append(f.lines, conflictLines(l, e.Free, now)...)
		if e.Wanted.String() != l.Resource.String() {
			f.lines = append(f.lines, "Wanted: "+wire.Printable(e.Wanted.String()))
		}
	}
	f.message = fmt.Sprintf("%s is held by %s until %s", wire.Printable(e.Conflicts[0].Resource.String()),
		wire.Printable(e.Conflicts[0].Holder()), wire.Timestamp(e.Conflicts[0].Expires))
	f.details = map[string]any{"conflicts": locks}
	f.hints = []string{fmt.Sprintf("git grite lock acquire --resource %s --wait 15m", wire.ShellQuote(e.Wanted.String()))}
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
		lines:   append(conflictLines(e.Present, time.Time{}, now), "Nonce: "+wire.Printable(e.Present.Nonce)),
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
	line := wire.AcquireLine(names)
	if e.Left != nil {
		return failure{
			lines: []string{fmt.Sprintf("Nothing was granted. What was sent may stand there for %s; to remove it when the remote is back:", wire.Span(e.Left.TTL))},
			hints: []string{strings.Replace(line, "acquire", "release", 1)},
		}
	}
	return failure{lines: []string{"Nothing was locked."}, hints: []string{line + " --offline", "git grite doctor"}}
}
