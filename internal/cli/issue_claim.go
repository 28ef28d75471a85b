package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/tracker"
	"github.com/git-grite/git-grite/internal/wire"
)

type claimOptions struct {
	label, reason string
	ttl           optional
}

func newIssueClaim() *command {
	var o claimOptions
	return &command{
		name: "claim", args: "[ID]", usage: "lock an open issue, or the oldest that nobody has claimed, to work on it",
		flags: []cli.Flag{
			stringFlag(&o.label, "label", "only an issue with this `LABEL`"),
			ttlFlag(&o.ttl, "how long the lease lasts"),
			stringFlag(&o.reason, "reason", "`TEXT` that others read when they meet the lock"),
		},
		run: func(ctx context.Context, c *call) (result, error) { return runIssueClaim(ctx, c, o) },
	}
}

// claimTimeout bounds each look at the remote of a claim, which cannot do without.
const claimTimeout = time.Minute

func runIssueClaim(ctx context.Context, c *call, o claimOptions) (result, error) {
	q := tracker.Claim{Label: o.label, Limit: claimTimeout}
	var err error
	if len(c.args) > 0 {
		if q.Prefix, err = c.issueID(); err != nil {
			return result{}, err
		}
	}
	if q.TTL, err = ttl(o.ttl); err != nil {
		return result{}, err
	}
	if q.Reason, err = recordText("reason", o.reason); err != nil {
		return result{}, err
	}
	cl, err := c.openLocks(ctx)
	if err != nil {
		return result{}, err
	}
	done, err := tracker.Take(ctx, cl, q)
	c.out.report(done.Report)
	if err != nil {
		return result{}, err
	}
	return result{data: c.reader(done.Actor).IssueClaimed(done), text: func(w io.Writer) {
		fmt.Fprintf(w, "Issue claimed\n  Title: %s\n", wire.Printable(done.Issue.Title))
		c.printGrant(w, done.Grants[0])
	}}, nil
}
