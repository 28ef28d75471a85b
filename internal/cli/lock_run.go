package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/hold"
	"github.com/git-grite/git-grite/internal/keep"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

// guardVerb is how lock run starts itself to guard its command. It is no
// command for people.
const guardVerb = "lock-guard"

type runOptions struct {
	wanted
	onLost       string
	conflictExit optional
}

func newRun() *command {
	o := runOptions{onLost: "kill"}
	return &command{
		name: "run", args: "[PATH …] -- COMMAND [ARGUMENT …]", usage: "hold locks while a command runs", runs: true,
		flags: append(o.wanted.flags(),
			&cli.StringFlag{Name: "on-lost", Usage: "what to do about the command when a lock is lost: `ACTION` is kill or warn", Value: "kill", Destination: &o.onLost},
			optionalFlag(&o.conflictExit, "conflict-exit-code", "the exit `CODE` when others hold the locks"),
		),
		run: func(ctx context.Context, c *call) (result, error) { return result{silent: true}, runRun(ctx, c, o) },
	}
}

// lostLeaseError is a lock that was lost while its command ran.
type lostLeaseError struct{ cause error }

func (e *lostLeaseError) Error() string {
	return fmt.Sprintf("the command was stopped: %v", e.cause)
}

func (e *lostLeaseError) Unwrap() error { return e.cause }

func runRun(ctx context.Context, c *call, o runOptions) error {
	at := slices.Index(c.args, "--")
	if at < 0 || at+1 == len(c.args) {
		return &usageError{message: c.name + " needs a command behind --", hint: c.name + " path:src/ -- make"}
	}
	var argv []string
	c.args, argv = c.args[:at], c.args[at+1:]
	conflict := 0
	switch {
	case c.out.json:
		return usagef("lock run leaves stdout to its command and has no --json")
	case o.onLost != "kill" && o.onLost != "warn":
		return usagef("--on-lost is kill or warn, not %q", o.onLost)
	case o.conflictExit.given:
		n, err := strconv.ParseUint(o.conflictExit.text, 10, 8)
		if err != nil {
			return usagef("--conflict-exit-code is a number up to 255, not %q", o.conflictExit.text)
		}
		conflict = int(n)
	}
	cl, err := c.openLocks(ctx)
	if err != nil {
		return err
	}
	q, err := c.request(ctx, cl, o.wanted)
	if err != nil {
		return err
	}
	if q.TTL, err = c.keptTTL(ctx, cl, q.TTL); err != nil {
		return err
	}
	q.Exclusive, q.Online = true, true
	done, err := c.acquire(ctx, cl, q)
	var held *lock.HeldError
	switch {
	case errors.As(err, &held):
		err = c.conflict(cl, q, acquireOptions{wanted: o.wanted}, err)
		if more, ok := err.(*conflictError); ok { // the hint is this command once more
			more.again, more.argv = strings.Replace(more.again, " acquire ", " run ", 1), argv
		}
		if o.conflictExit.given {
			return &exitError{conflict, err}
		}
		return err
	case err != nil:
		return c.conflict(cl, q, acquireOptions{wanted: o.wanted}, err)
	}
	lease := hold.Lease(cl, done, q.TTL)
	if ctx.Err() != nil { // a signal came when it was granted already
		_ = lease.Release(context.WithoutCancel(ctx))
		return context.Cause(ctx)
	}
	environ, err := c.commandEnv(ctx, cl, done)
	if err != nil {
		return err
	}
	return c.underLock(ctx, keep.Command{Args: argv, Env: environ, Lease: lease, TTL: q.TTL, Warn: o.onLost == "warn"}, hold.Began(done.Grants[0].Lock))
}

// underLock runs a command while its lease is held, which counts from began.
func (c *call) underLock(ctx context.Context, command keep.Command, began time.Time) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	command.Clock, command.Random = keep.NewClock(c.Now), rand.Float64
	now := command.Clock()
	age := max(0, now.Wall.Sub(began))
	command.Granted = keep.Reading{Wall: now.Wall.Add(-age), Mono: now.Mono - age}
	command.Guard = []string{program, guardVerb}
	command.Stdin, command.Stdout, command.Stderr = file(c.Stdin, os.Stdin), file(c.Stdout, os.Stdout), file(c.Stderr, os.Stderr)
	command.Tell = c.tellRun
	// Signals are the command's from here on.
	out := command.Run(context.WithoutCancel(ctx))
	switch {
	case out.Lost != nil && !command.Warn:
		return &lostLeaseError{out.Lost}
	case out.Fault != nil:
		return &exitError{out.Code, out.Fault}
	case out.Code != 0:
		return &exitError{code: out.Code}
	}
	return nil
}

// file is the open file behind a stream.
func file(stream any, otherwise *os.File) *os.File {
	if f, ok := stream.(*os.File); ok {
		return f
	}
	return otherwise
}

// keptTTL is the TTL of locks that are to be renewed in the background.
func (c *call) keptTTL(ctx context.Context, cl *clone.Clone, d time.Duration) (time.Duration, error) {
	if d == 0 {
		d = cl.Config.TTL
	}
	remote, err := cl.Arbiter(ctx)
	if err == nil && remote != nil && d < keep.MinTTL {
		err = usagef("a lease of %s is too short to be renewed through remote %q: use --ttl %s or more", wire.Span(d), remote.Name(), wire.Span(keep.MinTTL))
	}
	return d, err
}

// commandEnv is the environment of a command that runs under locks.
func (c *call) commandEnv(ctx context.Context, cl *clone.Clone, done clone.Acquired) ([]string, error) {
	first := done.Grants[0].Lock
	var names []string
	expires := first.Expires
	for _, g := range done.Grants {
		names = append(names, g.Resource.String())
		if g.Expires.Before(expires) {
			expires = g.Expires
		}
	}
	all, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	record, err := hold.Record(ctx, cl, done.Actor, first)
	if err != nil {
		return nil, err
	}
	return append(slices.Clone(c.Environ),
		"GRITE_LOCK_RESOURCE="+names[0], "GRITE_LOCK_RESOURCES="+string(all), "GRITE_LOCK_NONCE="+first.Nonce, "GRITE_LOCK_OID="+record,
		"GRITE_LOCK_EXPIRES_UNIX_MS="+strconv.FormatInt(expires.UnixMilli(), 10), "GRITE_ACTOR="+string(done.Actor.ID)), nil
}

// tellRun says what becomes of the lease of a running command.
func (c *call) tellRun(n keep.Notice) {
	if c.out.quiet {
		return
	}
	left := wire.Span(n.Left)
	why := "no answer yet"
	if n.Err != nil {
		why = wire.Printable(n.Err.Error())
	}
	switch n.Event {
	case keep.HalfGone, keep.LateGone:
		c.out.say("note: the lock could not be renewed, it ends in %s: %s", left, why)
	case keep.Renewed:
		c.out.say("note: the lock is renewed again, it ends in %s", left)
	case keep.Ending:
		c.out.say("note: the lock ends in %s: %s", left, why)
	case keep.Lost:
		c.out.say("note: %s", why)
	case keep.Unreleased:
		c.out.say("note: the lock could not be released; it ends by itself in %s: %s", left, why)
	}
}
