package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/hold"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/keep"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

// keeperVerb is how a keeper is started. It is no command for people.
const keeperVerb = "lock-keeper"

// maxKept is how long locks are kept at most where no process ends it.
const maxKept = 24 * time.Hour

// keepOptions say how long locks are kept.
type keepOptions struct {
	pid, length, signal optional
}

func (o *keepOptions) flags() []cli.Flag {
	return []cli.Flag{
		optionalFlag(&o.pid, "while-pid", "keep the locks while the process `PID` runs"),
		optionalFlag(&o.length, "for", "keep the locks for this `DURATION`, at most 24h"),
		optionalFlag(&o.signal, "signal", "send this `SIGNAL` to the process when a lock is lost, such as TERM"),
	}
}

// keepFor reads them, for locks of a TTL.
func (c *call) keepFor(ctx context.Context, cl *clone.Clone, o keepOptions, d time.Duration) (k hold.For, err error) {
	switch {
	case !o.pid.given && !o.length.given:
		return k, usagef("for how long? --while-pid PID or --for 2h says until when the locks are kept")
	case o.signal.given && !o.pid.given:
		return k, usagef("--signal needs --while-pid: it goes to that process")
	}
	if o.pid.given {
		if k.PID, err = strconv.Atoi(o.pid.text); err != nil || k.PID <= 0 {
			return k, usagef("--while-pid is the id of a process, not %q", o.pid.text)
		}
		if keep.ProcessStart(k.PID) == "" {
			return k, usagef("--while-pid: there is no process %d", k.PID)
		}
	}
	if o.length.given {
		length, err := lock.ParseDuration(o.length.text)
		if err != nil || length <= 0 || length > maxKept {
			return k, usagef("--for is a duration of at most 24h, such as 30m or 2h, not %q", o.length.text)
		}
		k.Until = c.Now().Add(length)
	}
	if o.signal.given {
		if k.Signal, err = keep.ParseSignal(o.signal.text); err != nil {
			return k, usagef("--signal %v", err)
		}
	}
	_, err = c.keptTTL(ctx, cl, d)
	return k, err
}

// keptUntil says how long locks are kept.
func (c *call) keptUntil(k hold.For) string {
	var until []string
	if k.PID != 0 {
		until = append(until, fmt.Sprintf("while process %d runs", k.PID))
	}
	if !k.Until.IsZero() {
		until = append(until, "until "+c.until(k.Until))
	}
	return "renewed " + strings.Join(until, ", ") + "; then released"
}

// keep has locks kept, and starts a keeper where none runs.
func (c *call) keep(ctx context.Context, cl *clone.Clone, me clone.Identity, locks []lock.Lock, k hold.For) error {
	if err := hold.Keep(cl, me, locks, k); err != nil {
		return err
	}
	return c.attend(ctx, cl)
}

// attend starts a keeper for each actor of the clone for whom locks are kept and
// none runs: it was ended, or its program was replaced.
func (c *call) attend(ctx context.Context, cl *clone.Clone) error {
	all, err := hold.All(cl)
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.Running || !cl.KeeperDir(k.Actor.ID).Ours() {
			continue
		}
		program, err := os.Executable()
		if err != nil {
			return err
		}
		if err := keep.Detach([]string{program, keeperVerb, string(k.Actor.ID), k.Actor.Label}, git.Elsewhere(c.Environ), cl.Repo.CommonDir); err != nil {
			return fmt.Errorf("start the keeper: %w", err)
		}
		limit, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the keeper did not start: %s may say why", cl.KeepLog()))
		err = hold.Await(limit, cl, k.Actor.ID)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// runKeeper is the keeper of an actor: keeperVerb ID LABEL, in the common git
// directory.
func runKeeper(ctx context.Context, env Env, args []string) int {
	if len(args) != 2 {
		return 2
	}
	program, _ := os.Executable() // "" is never replaced
	o := env.options(journal.Silent)
	o.Prompts, o.Who = false, clone.Who{}
	cl, err := clone.Open(ctx, o)
	if cl == nil || err != nil {
		return 5
	}
	err = hold.Serve(ctx, cl, config.Actor{ID: lock.Owner(args[0]), Label: args[1]}, keep.Keeper{Clock: keep.NewClock(env.Now), Random: rand.Float64, Binary: program})
	if err != nil && !errors.Is(err, keep.ErrRuns) {
		return 1
	}
	return 0
}

type keepStartOptions struct {
	resources texts
	mine      bool
	keeping   keepOptions
}

func newKeepStart() *command {
	var o keepStartOptions
	return &command{
		name: "start", args: "[PATH …]", usage: "have locks you hold renewed in the background",
		flags: append([]cli.Flag{resourceFlag(&o.resources), boolFlag(&o.mine, "mine", "all locks you hold")}, o.keeping.flags()...),
		run:   func(ctx context.Context, c *call) (result, error) { return runKeepStart(ctx, c, o) },
	}
}

func runKeepStart(ctx context.Context, c *call, o keepStartOptions) (result, error) {
	cl, resources, err := c.openExisting(ctx, o.resources, o.mine)
	if err != nil {
		return result{}, err
	}
	k, err := c.keepFor(ctx, cl, o.keeping, keep.MinTTL)
	if err != nil {
		return result{}, err
	}
	me, locks, err := hold.Locks(ctx, cl, resources)
	for _, l := range locks {
		if err == nil {
			_, err = c.keptTTL(ctx, cl, l.TTL)
		}
	}
	if err == nil {
		err = c.keep(ctx, cl, me, locks, k)
	}
	if err != nil {
		return result{}, err
	}
	return result{data: c.reader(me).Held(locks), text: func(w io.Writer) {
		for _, l := range locks {
			fmt.Fprintf(w, "Lock kept\n  Resource: %s\n  Kept: %s\n", wire.Name(l), c.keptUntil(k))
		}
	}}, nil
}

// startTimeout and stopTimeout bound waiting for a keeper to begin and to end.
const (
	startTimeout = 2 * time.Second
	stopTimeout  = 10 * time.Second
)

func newKeepStop() *command {
	return &command{
		name: "stop", usage: "renew locks in the background no longer; they end by themselves",
		run: inClone(func(ctx context.Context, c *call, cl *clone.Clone) (result, error) {
			me, err := cl.Actor()
			if err != nil {
				return result{}, err
			}
			all, err := hold.All(cl)
			if err != nil {
				return result{}, err
			}
			all = slices.DeleteFunc(all, func(k hold.Keeping) bool { return k.Actor.ID != me.ID })
			limit, cancel := context.WithTimeout(ctx, stopTimeout)
			defer cancel()
			if err := cl.KeeperDir(me.ID).Stop(limit); err != nil {
				return result{}, err
			}
			return result{data: map[string]any{"stopped": wire.Keepers(all)}, text: func(w io.Writer) {
				for _, k := range all {
					for _, l := range k.Kept {
						fmt.Fprintf(w, "No longer kept: %s\n", wire.Printable(l.Resource))
					}
				}
				if len(all) == 0 {
					fmt.Fprintln(w, "Nothing is kept")
				}
			}}, nil
		}),
	}
}

func newKeepStatus() *command {
	return &command{
		name: "status", usage: "show which locks are renewed in the background",
		run: inClone(func(ctx context.Context, c *call, cl *clone.Clone) (result, error) {
			all, err := hold.All(cl)
			if err != nil {
				return result{}, err
			}
			return result{data: map[string]any{"keepers": wire.Keepers(all)}, text: func(w io.Writer) {
				for _, k := range all {
					fmt.Fprintln(w, wire.KeeperLine(k, c.Now()))
					for _, l := range k.Kept {
						fmt.Fprintf(w, "  %s  %s\n", wire.Printable(l.Resource), wire.KeptUntil(l, c.Now()))
					}
				}
				if len(all) == 0 {
					fmt.Fprintln(w, "Nothing is kept")
				}
			}}, nil
		}),
	}
}
