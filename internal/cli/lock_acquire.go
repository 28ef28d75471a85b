package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

type acquireOptions struct {
	resources          texts
	ttl, wait          optional
	reason             string
	exclusive, offline bool
}

func newAcquire() *command {
	var o acquireOptions
	return &command{
		name: "acquire", args: "[PATH …]", usage: "take locks on all resources or none",
		flags: []cli.Flag{
			resourceFlag(&o.resources),
			ttlFlag(&o.ttl, "how long the lease lasts"),
			optionalFlag(&o.wait, "wait", "how long to try while others hold them, such as `5m`"),
			stringFlag(&o.reason, "reason", "`TEXT` that others read when they meet the lock"),
			boolFlag(&o.exclusive, "exclusive", "conflict with the locks you hold, too"),
			boolFlag(&o.offline, "offline", "do not ask the remote; sync has to confirm the locks later"),
		},
		run: func(ctx context.Context, c *call) (result, error) { return runAcquire(ctx, c, o) },
	}
}

func runAcquire(ctx context.Context, c *call, o acquireOptions) (result, error) {
	cl, err := c.openLocks(ctx)
	if err != nil {
		return result{}, err
	}
	q := clone.AcquireRequest{Exclusive: o.exclusive, Offline: o.offline, Waiting: c.tellWaiting}
	if q.Resources, err = c.resources(ctx, cl, o.resources, nil); err != nil {
		return result{}, err
	}
	if err := c.named(q.Resources); err != nil {
		return result{}, err
	}
	if q.TTL, err = ttl(o.ttl); err != nil {
		return result{}, err
	}
	if o.wait.given {
		if q.Wait, err = lock.ParseDuration(o.wait.text); err != nil {
			return result{}, usagef("--wait %v", err)
		}
	}
	if q.Reason, err = recordText("reason", o.reason); err != nil {
		return result{}, err
	}
	done, err := cl.Acquire(ctx, q)
	c.out.report(done.Report)
	if done.Fallback != nil {
		c.out.note(wire.StaleView, "%s; taken offline, to be confirmed by: git grite sync", wire.Printable(done.Fallback.Error()))
	}
	if err != nil {
		return result{}, c.conflict(cl, q, o, err)
	}
	// Whatever is wrong with looking is no reason to give the locks back.
	unmatched, _ := check.UnmatchedPaths(ctx, cl, q.Resources, done.Absent)
	for _, u := range unmatched {
		c.out.notice(wire.Unmatched(u))
	}
	return result{data: c.reader(done.Actor).Acquired(done.Grants), text: func(w io.Writer) {
		for _, g := range done.Grants {
			c.printGrant(w, g)
		}
	}}, nil
}

// tellWaiting says whom an acquire waits for.
func (c *call) tellWaiting(e *lock.HeldError) {
	if !c.out.json && !c.out.quiet {
		l := e.Conflicts[0]
		c.out.say("waiting for %s, held by %s until %s", wire.Name(l), wire.Printable(l.Holder()), wire.Timestamp(l.Expires))
	}
}

func (c *call) printGrant(w io.Writer, g lock.Grant) {
	title := "Lock acquired"
	if g.AlreadyHeld {
		title = "Lock already held"
	}
	fmt.Fprintf(w, "%s\n  Resource: %s\n", title, wire.Name(g.Lock))
	if g.AlreadyHeld && !g.Acquired.IsZero() {
		fmt.Fprintf(w, "  Since: %s\n", wire.Timestamp(g.Acquired))
	}
	fmt.Fprintf(w, "  Expires: %s\n", c.until(g.Expires))
	if g.Unconfirmed {
		fmt.Fprintln(w, "  Not confirmed: others can take it until git grite sync has reached the remote")
	}
	for _, l := range g.TakenOver {
		fmt.Fprintf(w, "  Taken over from: %s (%s, expired %s ago)\n", wire.Printable(l.Holder()), wire.Name(l), wire.Span(c.Now().Sub(l.Expires)))
	}
	if g.Resource.Namespace() == lock.Repo && !g.AlreadyHeld {
		fmt.Fprintln(w, "  Note: while it is held, others can take no lock, and their commits are reported or stopped")
	}
}
