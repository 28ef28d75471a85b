package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/hold"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

// wanted is what every command asks for that takes locks.
type wanted struct {
	resources       texts
	staged, changed bool
	ttl, wait       optional
	reason          string
}

func (w *wanted) flags() []cli.Flag {
	return []cli.Flag{
		resourceFlag(&w.resources),
		boolFlag(&w.staged, "staged", "the paths that the index changes"),
		boolFlag(&w.changed, "changed", "those, and the ones that the work tree changes"),
		ttlFlag(&w.ttl, "how long the lease lasts"),
		optionalFlag(&w.wait, "wait", "how long to try while others hold them, a `DURATION`"),
		stringFlag(&w.reason, "reason", "`TEXT` that others read when they meet the lock"),
	}
}

// request makes the request of flags and arguments.
func (c *call) request(ctx context.Context, cl *clone.Clone, w wanted) (q clone.AcquireRequest, err error) {
	if q.Resources, err = c.resources(ctx, cl, w.resources, nil); err != nil {
		return q, err
	}
	if w.staged || w.changed {
		paths, err := c.changedPaths(ctx, cl, w.changed)
		if err != nil {
			return q, err
		}
		q.Resources = append(q.Resources, paths...)
	}
	if err := c.named(q.Resources); err != nil {
		return q, err
	}
	if q.TTL, err = ttl(w.ttl); err != nil {
		return q, err
	}
	if w.wait.given && w.wait.text != "0" {
		if q.Wait, err = lock.ParseDuration(w.wait.text); err != nil {
			return q, usagef("--wait %v", err)
		}
	}
	q.Reason, err = recordText("reason", w.reason)
	return q, err
}

// changedPaths are locks on what the next commit changes and, with all, on what
// the work tree does.
func (c *call) changedPaths(ctx context.Context, cl *clone.Clone, all bool) (resources []lock.Resource, err error) {
	paths, err := cl.Repo.StagedPaths(ctx)
	if err == nil && all {
		var more []string
		more, err = cl.Repo.UnstagedPaths(ctx)
		paths = append(paths, more...)
	}
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, usagef("nothing is changed: there is no path to lock")
	}
	slices.Sort(paths)
	for _, p := range slices.Compact(paths) {
		r, err := lock.ParseLiteral("path:"+p, "")
		if err != nil {
			return nil, err
		}
		resources = append(resources, r)
	}
	return resources, nil
}

type acquireOptions struct {
	wanted
	exclusive, offline, keep bool
	keeping                  keepOptions
}

func newAcquire() *command {
	var o acquireOptions
	return &command{
		name: "acquire", args: "[PATH …]", usage: "take locks on all resources or none",
		flags: append(append(o.wanted.flags(),
			boolFlag(&o.exclusive, "exclusive", "conflict with the locks you hold, too"),
			boolFlag(&o.offline, "offline", "do not ask the remote; sync has to confirm the locks later"),
			boolFlag(&o.keep, "keep", "have the locks renewed in the background"),
		), o.keeping.flags()...),
		run: withLocks(func(ctx context.Context, c *call, cl *clone.Clone) (result, error) { return runAcquire(ctx, c, cl, o) }),
	}
}

func runAcquire(ctx context.Context, c *call, cl *clone.Clone, o acquireOptions) (result, error) {
	q, err := c.request(ctx, cl, o.wanted)
	if err != nil {
		return result{}, err
	}
	q.Exclusive, q.Offline = o.exclusive, o.offline
	var kept hold.For
	if o.keep {
		if kept, err = c.keepFor(ctx, cl, o.keeping, q.TTL); err != nil {
			return result{}, err
		}
	} else if o.keeping != (keepOptions{}) {
		return result{}, usagef("--while-pid, --for and --signal need --keep")
	}
	done, err := c.acquire(ctx, cl, q)
	if err == nil && o.keep {
		locks := make([]lock.Lock, 0, len(done.Grants))
		for _, g := range done.Grants {
			locks = append(locks, g.Lock)
		}
		err = c.keep(ctx, cl, done.Actor, locks, kept)
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
			if o.keep {
				fmt.Fprintf(w, "  Kept: %s\n", c.keptUntil(kept))
			}
		}
	}}, nil
}

// acquire takes locks and tells what was noticed, and whom it waits for.
func (c *call) acquire(ctx context.Context, cl *clone.Clone, q clone.AcquireRequest) (clone.Acquired, error) {
	waiting, stop := c.waiting(q.Wait)
	q.Waiting = waiting
	q.Heard = c.out.report
	done, err := cl.Acquire(ctx, q)
	stop()
	c.out.report(done.Report)
	if done.Fallback != nil {
		c.out.note(wire.StaleView, "%s; taken offline, to be confirmed by: git grite sync", wire.Printable(done.Fallback.Error()))
	}
	return done, err
}

// waiting returns what is to be called when an acquire has to wait, which says
// for whom, and what ends that. On a terminal a line counts down.
func (c *call) waiting(limit time.Duration) (tell func(*lock.HeldError), stop func()) {
	if c.out.json || c.out.quiet {
		return nil, func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	count := func(until time.Time) {
		defer close(ended)
		for {
			fmt.Fprintf(c.Stderr, "\r\x1b[Kwaiting for another %s", wire.Span(until.Sub(c.Now())))
			select {
			case <-done:
				io.WriteString(c.Stderr, "\r\x1b[K")
				return
			case <-time.After(time.Second):
			}
		}
	}
	counting := false
	return func(e *lock.HeldError) {
			l := e.Conflicts[0]
			reason := ""
			if l.Reason != "" {
				reason = ": " + wire.Printable(l.Reason)
			}
			c.out.say("waiting for %s, held by %s until %s%s", wire.Name(l), wire.Printable(l.Holder()), wire.Timestamp(l.Expires), reason)
			if c.Console && !counting {
				counting = true
				go count(c.Now().Add(limit))
			}
		}, func() {
			close(done)
			if counting {
				<-ended
			}
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
