package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
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
	s, err := openLocks(ctx, env, out, cc)
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
	broken, err := s.breakLock(ctx, a, resources[0], nonce, reason)
	s.tellLosses(a)
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

// breakLock breaks a lock where it is kept: one taken offline in this clone can
// be broken here.
func (s *session) breakLock(ctx context.Context, a config.Actor, r lock.Resource, nonce, reason string) (lock.Lock, error) {
	q := lock.BreakRequest{Resource: r, Nonce: nonce, Reason: reason}
	broken, err := s.manager(a).Break(ctx, q)
	var other *lock.NonceError
	var none *lock.NotHeldError
	if s.remote != nil && (errors.As(err, &other) || errors.As(err, &none)) {
		if offline, offlineErr := s.offline(a).Break(ctx, q); offlineErr == nil {
			return offline.Lock, nil
		}
	}
	return broken.Lock, err
}

func lockGCCommand() *command {
	return &command{name: "gc", usage: "remove expired locks", run: runLockGC}
}

func runLockGC(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := openLocks(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	me, _, whoErr := s.whoever()
	c, err := s.offline(me).Collect(ctx)
	if err == nil && s.remote != nil {
		var there protocol.Collected
		there, err = s.manager(me).Collect(ctx)
		c.Expired, c.Damaged = append(c.Expired, there.Expired...), append(c.Damaged, there.Damaged...)
	}
	if whoErr == nil {
		s.tellLosses(me)
	}
	if err != nil {
		return result{}, err
	}
	s.log.addAll("expired", c.Expired)
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
	s, err := openLocks(ctx, env, out, cc)
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
