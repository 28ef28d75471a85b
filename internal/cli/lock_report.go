package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/timeline"
	"github.com/git-grite/git-grite/internal/wire"
)

type reportOptions struct {
	html  string
	since optional
}

func newReport() *command {
	var o reportOptions
	return &command{
		name: "report", usage: "draw who holds and held what, as a page of HTML",
		flags: []cli.Flag{
			stringFlag(&o.html, "html", "write the page to `FILE`, not to stdout"),
			optionalFlag(&o.since, "since", "begin the timeline this `DURATION` before now"),
		},
		run: withLocks(func(ctx context.Context, c *call, cl *clone.Clone) (result, error) { return runReport(ctx, c, cl, o) }),
	}
}

func runReport(ctx context.Context, c *call, cl *clone.Clone, o reportOptions) (result, error) {
	since, err := c.since(o.since)
	if err != nil {
		return result{}, err
	}
	v, err := cl.Look(ctx, clone.Ask{Limit: lookTimeout})
	if err != nil {
		return result{}, err
	}
	c.out.report(v.Report)
	c.tellAge(v)
	events := cl.Log()
	var page bytes.Buffer
	if err := timeline.Write(&page, c.timeline(cl, v, events, since)); err != nil {
		return result{}, err
	}
	data := map[string]any{"events": len(events), "as_of_unix_ms": wire.UnixMS(v.AsOf), "fresh": v.Fresh}
	if o.html == "" {
		data["html"] = page.String()
		return result{data: data, text: func(w io.Writer) { _, _ = page.WriteTo(w) }}, nil
	}
	path := c.abs(o.html)
	data["file"] = path
	err = atomicfile.Write(path, page.Bytes(), 0o666)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = usagef("--html: there is no directory %s", filepath.Dir(o.html))
	case errors.Is(err, fs.ErrExist):
		err = usagef("--html: %s is a directory; write the name of a file", o.html)
	}
	return result{data: data, text: func(w io.Writer) { fmt.Fprintf(w, "Report written to %s\n", wire.Printable(o.html)) }}, err
}

// since reads how far back to look, the zero time for all there is.
func (c *call) since(o optional) (time.Time, error) {
	if !o.given {
		return time.Time{}, nil
	}
	d, err := lock.ParseDuration(o.text)
	if err != nil {
		return time.Time{}, usagef("--since %v", err)
	}
	return c.Now().Add(-d), nil
}

// timeline is what the page shows.
func (c *call) timeline(cl *clone.Clone, v clone.View, events []journal.Event, since time.Time) timeline.Report {
	r := timeline.Report{Clone: cl.Repo.WorkTree, Arbiter: "this clone", Now: c.Now(), AsOf: v.AsOf, Since: since}
	if r.Clone == "" {
		r.Clone = cl.Repo.CommonDir
	}
	if v.Remote != "" {
		r.Arbiter = "the remote " + v.Remote
	}
	for _, l := range v.Locks {
		if l.Live(r.Now) {
			r.Held = append(r.Held, timeline.Hold{
				Actor: string(l.Owner), Label: l.Label, Resource: l.Resource.String(), Nonce: l.Nonce, Reason: l.Reason,
				Since: l.Acquired, Expires: l.Expires, Mine: l.Owner == v.Actor.ID,
			})
		}
	}
	for _, e := range events {
		t := timeline.Event{
			Time: time.UnixMilli(e.TimeUnixMS), Event: e.Event, Actor: string(e.Actor), Label: e.Label, Resource: e.Resource, Nonce: e.Nonce,
			Other: string(e.Other), OtherLabel: e.OtherLabel, Reason: e.Reason,
		}
		if e.Event == "broken" { // the journal has it as an event of the lock's holder
			t.Actor, t.Label, t.Other, t.OtherLabel = t.Other, t.OtherLabel, t.Actor, t.Label
		}
		if e.ExpiresUnixMS != 0 {
			t.Expires = time.UnixMilli(e.ExpiresUnixMS)
		}
		r.Events = append(r.Events, t)
	}
	return r
}
