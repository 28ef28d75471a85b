package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/tracker"
	"github.com/git-grite/git-grite/internal/wire"
)

type syncOptions struct {
	pull, push bool
	remote     string
}

func newSync() *command {
	var o syncOptions
	return &command{
		name: "sync", usage: "bring the view of the remote's locks and issues up to date, and send what was done offline",
		flags: []cli.Flag{
			boolFlag(&o.pull, "pull", "only bring the view up to date"),
			boolFlag(&o.push, "push", "only send what was done offline"),
			stringFlag(&o.remote, "remote", "bring the view of the remote with this `NAME` up to date"),
		},
		run: func(ctx context.Context, c *call) (result, error) { return runSync(ctx, c, o) },
	}
}

func runSync(ctx context.Context, c *call, o syncOptions) (result, error) {
	if o.pull && o.push {
		return result{}, usagef("--pull and --push exclude each other: sync does both without them")
	}
	cl, err := c.open(ctx)
	if err != nil {
		return result{}, err
	}
	q := clone.SyncRequest{Remote: o.remote}
	if !o.pull {
		if q.Actors, err = cl.Actors().List(); err != nil {
			return result{}, err
		}
	}
	done, err := cl.Sync(ctx, q)
	c.out.report(done.Report)
	if err != nil {
		return result{}, err
	}
	data := c.reader(done.Actor).Synced(done)
	if o.remote == "" {
		log, err := tracker.Sync(ctx, cl, o.pull)
		c.tellLog(log.Rewound, !o.pull)
		if err != nil {
			return result{}, err
		}
		data.Issues = wire.NewLogSynced(log)
	}
	if len(done.Lost) > 0 {
		reader := c.reader(done.Actor)
		reader.Skew = cl.Config.ClockSkew
		return result{}, &lostError{done: done, reader: reader}
	}
	return result{data: data, text: func(w io.Writer) {
		if done.Remote == "" {
			fmt.Fprintln(w, "Nothing to sync: this clone has no remote, and its locks are its own")
			return
		}
		fmt.Fprintf(w, "Synced with %s: %s\n", wire.Printable(done.Remote), wire.Count(done.Running, "active lock"))
		for _, l := range done.Confirmed {
			fmt.Fprintf(w, "  Confirmed: %s\n", wire.Name(l))
		}
		for _, l := range done.Expired {
			fmt.Fprintf(w, "  Ended before it was confirmed: %s\n", wire.Name(l))
		}
		if data.Issues != nil && data.Issues.Sent > 0 {
			fmt.Fprintf(w, "  Issues: %s sent\n", wire.Count(data.Issues.Sent, "change"))
		}
	}}, nil
}

// lostError is a sync that found that locks taken offline are held by others.
type lostError struct {
	done   clone.Synced
	reader wire.Reader
}

func (e *lostError) Error() string {
	b := e.done.Lost[0]
	return fmt.Sprintf("the lock on %s, taken offline, is not held: %s has %s", b.Lock.Resource, b.By.Holder(), b.By.Resource)
}

func explainLost(e *lostError, now time.Time) failure {
	f := failure{heading: "Lock conflict", message: wire.Printable(e.Error()), data: e.reader.Synced(e.done)}
	var by []wire.Lock
	for _, b := range e.done.Lost {
		by = append(by, e.reader.Lock(b.By))
		f.lines = append(f.lines, "Taken offline: "+b.Lock.Resource.String())
		f.lines = append(f.lines, conflictLines(b.By, b.By.Expires.Add(e.reader.Skew), now)...)
		f.hints = append(f.hints, "git grite lock release --resource "+wire.ShellQuote(b.Lock.Resource.String()))
	}
	for _, l := range e.done.Confirmed {
		f.lines = append(f.lines, "Confirmed: "+wire.Name(l))
	}
	f.details = map[string]any{"conflicts": by}
	return f
}
