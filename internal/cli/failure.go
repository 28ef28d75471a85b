package cli

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/git-grite/git-grite/internal/ask"
	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/issue"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
	"github.com/git-grite/git-grite/internal/refstore"
	"github.com/git-grite/git-grite/internal/signals"
	"github.com/git-grite/git-grite/internal/tracker"
	"github.com/git-grite/git-grite/internal/wal"
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
	codeLost        = "lost"
	codeCanceled    = "canceled"
)

// exit is a code with its exit status and what it means.
type exit struct {
	code string
	exit int
	when string
}

// exits is the table of codes; docs/commands.md is tested against it.
var exits = []exit{
	{codeInternal, 1, "anything else; shows git's stderr"},
	{codeInvalid, 2, "usage, resource, TTL"},
	{codeNotFound, 3, "no such lock, actor, ref"},
	{codeConflict, 4, "held by another, blocked by policy, not the owner"},
	{codeEnvironment, 5, "not a repository, bad configuration, remote unreachable or refusing, git missing or too old, a directory that cannot be written"},
	{codeLost, 6, "a lock that this process held was taken from it"},
	{codeCanceled, 130, "Ctrl-C; 143 for SIGTERM"},
}

// explanation recognises one kind of error.
type explanation struct {
	code  string
	match func(err error, now time.Time) (failure, bool)
}

// as makes an explanation for a type of error; without explain it has hints alone.
func as[E error](code string, explain func(E, time.Time) failure, hints ...string) explanation {
	return explanation{code, func(err error, now time.Time) (failure, bool) {
		var e E
		if !errors.As(err, &e) {
			return failure{}, false
		}
		if explain == nil {
			return failure{hints: hints}, true
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
	return slices.Concat(pushExplanations(), []explanation{
		as(codeCanceled, func(e *signals.Error, _ time.Time) failure {
			if e.Signal == syscall.SIGTERM {
				return failure{exit: 143, message: e.Error()}
			}
			return failure{message: e.Error()}
		}),
		is(codeCanceled, context.Canceled),
		as[*lostLeaseError](codeLost, nil),
		as(codeInvalid, explainUsage),
		as[*lock.ResourceError](codeInvalid, nil),
		as[*config.LabelError](codeInvalid, nil),
		as[*git.PathError](codeInvalid, nil),
		as[*issue.TextError](codeInvalid, nil),
		is(codeInvalid, issue.ErrPrefix, "git grite issue list"),
		as(codeInvalid, explainAmbiguous),
		as[*issue.NotFoundError](codeNotFound, nil, "git grite issue list --state all"),
		is(codeNotFound, tracker.ErrNothing),
		as[*tracker.ClosedError](codeConflict, nil),
		as(codeEnvironment, explainUnsent),
		is(codeEnvironment, wal.ErrUnknown, "git grite sync"),
		as[*wal.RefusedError](codeEnvironment, nil, "git grite doctor"),
		as[*wal.DamagedError](codeEnvironment, nil, "git grite doctor"),
		as(codeConflict, explainRenew),
		as(codeConflict, explainSilence),
		as[*ask.ManyError](codeInvalid, nil),
		as(codeNotFound, explainNobody),
		as[*ask.UnaskedError](codeNotFound, nil),
		as[*ask.RefusedError](codeEnvironment, nil, "git grite doctor"),
		as[*ask.HiddenError](codeEnvironment, nil),
		as(codeConflict, explainConflict),
		as(codeConflict, explainHeld),
		as(codeConflict, explainBroken),
		as(codeConflict, explainNonce),
		as(codeConflict, explainNotOwner),
		as(codeConflict, explainCollision),
		as(codeConflict, explainHooks),
		as(codeConflict, explainLost),
		as(codeConflict, explainHolds),
		as[*config.RemoveError](codeConflict, nil),
		as[*check.BlindError](codeEnvironment, nil, "git grite sync"),
		as(codeEnvironment, explainUnreached),
		as(codeEnvironment, explainUnreachable),
		as[*protocol.ShortLeaseError](codeEnvironment, nil),
		as[*protocol.ContendedError](codeConflict, nil, "git grite doctor"),
		as(codeEnvironment, explainDoctor),
		{codeEnvironment, explainLockFile},
		as(codeEnvironment, func(e *git.RemoteError, _ time.Time) failure {
			return failure{message: e.Error(), hints: []string{"git grite doctor"}}
		}),
		as[*refstore.RefusedError](codeEnvironment, nil, "git grite doctor"),
		as(codeNotFound, explainRevision),
		as[*lock.NotHeldError](codeNotFound, nil, "git grite lock status"),
	}, placeExplanations())
}

// placeExplanations are those of where a command runs.
func placeExplanations() []explanation {
	return []explanation{
		is(codeNotFound, config.ErrNoActor, "git grite actor list"),
		is(codeNotFound, clone.ErrNoCopy),
		is(codeEnvironment, errNoMCP),
		{codeInvalid, explainSetting},
		as[*unsetError](codeNotFound, nil, "git grite config list"),
		as[*config.Error](codeEnvironment, nil),
		as(codeEnvironment, explainSettings),
		as(codeEnvironment, explainForeign),
		as(codeEnvironment, explainHooksPath),
		as(codeEnvironment, func(e *git.RepositoryError, _ time.Time) failure {
			if e.Found {
				return failure{}
			}
			return failure{hints: []string{"git init"}}
		}),
		is(codeEnvironment, git.ErrNoRepository),
		is(codeEnvironment, git.ErrNoGit),
		as[*git.VersionError](codeEnvironment, nil),
		as[*refstore.BusyError](codeEnvironment, nil),
		is(codeEnvironment, clone.ErrNoDirectory),
		as[*placeError](codeEnvironment, nil),
		as[*clone.ArbiterGoneError](codeEnvironment, nil),
		as[*protocol.HiddenError](codeEnvironment, nil, "git grite doctor"),
		is(codeEnvironment, atomicfile.ErrLink),
		is(codeEnvironment, exec.ErrDot),
		{codeEnvironment, explainDisk},
		is(codeEnvironment, fs.ErrPermission),
		is(codeEnvironment, syscall.ENOTDIR),
		is(codeEnvironment, syscall.EISDIR),
		is(codeEnvironment, syscall.ELOOP),
		is(codeEnvironment, syscall.ENAMETOOLONG),
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
	if found.code == "" {
		found.code = code
	}
	if found.message == "" {
		found.message = err.Error()
	}
	if found.exit == 0 {
		found.exit = exitOf(found.code)
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
