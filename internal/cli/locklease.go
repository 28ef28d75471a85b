package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/lock"
)

func lockRenewCommand() *command {
	return &command{
		name: "renew", args: "[PATH …]", usage: "extend own locks, never shorten them",
		flags: []cli.Flag{
			resourceFlag(),
			&cli.BoolFlag{Name: "mine", Usage: "all own locks"},
			&cli.StringFlag{Name: "ttl", Usage: "how long the lease lasts from now: `30s`, 15m, 1h, 2d, 1h30m"},
		},
		run: runLockRenew,
	}
}

func runLockRenew(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, a, resources, err := openHeld(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	ttl, err := s.ttl(cc)
	if err != nil {
		return result{}, err
	}
	locks, err := s.renew(ctx, a, resources, ttl)
	s.tellLosses(a)
	if err != nil {
		return result{}, err
	}
	s.log.addAll("renewed", locks)
	return result{data: newHeldJSON(locks), text: func(w io.Writer) {
		for _, l := range locks {
			fmt.Fprintf(w, "Lock renewed\n  Resource: %s\n  Expires: %s\n", printable(l.Resource.String()), timestamp(l.Expires))
		}
	}}, nil
}

func lockReleaseCommand() *command {
	return &command{
		name: "release", args: "[PATH …]", usage: "give up own locks",
		flags: []cli.Flag{
			resourceFlag(),
			&cli.BoolFlag{Name: "mine", Usage: "all own locks"},
			&cli.StringFlag{Name: "nonce", Usage: "only the grant with this `NONCE`"},
		},
		run: runLockRelease,
	}
}

func runLockRelease(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, a, resources, err := openHeld(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	released, others, err := s.release(ctx, a, resources, cc.String("nonce"))
	s.tellLosses(a)
	if err != nil {
		return result{}, err
	}
	s.log.addAll("released", released)
	if len(others) > 0 {
		return result{}, &notOwnerError{others: others, released: released}
	}
	return result{data: newHeldJSON(released), text: func(w io.Writer) {
		for _, l := range released {
			fmt.Fprintf(w, "Lock released\n  Resource: %s\n", printable(l.Resource.String()))
		}
		if len(released) == 0 {
			fmt.Fprintln(w, "Nothing to release: no such lock is held")
		}
	}}, nil
}

// openHeld is openLocks for a command about locks that its actor holds, with the
// resources that it names, none for --mine.
func openHeld(ctx context.Context, env Env, out *printer, cc *cli.Context) (s *session, a config.Actor, resources []lock.Resource, err error) {
	if s, err = openLocks(ctx, env, out, cc); err != nil {
		return s, a, nil, err
	}
	if resources, err = s.recorded(ctx, cc); err != nil {
		return s, a, nil, err
	}
	a, err = s.holder(ctx)
	return s, a, resources, err
}

// recorded reads the resources of locks that exist already, or none for --mine.
func (s *session) recorded(ctx context.Context, cc *cli.Context) ([]lock.Resource, error) {
	resources, err := s.resources(cc)
	if errors.Is(err, lock.ErrMalformed) {
		// Perhaps the file is gone and its lock is not.
		if _, loadErr := s.store().Load(ctx, false); loadErr != nil {
			return nil, loadErr
		}
		resources, err = s.resources(cc)
	}
	if err != nil {
		return nil, err
	}
	return resources, namedOrMine(cc, resources)
}

// holder is the actor of a command about locks that exist already: nobody is
// made for it.
func (s *session) holder(ctx context.Context) (config.Actor, error) {
	a, _, err := s.whoever()
	if errors.Is(err, errNobody) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	return a, s.adopt(ctx, a)
}

// renew extends locks where they are kept.
func (s *session) renew(ctx context.Context, a config.Actor, resources []lock.Resource, ttl time.Duration) ([]lock.Lock, error) {
	if s.remote == nil {
		return firstLoss(s.offline(a).Renew(ctx, resources, ttl))
	}
	here, there, err := s.apart(ctx, a, resources)
	if err != nil {
		return nil, err
	}
	var locks []lock.Lock
	if len(there) > 0 || len(here) == 0 {
		locks, err = firstLoss(s.manager(a).Renew(ctx, there, ttl))
	}
	for i := range locks {
		locks[i].Remote = s.remote.Name()
	}
	if len(here) > 0 && err == nil {
		var offline []lock.Lock
		offline, err = firstLoss(s.offline(a).Renew(ctx, here, ttl))
		for _, l := range offline {
			l.Unconfirmed = true
			locks = append(locks, l)
		}
	}
	return locks, err
}

// release gives locks up where they are kept.
func (s *session) release(ctx context.Context, a config.Actor, resources []lock.Resource, nonce string) (released, others []lock.Lock, err error) {
	if s.remote == nil {
		r, err := s.offline(a).Release(ctx, resources, nonce)
		return r.Locks, r.Others, err
	}
	here, there, err := s.apart(ctx, a, resources)
	if err != nil {
		return nil, nil, err
	}
	if len(here) > 0 {
		r, err := s.offline(a).Release(ctx, here, nonce)
		if released, others = r.Locks, r.Others; err != nil {
			return released, others, err
		}
	}
	if len(there) > 0 || len(resources) == 0 {
		r, err := s.manager(a).Release(ctx, there, nonce)
		return append(released, r.Locks...), append(others, r.Others...), err
	}
	return released, others, nil
}
