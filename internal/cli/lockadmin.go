package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/lock"
)

func lockBreakCommand() *command {
	return &command{
		name: "break", usage: "remove somebody else's lock, and leave a record of it",
		flags: []cli.Flag{
			resourceFlag(),
			&cli.StringFlag{Name: "nonce", Usage: "the `NONCE` of the lock that is meant; lock status --json shows it"},
			&cli.StringFlag{Name: "reason", Usage: "`TEXT` that the displaced holder reads"},
		},
		run: runLockBreak,
	}
}

func runLockBreak(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	resources, err := s.recorded(ctx, cc)
	if err != nil {
		return result{}, err
	}
	if len(resources) > 1 {
		return result{}, usagef("lock break takes one --resource at a time")
	}
	nonce := cc.String("nonce")
	if nonce == "" {
		return result{}, &usageError{message: "lock break needs the --nonce of the lock that is meant, so that it hits no later one",
			hint: "git grite lock status --resource " + shellQuote(resources[0].String()) + " --json"}
	}
	reason, err := text(cc, "reason")
	if err != nil {
		return result{}, err
	}
	if reason == "" {
		return result{}, usagef("lock break needs a --reason for the displaced holder to read")
	}
	a, _, err := s.me(ctx)
	if err != nil {
		return result{}, err
	}
	broken, err := s.manager(a).Break(ctx, resources[0], nonce, reason)
	s.tellBroken(a)
	if err != nil {
		return result{}, err
	}
	e := event("broken", broken)
	e.Other, e.Reason = a.ID, reason
	s.log.add(e)
	locks := []lock.Lock{broken}
	return result{data: newHeldJSON(locks), text: func(w io.Writer) {
		fmt.Fprintf(w, "Lock broken\n  Resource: %s\n  Owner: %s\n", printable(broken.Resource.String()), printable(broken.Holder()))
	}}, nil
}

func lockGCCommand() *command {
	return &command{name: "gc", usage: "remove expired locks", run: runLockGC}
}

func runLockGC(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	me, _, whoErr := s.whoever()
	c, err := s.manager(me).Collect(ctx)
	if whoErr == nil {
		s.tellBroken(me)
	}
	if err != nil {
		return result{}, err
	}
	var entries []entry
	for _, l := range c.Expired {
		entries = append(entries, event("expired", l))
	}
	s.log.add(entries...)
	data := struct {
		ExpiredPruned int `json:"expired_pruned"`
		DamagedPruned int `json:"damaged_pruned"`
	}{len(c.Expired), len(c.Damaged)}
	return result{data: data, text: func(w io.Writer) {
		fmt.Fprintf(w, "Removed %s\n", count(len(c.Expired), "expired lock"))
		if n := len(c.Damaged); n > 0 {
			fmt.Fprintf(w, "Removed %s\n", count(n, "damaged record"))
		}
	}}, nil
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func lockLogCommand() *command {
	return &command{name: "log", usage: "show what this clone did and saw", flags: []cli.Flag{resourceFlag()}, run: runLockLog}
}

func runLockLog(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	wanted, err := s.resources(cc)
	if err != nil {
		return result{}, err
	}
	entries := slices.DeleteFunc(s.log.entries(), func(e entry) bool {
		r, err := lock.ParseRecorded(e.Resource)
		return len(wanted) > 0 && (err != nil || !slices.ContainsFunc(wanted, r.SameAs))
	})
	if entries == nil {
		entries = []entry{}
	}
	return result{data: map[string]any{"entries": entries}, text: func(w io.Writer) {
		for _, e := range entries {
			who := printable(e.Actor.Short())
			if e.Label != "" {
				who = fmt.Sprintf("%s (%s)", printable(e.Label), who)
			}
			line := fmt.Sprintf("%s  %-8s  %s  %s", timestamp(time.UnixMilli(e.TimeUnixMS)), printable(e.Event), printable(e.Resource), who)
			if e.Other != "" {
				line += "  by " + printable(e.Other.Short())
			}
			if e.Reason != "" {
				line += "  " + printable(e.Reason)
			}
			fmt.Fprintln(w, line)
		}
		if len(entries) == 0 {
			fmt.Fprintln(w, "Nothing yet")
		}
	}}, nil
}
