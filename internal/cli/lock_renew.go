package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

type renewOptions struct {
	resources texts
	mine      bool
	ttl       optional
	reason    string
}

func newRenew() *command {
	var o renewOptions
	return &command{
		name: "renew", args: "[PATH …]", usage: "extend locks you hold, never shorten them",
		flags: []cli.Flag{
			resourceFlag(&o.resources),
			boolFlag(&o.mine, "mine", "all locks you hold", "all"),
			ttlFlag(&o.ttl, "how long the lease lasts from now"),
			stringFlag(&o.reason, "reason", "`TEXT` in the place of the old one, for those who wait"),
		},
		run: func(ctx context.Context, c *call) (result, error) { return runRenew(ctx, c, o) },
	}
}

func runRenew(ctx context.Context, c *call, o renewOptions) (result, error) {
	cl, resources, err := c.openExisting(ctx, o.resources, o.mine)
	if err != nil {
		return result{}, err
	}
	d, err := ttl(o.ttl)
	if err != nil {
		return result{}, err
	}
	reason, err := recordText("reason", o.reason)
	if err != nil {
		return result{}, err
	}
	done, err := cl.Renew(ctx, resources, d, reason)
	c.out.report(done.Report)
	if err == nil && len(done.Lost) > 0 {
		err = &renewError{done, c.reader(done.Actor)}
	}
	if err != nil {
		return result{}, err
	}
	return result{data: c.reader(done.Actor).Renewed(done), text: func(w io.Writer) {
		for _, l := range done.Locks {
			title := "Lock renewed"
			if done.Kept(l) {
				title = "Lock kept" // it lasts longer than was asked for
			}
			fmt.Fprintf(w, "%s\n  Resource: %s\n  Expires: %s\n", title, wire.Name(l), c.until(l.Expires))
		}
	}}, nil
}

// renewError is a renewal of which something was lost.
type renewError struct {
	done   clone.Renewed
	reader wire.Reader
}

func (e *renewError) Error() string { return e.done.Lost[0].Err().Error() }

// explainRenew tells of one lost lock as of any other, and what was renewed all
// the same.
func explainRenew(e *renewError, now time.Time) failure {
	f := explainLosses(e.done.Lost, now)
	f.data = e.reader.Renewed(e.done)
	for _, l := range e.done.Locks {
		f.lines = append(f.lines, fmt.Sprintf("Renewed: %s until %s", l.Resource, wire.Timestamp(l.Expires)))
	}
	if f.code = codeConflict; e.done.Lost[0].Cause == lock.NotHeld && len(e.done.Lost) == 1 && len(e.done.Locks) == 0 {
		f.code = codeNotFound
	}
	f.exit = exitOf(f.code)
	return f
}

// explainLosses tells of one lost lock as of any other, and of the rest below it.
func explainLosses(lost []lock.Lost, now time.Time) failure {
	f := explain(lost[0].Err(), now)
	if was := lost[0].Lock; !was.Expires.IsZero() && !was.Live(now) {
		f.lines = append(f.lines, "Your lease ended: "+wire.Until(was.Expires, now))
	}
	for _, l := range lost[1:] {
		more := explain(l.Err(), now)
		f.lines = append(f.lines, more.title()+":")
		f.lines = append(f.lines, more.lines...)
	}
	return f
}
