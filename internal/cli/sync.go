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

func syncCommand() *command {
	return &command{
		name: "sync", usage: "bring the view of the remote's locks up to date and confirm locks taken offline",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "pull", Usage: "only bring the view up to date"},
			&cli.BoolFlag{Name: "push", Usage: "only confirm locks taken offline"},
			&cli.StringFlag{Name: "remote", Usage: "of the remote with this `NAME`"},
		},
		run: runSync,
	}
}

// syncJSON is the data of sync.
type syncJSON struct {
	Remote     string     `json:"remote"`
	Locks      int        `json:"locks"` // running ones of the remote
	Confirmed  []lockJSON `json:"confirmed"`
	Conflicts  []lostJSON `json:"conflicts"`
	Expired    []lockJSON `json:"expired"` // offline locks that ended before they were confirmed
	AsOfUnixMS int64      `json:"as_of_unix_ms"`
}

func runSync(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	if cc.Bool("pull") && cc.Bool("push") {
		return result{}, usagef("--pull and --push exclude each other: sync does both without them")
	}
	if name := cc.String("remote"); name != "" {
		err = s.connectTo(ctx, name)
	} else {
		err = s.connect(ctx)
	}
	if err != nil {
		return result{}, err
	}
	if s.remote == nil {
		return result{data: syncJSON{Confirmed: []lockJSON{}, Conflicts: []lostJSON{}, Expired: []lockJSON{}}, text: func(w io.Writer) {
			fmt.Fprintln(w, "Nothing to sync: this clone has no remote, and its locks are its own")
		}}, nil
	}
	actors, err := s.actors().List()
	if err != nil {
		return result{}, err
	}
	for _, a := range actors {
		if err := s.adopt(ctx, a); err != nil {
			return result{}, err
		}
	}
	if cc.Bool("pull") {
		actors = nil
	}
	c, err := s.confirm(ctx, actors)
	if err == nil && len(c.lost) > 0 {
		err = &lostError{lost: c.lost, data: s.syncJSON(c)}
	} else if me, _, whoErr := s.whoever(); whoErr == nil {
		s.tellLosses(me)
	}
	if err != nil {
		return result{}, err
	}
	data := s.syncJSON(c)
	return result{data: data, text: func(w io.Writer) {
		fmt.Fprintf(w, "Synced with %s: %s\n", printable(data.Remote), count(data.Locks, "active lock"))
		for _, l := range c.confirmed {
			fmt.Fprintf(w, "  Confirmed: %s\n", printable(l.Resource.String()))
		}
		for _, l := range c.expired {
			fmt.Fprintf(w, "  Ended before it was confirmed: %s\n", printable(l.Resource.String()))
		}
	}}, nil
}

func (s *session) syncJSON(c confirmation) syncJSON {
	data := syncJSON{
		Remote: s.remote.Name(), Locks: c.running, Confirmed: locksJSON(c.confirmed), Conflicts: []lostJSON{},
		Expired: locksJSON(c.expired), AsOfUnixMS: s.remote.AsOf().UnixMilli(),
	}
	for _, o := range c.lost {
		data.Conflicts = append(data.Conflicts, lostJSON{newLockJSON(o.Lock), newLockJSON(o.By)})
	}
	return data
}

// confirmation is what became of locks that were taken offline.
type confirmation struct {
	running            int // locks of the remote
	confirmed, expired []lock.Lock
	lost               []lock.Beaten
}

// confirm reads the remote's locks and asks for those of the actors that were
// taken offline: granted ones leave this clone's own refs, lost ones stay there
// and count as not held.
func (s *session) confirm(ctx context.Context, actors []config.Actor) (c confirmation, err error) {
	t, err := s.store().Load(ctx, true)
	if err != nil {
		return c, err
	}
	now := s.env.Now()
	for _, e := range t.Entries {
		if e.Live(now) {
			c.running++
		}
	}
	actorOf := func(l lock.Lock) (config.Actor, bool) {
		at := slices.IndexFunc(actors, func(a config.Actor) bool { return a.ID == l.Owner })
		if at < 0 {
			return config.Actor{}, false
		}
		return actors[at], true
	}
	for _, o := range t.Beaten {
		if _, ours := actorOf(o.Lock); ours {
			c.lost = append(c.lost, o)
		}
	}
	for _, e := range t.Beside {
		a, ours := actorOf(e.Lock)
		switch {
		case !ours || e.Released():
			continue
		case !e.Live(now):
			c.expired = append(c.expired, e.Lock)
		default:
			got, err := s.shared(a).Confirm(ctx, []lock.Lock{e.Lock})
			if err != nil {
				return c, err
			}
			if len(got.Lost) > 0 {
				c.lost = append(c.lost, lock.Beaten{Lock: e.Lock, By: got.Lost[0].By})
				continue
			}
			l := got.Grants[0].Lock
			l.Remote = s.remote.Name()
			c.confirmed = append(c.confirmed, l)
			s.log.add(event("granted", l))
		}
		err := s.local.Swap(ctx, []lock.Change{{Key: e.Key, Old: e.Version}})
		if err != nil && !errors.Is(err, lock.ErrLostRace) {
			return c, err
		}
	}
	return c, nil
}

// refresh brings the view up to date for a hook, and confirms the own offline
// locks for a push. It has most of the time that ctx leaves; the rest is for
// judging, by the last view when the remote does not answer.
func (s *session) refresh(ctx context.Context, push bool) error {
	if s.remote == nil {
		return nil
	}
	limit := s.config.HookTimeout * 3 / 4
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("remote %q: no answer within %s", s.remote.Name(), limit.Round(100*time.Millisecond)))
	defer cancel()
	var own []config.Actor
	if me, _, err := s.whoever(); push && err == nil {
		own = []config.Actor{me}
	}
	_, err := s.confirm(ctx, own)
	return err
}

// lostError is a sync that found that locks taken offline are held by others.
type lostError struct {
	lost []lock.Beaten
	data syncJSON
}

func (e *lostError) Error() string {
	o := e.lost[0]
	return fmt.Sprintf("the lock on %s, taken offline, is not held: %s has %s", o.Lock.Resource, o.By.Holder(), o.By.Resource)
}

func explainLost(e *lostError, now time.Time) failure {
	f := failure{heading: "Lock conflict", message: printable(e.Error()), data: e.data}
	var by []lockJSON
	for _, o := range e.lost {
		by = append(by, newLockJSON(o.By))
		f.lines = append(f.lines, "Taken offline: "+printable(o.Lock.Resource.String()))
		f.lines = append(f.lines, conflictLines(o.By, time.Time{}, now)...)
		f.hints = append(f.hints, "git grite lock release --resource "+shellQuote(o.Lock.Resource.String()))
	}
	f.details = map[string]any{"conflicts": by}
	return f
}

// unreachableError is an acquire that did not reach the remote.
type unreachableError struct {
	cause     *git.RemoteError
	resources []lock.Resource
	left      *protocol.LeftoverError // nil for nothing
}

func (e *unreachableError) Error() string { return e.cause.Error() }
func (e *unreachableError) Unwrap() error { return e.cause }

func explainUnreachable(e *unreachableError, _ time.Time) failure {
	var names []string
	for _, r := range e.resources {
		names = append(names, r.String())
	}
	if e.left != nil {
		return failure{
			lines: []string{fmt.Sprintf("Nothing was granted. What was sent may stand there for %s; to remove it when the remote is back:", span(e.left.TTL))},
			hints: []string{strings.Replace(acquireLine(names), "acquire", "release", 1)},
		}
	}
	return failure{lines: []string{"Nothing was locked."}, hints: []string{acquireLine(names) + " --offline", "git grite doctor"}}
}
