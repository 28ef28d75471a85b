package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

func newLog() *command {
	var resources texts
	return &command{
		name: "log", usage: "show what this clone did and saw", flags: []cli.Flag{resourceFlag(&resources)},
		run: func(ctx context.Context, c *call) (result, error) { return runLog(ctx, c, resources) },
	}
}

func runLog(ctx context.Context, c *call, flags texts) (result, error) {
	cl, err := c.openLocks(ctx)
	if err != nil {
		return result{}, err
	}
	wanted, err := c.resources(ctx, cl, flags, nil)
	if err != nil {
		return result{}, err
	}
	events := slices.DeleteFunc(cl.Log(), func(e clone.Event) bool {
		r, err := lock.ParseRecorded(e.Resource)
		return len(wanted) > 0 && (err != nil || !slices.ContainsFunc(wanted, r.SameAs))
	})
	if events == nil {
		events = []clone.Event{}
	}
	return result{data: map[string]any{"entries": events}, text: func(w io.Writer) {
		for _, e := range events {
			fmt.Fprintln(w, eventLine(e))
		}
		if len(events) == 0 {
			fmt.Fprintln(w, "Nothing yet")
		}
	}}, nil
}

func eventLine(e clone.Event) string {
	who := wire.Holder(lock.Lock{Owner: e.Actor, Label: e.Label})
	line := fmt.Sprintf("%s  %-8s  %s  %s", wire.Timestamp(time.UnixMilli(e.TimeUnixMS)), wire.Printable(e.Event), wire.Printable(e.Resource), who)
	if e.Other != "" {
		line += "  by " + wire.Holder(lock.Lock{Owner: e.Other, Label: e.OtherLabel})
	}
	if e.Reason != "" {
		line += "  " + wire.Printable(e.Reason)
	}
	return line
}
