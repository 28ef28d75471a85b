package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

func lockCommand() *command {
	return &command{name: "lock", usage: "take, renew, give up and look at locks", subcommands: []*command{
		lockAcquireCommand(), lockRenewCommand(), lockReleaseCommand(), lockBreakCommand(),
		lockStatusCommand(), lockCheckCommand(), lockGCCommand(), lockLogCommand(),
	}}
}

func resourceFlag() cli.Flag {
	return textsFlag("resource", "`RESOURCE`: path:X, issue:ID or repo:NAME; may be given several times", "r")
}

// resources reads the resources that the caller names: those of --resource and
// the positional paths, which are relative to the current directory.
func (s *session) resources(cc *cli.Context) ([]lock.Resource, error) {
	names := textsOf(cc, "resource")
	for _, path := range cc.Args().Slice() {
		switch {
		case path == "":
			return nil, usagef("an empty PATH names nothing; write a file, a directory or a pattern")
		case path[0] == '/':
			return nil, usagef("%q is an absolute path; write it relative to the current directory", path)
		}
		names = append(names, "path:./"+path)
	}
	resources := make([]lock.Resource, 0, len(names))
	for _, name := range names {
		r, err := s.resource(name)
		if err != nil {
			return nil, err
		}
		resources = append(resources, r)
	}
	return resources, nil
}

// resource reads one. A malformed pattern is the path of a file when there is
// one of exactly that name.
func (s *session) resource(name string) (lock.Resource, error) {
	r, err := lock.ParseResource(name, s.repo.Prefix)
	if !errors.Is(err, lock.ErrMalformed) {
		return r, err
	}
	literal, literalErr := lock.ParseLiteral(name, s.repo.Prefix)
	if literalErr == nil && (s.repo.HasFile(literal.Name()) || s.last != nil && s.last.Has(literal)) {
		return literal, nil
	}
	return r, err
}

// named refuses a command without any resource.
func named(cc *cli.Context, resources []lock.Resource) error {
	if len(resources) > 0 {
		return nil
	}
	return &usageError{message: cc.Command.HelpName + " needs a --resource, such as path:src/, issue:ID or repo:NAME", hint: cc.Command.HelpName + " -h"}
}

// namedOrMine refuses a command that has neither resources nor --mine, or both.
func namedOrMine(cc *cli.Context, resources []lock.Resource) error {
	if cc.Bool("mine") && len(resources) > 0 {
		return usagef("--mine means all own locks: name no resource beside it")
	}
	if cc.Bool("mine") {
		return nil
	}
	return named(cc, resources)
}

// ttl reads --ttl, or the configured default.
func (s *session) ttl(cc *cli.Context) (time.Duration, error) {
	if !cc.IsSet("ttl") {
		return s.config.TTL, nil
	}
	d, err := lock.ParseTTL(cc.String("ttl"))
	if err != nil {
		return 0, usagef("--ttl %v", err)
	}
	return d, nil
}

// text reads a flag that becomes part of a record.
func text(cc *cli.Context, flag string) (string, error) {
	s := cc.String(flag)
	if err := config.CheckText(flag, s); err != nil {
		return "", usagef("%v", err)
	}
	return s, nil
}

func lockAcquireCommand() *command {
	return &command{
		name: "acquire", args: "[PATH …]", usage: "take locks on all resources or none",
		flags: []cli.Flag{
			resourceFlag(),
			&cli.StringFlag{Name: "ttl", Usage: "how long the lease lasts: `30s`, 15m, 1h, 2d, 1h30m"},
			&cli.StringFlag{Name: "wait", Usage: "how long to try while others hold them, such as `5m`"},
			&cli.StringFlag{Name: "reason", Usage: "`TEXT` that others read when they meet the lock"},
			&cli.BoolFlag{Name: "exclusive", Usage: "treat own locks like those of others"},
			&cli.BoolFlag{Name: "offline", Usage: "do not ask the remote; sync has to confirm the locks later"},
		},
		run: runLockAcquire,
	}
}

func runLockAcquire(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := openLocks(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	o := protocol.AcquireRequest{Exclusive: cc.Bool("exclusive"), Waiting: s.tellWaiting}
	if o.Resources, err = s.resources(cc); err != nil {
		return result{}, err
	}
	if err := named(cc, o.Resources); err != nil {
		return result{}, err
	}
	if o.TTL, err = s.ttl(cc); err != nil {
		return result{}, err
	}
	if cc.IsSet("wait") {
		if o.Wait, err = lock.ParseDuration(cc.String("wait")); err != nil {
			return result{}, usagef("--wait %v", err)
		}
	}
	if o.Reason, err = text(cc, "reason"); err != nil {
		return result{}, err
	}
	for i, r := range o.Resources {
		if r.Namespace() != lock.Path || strings.HasSuffix(r.Name(), "/") {
			continue
		}
		dir, err := s.repo.IsDirectory(ctx, r.Name())
		if err != nil {
			return result{}, err
		}
		if dir {
			o.Resources[i] = r.AsDirectory()
		}
	}
	a, _, err := s.me(ctx)
	if err != nil {
		return result{}, err
	}
	if err := s.adopt(ctx, a); err != nil {
		return result{}, err
	}
	grants, err := s.acquire(ctx, a, o, cc.Bool("offline"))
	s.tellLosses(a)
	if err != nil {
		return result{}, err
	}
	return s.granted(grants), nil
}

// acquire asks the arbiter or, offline, only this clone and its last view.
func (s *session) acquire(ctx context.Context, a config.Actor, o protocol.AcquireRequest, offline bool) ([]lock.Grant, error) {
	if s.remote == nil {
		got, err := s.offline(a).Acquire(ctx, o)
		return got.Grants, err
	}
	var unreachable *git.RemoteError
	if !offline {
		got, err := s.manager(a).Acquire(ctx, o)
		grants := got.Grants
		switch {
		case err == nil:
			for i := range grants {
				grants[i].Remote = s.remote.Name()
			}
			return grants, s.dropOffline(ctx, a, grants)
		case !errors.As(err, &unreachable):
			return nil, err
		case s.config.Offline != "allow":
			var left *protocol.LeftoverError
			errors.As(err, &left)
			return nil, &unreachableError{cause: unreachable, resources: o.Resources, left: left}
		}
		s.out.note("warning: %s; taken offline, to be confirmed by: git grite sync", printable(unreachable.Error()))
	}
	got, err := s.offline(a).Acquire(ctx, o)
	grants := got.Grants
	for i := range grants {
		grants[i].Unconfirmed = true
	}
	return grants, err
}

// dropOffline removes own offline locks in whose place a granted one stands now.
func (s *session) dropOffline(ctx context.Context, a config.Actor, grants []lock.Grant) error {
	here, err := s.local.Load(ctx, false)
	if err != nil {
		return err
	}
	var changes []lock.Change
	for _, e := range here.Entries {
		if e.Owner == a.ID && slices.ContainsFunc(grants, func(g lock.Grant) bool { return g.Resource.SameAs(e.Resource) }) {
			changes = append(changes, lock.Change{Key: e.Key, Old: e.Version})
		}
	}
	if len(changes) == 0 {
		return nil
	}
	if err := s.local.Swap(ctx, changes); err != nil && !errors.Is(err, lock.ErrLostRace) {
		return err
	}
	return nil
}

// tellWaiting says whom an acquire waits for.
func (s *session) tellWaiting(e *lock.HeldError) {
	l := e.Conflicts[0]
	s.out.note("waiting for %s, held by %s until %s", printable(l.Resource.String()), printable(l.Holder()), timestamp(l.Expires))
}

// granted writes grants into the journal and makes their result.
func (s *session) granted(grants []lock.Grant) result {
	var entries []entry
	var locks []lock.Lock
	var former *lockJSON
	already := true
	for _, g := range grants {
		locks = append(locks, g.Lock)
		already = already && g.AlreadyHeld
		if !g.AlreadyHeld {
			entries = append(entries, event("granted", g.Lock))
		}
		for _, l := range g.TakenOver {
			if former == nil {
				j := newLockJSON(l)
				former = &j
			}
			e := event("expired", l)
			e.Other = g.Owner
			entries = append(entries, e)
		}
	}
	s.log.add(entries...)
	data := newHeldJSON(locks)
	data.AlreadyHeld, data.TakenOverFrom = &already, former
	now := s.env.Now()
	return result{data: data, text: func(w io.Writer) {
		for _, g := range grants {
			title := "Lock acquired"
			if g.AlreadyHeld {
				title = "Lock already held"
			}
			fmt.Fprintf(w, "%s\n  Resource: %s\n", title, printable(g.Resource.String()))
			if g.AlreadyHeld && !g.Acquired.IsZero() {
				fmt.Fprintf(w, "  Since: %s\n", timestamp(g.Acquired))
			}
			fmt.Fprintf(w, "  Expires: %s\n", timestamp(g.Expires))
			if g.Unconfirmed {
				fmt.Fprintln(w, "  Not confirmed: others can take it until git grite sync has reached the remote")
			}
			for _, l := range g.TakenOver {
				fmt.Fprintf(w, "  Taken over from: %s (%s, expired %s ago)\n", printable(l.Holder()), printable(l.Resource.String()), span(now.Sub(l.Expires)))
			}
			if g.Resource.Namespace() == lock.Repo && !g.AlreadyHeld {
				fmt.Fprintln(w, "  Note: it stops the world: others can take no lock, and their commits are reported or stopped")
			}
		}
	}}
}
