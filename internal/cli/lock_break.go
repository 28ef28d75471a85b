package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

type breakOptions struct {
	resources     texts
	nonce, reason string
}

func newBreak() *command {
	var o breakOptions
	return &command{
		name: "break", args: "[PATH]", usage: "remove somebody else's lock, and leave a record of it",
		flags: []cli.Flag{
			resourceFlag(&o.resources),
			stringFlag(&o.nonce, "nonce", "the `NONCE` of the lock that is meant; lock status --json shows it"),
			stringFlag(&o.reason, "reason", "`TEXT` that the displaced holder reads"),
		},
		run: func(ctx context.Context, c *call) (result, error) { return runBreak(ctx, c, o) },
	}
}

func runBreak(ctx context.Context, c *call, o breakOptions) (result, error) {
	cl, resources, err := c.openExisting(ctx, o.resources, false)
	if err != nil {
		return result{}, err
	}
	if len(resources) > 1 {
		return result{}, usagef("lock break takes one --resource at a time")
	}
	if o.nonce == "" {
		return result{}, &usageError{message: "lock break needs the --nonce of the lock that is meant, so that it hits no later one",
			hint: "git grite lock status --resource " + wire.ShellQuote(resources[0].String()) + " --json"}
	}
	reason, err := recordText("reason", o.reason)
	if err != nil {
		return result{}, err
	}
	if reason == "" {
		return result{}, usagef("lock break needs a --reason for the displaced holder to read")
	}
	done, err := cl.Break(ctx, resources[0], o.nonce, reason)
	c.out.report(done.Report)
	if err != nil {
		return result{}, err
	}
	return result{data: c.reader(done.Actor).Held([]lock.Lock{done.Lock}), text: func(w io.Writer) {
		fmt.Fprintf(w, "Lock broken\n  Resource: %s\n  Owner: %s\n", wire.Name(done.Lock), wire.Printable(done.Lock.Holder()))
	}}, nil
}
