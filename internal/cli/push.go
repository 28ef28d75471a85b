package cli

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/fence"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
	"github.com/git-grite/git-grite/internal/sign"
	"github.com/git-grite/git-grite/internal/vouch"
	"github.com/git-grite/git-grite/internal/wire"
)

type pushOptions struct {
	locks   texts
	release bool
}

func newPush() *command {
	var o pushOptions
	return &command{
		name: "push", args: "[-- ARG …]", usage: "git push that lands only while your locks on what it changes are still held",
		flags: []cli.Flag{
			textsFlag(&o.locks, "lock", "guard by your lock on this `RESOURCE`, instead of by all that cover a changed path; may be given several times"),
			boolFlag(&o.release, "release", "give these locks up in the same push"),
		},
		run: withLocks(func(ctx context.Context, c *call, cl *clone.Clone) (result, error) { return runPush(ctx, c, cl, o) }),
	}
}

// fencedPush is git push at work.
type fencedPush struct {
	plan    *fence.Plan
	repo    *git.Repo
	io      git.Streams
	outcome fence.Outcome
}

func runPush(ctx context.Context, c *call, cl *clone.Clone, o pushOptions) (result, error) {
	plan, err := fence.Read(ctx, cl.Repo, c.args)
	if err != nil {
		return result{}, err
	}
	p := &fencedPush{plan: plan, repo: cl.Repo, io: git.Streams{In: c.Stdin, Out: c.Stdout, Err: c.Stderr}}
	var said bytes.Buffer
	if c.out.json {
		p.io = git.Streams{Out: &said, Err: &said}
	}
	if err := p.toArbiter(ctx, cl); err != nil {
		return result{}, err
	}
	q := clone.FenceRequest{Release: o.release, Dry: p.plan.DryRun, Push: pushWords(p.plan), Swap: p.swap}
	if q.Resources, err = c.guards(ctx, cl, p.plan, o.locks); err != nil {
		return result{}, err
	}
	if len(q.Resources) == 0 {
		upToDate, err := p.plan.UpToDate(ctx, cl.Repo, p.io)
		if err == nil && !upToDate {
			err = &unguardedError{c.args}
		}
		return result{data: wire.Pushed{Held: wire.Reader{}.Held(nil), Output: said.String()}}, err
	}
	done, err := cl.Fence(ctx, q)
	c.out.report(done.Report)
	data := wire.Pushed{Held: c.reader(done.Actor).Held(done.Locks), Exit: p.outcome.Exit, Output: said.String()}
	switch {
	case err != nil:
		return result{}, err
	case len(done.Lost) > 0:
		data.Lost = c.reader(done.Actor).Lost(done.Lost)
		return result{}, &fencedError{done.Lost, data}
	case p.outcome.State == fence.Moved || p.outcome.Exit == 0:
		return result{data: data}, nil
	case c.out.json:
		return result{}, &exitError{p.outcome.Exit, &pushError{data}}
	}
	return result{}, &exitError{code: p.outcome.Exit} // git has said why
}

// toArbiter refuses a push to any other place than the one that keeps the locks.
func (p *fencedPush) toArbiter(ctx context.Context, cl *clone.Clone) error {
	arbiter, err := cl.Arbiter(ctx)
	if err != nil {
		return err
	}
	if arbiter == nil {
		return clone.ErrNoArbiter
	}
	if p.plan.Repository == arbiter.Name() {
		return nil
	}
	there, err := p.repo.PushURL(ctx, p.plan.Repository)
	if err != nil {
		return err
	}
	here, err := p.repo.PushURL(ctx, arbiter.Name())
	if err != nil || there == here {
		return err
	}
	return &fence.ModeError{Reason: fmt.Sprintf("%q is not the remote that keeps the locks, %q; their refs cannot move together", p.plan.Repository, arbiter.Name())}
}

// guards are the resources whose locks guard a push, none where no lock covers what
// it changes.
func (c *call) guards(ctx context.Context, cl *clone.Clone, plan *fence.Plan, named texts) ([]lock.Resource, error) {
	held, err := cl.Granted(ctx)
	if err != nil {
		return nil, err
	}
	if len(named) > 0 {
		only := *c
		only.args = nil // they are those of git push
		return only.existing(ctx, cl, named, false)
	}
	arbiter, err := cl.ArbiterName(ctx) // which may have been named by its URL
	if err != nil {
		return nil, err
	}
	return check.Guards(ctx, cl, held, arbiter, plan.Sources())
}

// swap is git push with the refs of locks.
func (p *fencedPush) swap(ctx context.Context, updates []git.RefUpdate) (fate protocol.Fate, err error) {
	locks := make([]fence.Lock, 0, len(updates))
	for _, u := range updates {
		locks = append(locks, fence.Lock{Ref: u.Name, Old: u.Old, New: u.New})
	}
	p.outcome, err = fence.Push(ctx, p.repo, p.plan, locks, p.io)
	switch p.outcome.State {
	case fence.Moved:
		return protocol.Moved, nil
	case fence.Lost:
		return protocol.Beaten, err
	case fence.Unknown:
		if ctx.Err() == nil {
			err = &unsettledError{err}
		}
		return protocol.Unknown, err
	}
	return protocol.Kept, err
}

// pushWords are what is pushed where.
func pushWords(p *fence.Plan) string {
	repository := p.Repository
	if scheme, rest, ok := strings.Cut(repository, "://"); ok { // a password has no business in a file
		repository = scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
	}
	return strings.Join(append([]string{repository}, p.Refspecs...), " ")
}

// fencedError is a push that was stopped because locks were lost.
type fencedError struct {
	lost []lock.Lost
	data wire.Pushed
}

func (e *fencedError) Error() string { return e.lost[0].Err().Error() }

func explainFenced(e *fencedError, now time.Time) failure {
	f := explainLosses(e.lost, now)
	if f.heading != "" {
		f.heading = "Lock lost"
	}
	f.data, f.lines = e.data, append(f.lines, "Nothing was pushed.")
	if f.code = codeLost; e.lost[0].Cause == lock.NotHeld && len(e.lost) == 1 {
		f.code = codeNotFound
	}
	f.exit = exitOf(f.code)
	return f
}

// unguardedError is a push of nothing that the actor has locked.
type unguardedError struct{ args []string }

func (e *unguardedError) Error() string {
	return "none of your locks covers a path that this push changes, so there is nothing to guard it with"
}

func (e *unguardedError) hints() []string {
	line := "git push"
	for _, arg := range e.args {
		line += " " + wire.ShellQuote(arg)
	}
	return []string{"git grite lock status --mine", line}
}

// unsettledError is a push of which nobody knows what became.
type unsettledError struct{ err error }

func (e *unsettledError) Error() string {
	if e.err == nil {
		return "what became of the push is not known"
	}
	return fmt.Sprintf("what became of the push is not known: %v", e.err)
}

func (e *unsettledError) Unwrap() error { return e.err }

// pushError is a git push that failed for reasons of its own.
type pushError struct{ data wire.Pushed }

func (e *pushError) Error() string {
	return fmt.Sprintf("git push failed with exit code %d", e.data.Exit)
}

func explainPush(e *pushError, _ time.Time) failure {
	return failure{data: e.data, details: e.data, exit: e.data.Exit}
}

// pushExplanations are those of fenced pushes and of signatures.
func pushExplanations() []explanation {
	return []explanation{
		as(codeLost, explainFenced),
		as(codeNotFound, func(e *unguardedError, _ time.Time) failure {
			return failure{lines: []string{"Nothing was pushed."}, hints: e.hints()}
		}),
		as(codeEnvironment, func(*unsettledError, time.Time) failure {
			return failure{lines: []string{"Either everything was pushed or nothing."}, hints: []string{"git grite lock renew --mine"}}
		}),
		as[*fence.ModeError](codeEnvironment, nil),
		is(codeEnvironment, fence.ErrNotAtomic),
		is(codeEnvironment, clone.ErrNoArbiter),
		as(codeInternal, explainPush),
		is(codeEnvironment, sign.ErrNoSigners),
		as[*vouch.SignError](codeEnvironment, nil),
	}
}
