package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/wire"
)

type releaseOptions struct {
	resources texts
	mine      bool
	nonce     string
}

func newRelease() *command {
	var o releaseOptions
	return &command{
		name: "release", aliases: []string{"unlock"}, args: "[PATH …]", usage: "release locks you hold",
		flags: []cli.Flag{
			resourceFlag(&o.resources),
			boolFlag(&o.mine, "mine", "all locks you hold", "all"),
			stringFlag(&o.nonce, "nonce", "only the grant with this `NONCE`"),
		},
		run: func(ctx context.Context, c *call) (result, error) { return runRelease(ctx, c, o) },
	}
}

func runRelease(ctx context.Context, c *call, o releaseOptions) (result, error) {
	cl, resources, err := c.openExisting(ctx, o.resources, o.mine)
	if err != nil {
		return result{}, err
	}
	done, err := cl.Release(ctx, resources, o.nonce)
	c.out.report(done.Report)
	unpushed, _ := check.UnpushedCommits(ctx, cl, done.Locks) // what is given up stays so
	for _, u := range unpushed {
		c.out.notice(wire.UnpushedCommits(u, c.reader(done.Actor)))
	}
	if err == nil && len(done.Others) > 0 {
		err = &notOwnerError{done, c.reader(done.Actor)}
	}
	if err != nil {
		return result{}, err
	}
	return result{data: c.reader(done.Actor).Held(done.Locks), text: func(w io.Writer) {
		for _, l := range done.Locks {
			fmt.Fprintf(w, "Lock released\n  Resource: %s\n", wire.Name(l))
		}
		if len(done.Locks) == 0 {
			fmt.Fprintln(w, "Nothing to release: no such lock is held")
		}
	}}, nil
}

// notOwnerError is a release of what only others hold.
type notOwnerError struct {
	done   clone.Released
	reader wire.Reader
}

func (e *notOwnerError) Error() string {
	l := e.done.Others[0]
	return fmt.Sprintf("%s is held by %s, not by this actor", l.Resource, l.Holder())
}

func explainNotOwner(e *notOwnerError, now time.Time) failure {
	f := failure{heading: "Lock conflict", message: wire.Printable(e.Error())}
	for _, l := range e.done.Others {
		f.lines = append(f.lines, conflictLines(l, time.Time{}, now)...)
	}
	first := e.done.Others[0]
	f.hints = []string{fmt.Sprintf("git grite lock break --resource %s --nonce %s --reason TEXT",
		wire.ShellQuote(first.Resource.String()), wire.ShellQuote(first.Nonce))}
	f.details = map[string]any{"conflicts": e.reader.Locks(e.done.Others), "released": e.reader.Locks(e.done.Locks)}
	return f
}
