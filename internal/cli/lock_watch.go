package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/hold"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/signals"
	"github.com/git-grite/git-grite/internal/watch"
	"github.com/git-grite/git-grite/internal/wire"
)

// defaultInterval is how often a watch asks the remote.
const defaultInterval = 5 * time.Second

// watching is a status that goes on.
type watching struct {
	*call
	cl       *clone.Clone
	o        statusOptions
	interval time.Duration
}

// runWatch shows the locks until it is ended. Losses are left for a command that
// people read when it has ended.
func runWatch(ctx context.Context, c *call, o statusOptions) error {
	cl, err := c.openFor(ctx, journal.Silent)
	if err != nil {
		return err
	}
	if err := c.attend(ctx, cl); err != nil {
		return err
	}
	signals.Caught(ctx)
	w := &watching{call: c, cl: cl, o: o, interval: defaultInterval}
	if o.interval.given {
		if w.interval, err = lock.ParseDuration(o.interval.text); err != nil || w.interval < time.Second {
			return usagef("--interval is a duration of at least a second, such as 5s, not %q", o.interval.text)
		}
	}
	if o.all {
		return usagef("--watch shows what is held: it has no --all")
	}
	if c.out.json {
		return w.stream(ctx)
	}
	in, isFile := c.Stdin.(*os.File)
	out, isFile2 := c.Stdout.(*os.File)
	if !isFile || !isFile2 || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return usagef("--watch needs a terminal; with --json it prints what changes, a line each")
	}
	title := cl.Repo.WorkTree
	if title == "" {
		title = cl.Repo.CommonDir
	}
	return watch.Screen{
		In: in, Out: out, Title: wire.Printable(title), Now: c.Now, Interval: w.interval, Look: w.screen,
		Style: watch.Style{Color: bool(c.out.colour(true)), UTF8: c.utf8()},
	}.Run(ctx)
}

// look asks the arbiter unless somebody in this clone has done so within the
// interval, so that many who watch ask no more often than one.
func (w *watching) look(ctx context.Context) (v clone.View, locks []lock.Lock, err error) {
	ask := lookOnce(w.o.cached)
	ask.MaxAge = w.interval
	if v, err = w.cl.Look(ctx, ask); err != nil {
		return v, nil, err
	}
	wanted, err := w.resources(ctx, w.cl, w.o.resources, &v)
	if err != nil {
		return v, nil, err
	}
	now := w.Now()
	for _, l := range v.Locks {
		if l.Live(now) && concerns(l, wanted) && (!w.o.mine || l.Owner == v.Actor.ID) {
			locks = append(locks, l)
		}
	}
	lock.Sort(locks)
	return v, locks, v.Unreachable
}

// screen is a look for the screen.
func (w *watching) screen(ctx context.Context) watch.Look {
	v, locks, err := w.look(ctx)
	out := watch.Look{AsOf: v.AsOf, Err: err}
	kept := map[string]bool{}
	all, _ := hold.All(w.cl) // the locks matter more
	for _, k := range all {
		out.Keepers = append(out.Keepers, wire.KeeperLine(k, w.Now()))
		for _, l := range k.Kept {
			kept[l.Nonce+l.Resource] = k.Running
		}
	}
	for _, l := range locks {
		s := watch.Lock{
			Resource: wire.Name(l), Nonce: l.Nonce, Holder: wire.Holder(l), Reason: wire.Printable(l.Reason),
			Since: l.Acquired, Expires: l.Expires, Mine: l.Owner == v.Actor.ID,
		}
		switch {
		case l.Unconfirmed:
			s.Note = "not confirmed"
		case kept[l.Nonce+l.Resource.String()]:
			s.Note = "kept"
		}
		out.Locks = append(out.Locks, s)
	}
	return out
}

// The changes that a stream reports.
const (
	held, granted, renewed, ended = "held", "granted", "renewed", "ended"
	stale, fresh                  = "stale", "fresh"
)

// stream prints one object per change, first one per lock that is held.
func (w *watching) stream(ctx context.Context) error {
	known := map[string]lock.Lock{}
	change, isStale := held, false
	for {
		v, locks, err := w.look(ctx)
		if ctx.Err() != nil {
			return &exitError{code: explain(context.Cause(ctx), w.Now()).exit}
		}
		if err != nil && v.Unreachable == nil {
			return err
		}
		print := func(change string, l *lock.Lock) error {
			data := wire.Change{Change: change, AsOfUnixMS: wire.UnixMS(v.AsOf)}
			if l != nil {
				j := w.reader(v.Actor).Lock(*l)
				data.Lock = &j
			}
			if v.Unreachable != nil {
				data.Message = v.Unreachable.Error()
			}
			return w.out.object(wire.Envelope{SchemaVersion: 1, OK: true, Data: data})
		}
		if now := v.Unreachable != nil; now != isStale {
			isStale = now
			if err := print(map[bool]string{true: stale, false: fresh}[now], nil); err != nil {
				return err
			}
		}
		if err := w.changes(known, locks, change, print); err != nil {
			return err
		}
		change = granted
		select {
		case <-ctx.Done():
		case <-time.After(w.interval):
		}
	}
}

// changes brings known in line with what is held now, and prints how it differs.
func (w *watching) changes(known map[string]lock.Lock, now []lock.Lock, appeared string, print func(string, *lock.Lock) error) error {
	there := map[string]bool{}
	name := func(l lock.Lock) string { return fmt.Sprintf("%s %s", l.Resource, l.Nonce) }
	for _, l := range now {
		there[name(l)] = true
	}
	for n, l := range known {
		if !there[n] {
			delete(known, n)
			if err := print(ended, &l); err != nil {
				return err
			}
		}
	}
	for _, l := range now {
		before, had := known[name(l)]
		known[name(l)] = l
		what := appeared
		switch {
		case had && before.Expires.Equal(l.Expires):
			continue
		case had:
			what = renewed
		}
		if err := print(what, &l); err != nil {
			return err
		}
	}
	return nil
}
