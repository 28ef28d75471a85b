package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

func newLog() *command {
	var o logOptions
	return &command{
		name: "log", usage: "show what this clone did and saw",
		flags: []cli.Flag{
			resourceFlag(&o.resources),
			optionalFlag(&o.count, "number", "the last `N` entries", "n"),
			optionalFlag(&o.since, "since", "only what happened in this `DURATION` before now"),
		},
		run: withLocks(func(ctx context.Context, c *call, cl *clone.Clone) (result, error) { return runLog(ctx, c, cl, o) }),
	}
}

type logOptions struct {
	resources    texts
	count, since optional
}

func runLog(ctx context.Context, c *call, cl *clone.Clone, o logOptions) (result, error) {
	wanted, err := c.resources(ctx, cl, o.resources, nil)
	if err != nil {
		return result{}, err
	}
	since, err := c.since(o.since)
	if err != nil {
		return result{}, err
	}
	events := slices.DeleteFunc(cl.Log(), func(e journal.Event) bool {
		r, err := lock.ParseRecorded(e.Resource)
		return time.UnixMilli(e.TimeUnixMS).Before(since) || len(wanted) > 0 && (err != nil || !slices.ContainsFunc(wanted, r.SameAs))
	})
	if o.count.given {
		n, err := strconv.ParseUint(o.count.text, 10, 31)
		if err != nil {
			return result{}, usagef("-n is a number of entries, not %q", o.count.text)
		}
		events = events[max(0, len(events)-int(n)):]
	}
	if events == nil {
		events = []journal.Event{}
	}
	return result{data: map[string]any{"entries": events}, paged: true, text: func(w io.Writer) {
		for _, e := range events {
			fmt.Fprintln(w, c.eventLine(e))
		}
		if len(events) == 0 {
			fmt.Fprintln(w, "Nothing yet")
		}
	}}, nil
}

// eventBy is what the other actor of an event has to do with it.
func eventBy(event string) string {
	switch event {
	case "granted":
		return "from"
	case "waiting", "refused":
		return "held by"
	}
	return "by"
}

func (c *call) eventLine(e journal.Event) string {
	who := wire.Holder(lock.Lock{Owner: e.Actor, Label: e.Label})
	line := fmt.Sprintf("%s  %-8s  %s  %s", c.until(time.UnixMilli(e.TimeUnixMS)), wire.Printable(e.Event), wire.Printable(e.Resource), who)
	if e.Other != "" {
		line += "  " + eventBy(e.Event) + " " + wire.Holder(lock.Lock{Owner: e.Other, Label: e.OtherLabel})
	}
	if e.Push != "" {
		line += "  git push " + wire.Printable(e.Push)
	}
	if e.Reason != "" {
		line += "  " + wire.Printable(e.Reason)
	}
	return line
}
