package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/hook"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
)

func doctorCommand() *command {
	return &command{
		name: "doctor", usage: "check everything that locks need, and say how to mend it",
		flags: []cli.Flag{&cli.BoolFlag{Name: "fix", Usage: "remove damaged records and install missing hooks"}},
		run:   runDoctor,
	}
}

// The outcomes of a check.
const (
	checkOK   = "ok"
	checkWarn = "warn" // something works less well than it could
	checkFail = "fail" // locks or hooks do not do what they promise
)

// checkJSON is one thing that doctor looked at.
type checkJSON struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

func (c checkJSON) String() string {
	line := fmt.Sprintf("%-4s  %s: %s", c.Status, c.Name, printable(c.Detail))
	if c.Hint != "" {
		line += "\n        " + c.Hint
	}
	return line
}

// diagnosis collects checks.
type diagnosis struct{ checks []checkJSON }

func (d *diagnosis) add(name, status, hint, format string, args ...any) {
	d.checks = append(d.checks, checkJSON{Name: name, Status: status, Hint: hint, Detail: fmt.Sprintf(format, args...)})
}

func (d *diagnosis) failed() bool {
	for _, c := range d.checks {
		if c.Status == checkFail {
			return true
		}
	}
	return false
}

func runDoctor(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	d := &diagnosis{}
	s, err := open(ctx, env, out, cc)
	var broken *config.Error
	if err != nil && !errors.As(err, &broken) {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	version, err := s.repo.Version(ctx)
	if err != nil {
		return result{}, err
	}
	d.add("git", checkOK, "", "%s", version)
	switch {
	case broken != nil:
		d.add("configuration", checkFail, "correct the file by hand", "%v", broken)
	case !s.config.Present:
		d.add("configuration", checkOK, "git grite init makes one", "none, which means lock_policy = %q", s.config.Policy)
	default:
		d.add("configuration", checkOK, "", "lock_policy = %q", s.config.Policy)
	}
	s.checkIdentity(d)
	s.checkHooks(ctx, d, cc.Bool("fix"))
	if err := s.checkLocks(ctx, d, cc.Bool("fix")); err != nil {
		return result{}, err
	}
	s.checkRemote(ctx, d)
	if d.failed() {
		return result{}, &doctorError{d.checks}
	}
	return result{data: map[string]any{"checks": d.checks}, text: func(w io.Writer) {
		for _, c := range d.checks {
			fmt.Fprintln(w, c)
		}
	}}, nil
}

func (s *session) checkIdentity(d *diagnosis) {
	me, source, err := s.whoever()
	switch {
	case errors.Is(err, errNobody):
		d.add("actor", checkOK, "git grite init makes one", "none yet")
	case err != nil:
		d.add("actor", checkFail, "git grite actor list", "%v", err)
	default:
		d.add("actor", checkOK, "", "%s (%s), chosen by %s", me.Label, me.ID.Short(), source)
	}
}

// checkHooks looks at what git would run in each work tree.
func (s *session) checkHooks(ctx context.Context, d *diagnosis, fix bool) {
	if fix {
		if _, err := s.installHooks(ctx); err != nil {
			d.add("hooks", checkWarn, "", "%v", err)
		}
	}
	fires := true
	for _, tree := range s.repo.Trees(ctx) {
		place, err := hook.Find(ctx, tree)
		if err != nil {
			d.add("hooks", checkWarn, "", "%v", err)
			fires = false
		} else if all := hook.InspectPlace(place, tree.WorkTree); !hooksRun(all) && tree.WorkTree != "" {
			d.add("hooks", checkWarn, "git grite hooks status", "git does not run all of ours in %s: commits and pushes there are not checked", treePath(tree))
			fires = false
		}
	}
	if fires {
		d.add("hooks", checkOK, "git grite hooks test shows it", "git runs them in every work tree")
	}
}

// checkLocks looks at the records of this clone and at its last view of the
// remote.
func (s *session) checkLocks(ctx context.Context, d *diagnosis, fix bool) error {
	if err := s.connect(ctx); err != nil {
		d.add("remote", checkFail, "", "%v", err)
	}
	v, _, err := s.view(ctx, false)
	if err != nil {
		return err
	}
	if len(v.damaged) > 0 && fix {
		me, _, _ := s.whoever() // removing what is damaged needs no identity
		if _, err := s.offline(me).Collect(ctx); err != nil {
			return err
		}
		if s.remote != nil {
			if _, err := s.manager(me).Collect(ctx); err != nil {
				d.add("remote", checkFail, "", "%v", err)
			}
		}
		if v, _, err = s.view(ctx, false); err != nil {
			return err
		}
	}
	for _, damaged := range v.damaged {
		d.add("locks", checkWarn, "it blocks nobody; git grite doctor --fix", "%v", damaged.Err)
	}
	now := s.env.Now()
	running, ahead := 0, lock.Lock{}
	for _, l := range v.locks {
		if l.Live(now) {
			running++
		}
		if l.Acquired.After(now.Add(s.config.ClockSkew)) && l.Acquired.After(ahead.Acquired) {
			ahead = l
		}
	}
	d.add("locks", checkOK, "", "%s", count(running, "active lock"))
	if !ahead.Acquired.IsZero() {
		d.add("clock", checkWarn, "compare both clocks with a time server", "that of %s is %s ahead of this one, or this one is behind", ahead.Holder(), span(ahead.Acquired.Sub(now)))
	}
	return nil
}

// checkRemote tries on throw-away refs what locks need.
func (s *session) checkRemote(ctx context.Context, d *diagnosis) {
	if s.remote == nil {
		d.add("remote", checkOK, "", "none: the locks of this clone are its own")
		return
	}
	owner := lock.Owner(strings.Repeat("0", 32))
	if me, _, err := s.whoever(); err == nil {
		owner = me.ID
	}
	began := s.env.Now()
	found, err := s.remote.Probe(ctx, owner, uuid.NewString)
	refused := false
	for _, c := range found {
		switch {
		case c.Works:
		case c.Needed:
			refused = true
			d.add("remote", checkFail, "locks need it on "+refstore.Namespace+"; ask who runs the server, or choose another lock.remote",
				"%s does not let us %s: %s", s.remote.Name(), c.Name, c.Detail)
		default:
			d.add("remote", checkWarn, "several locks are taken one by one instead", "%s cannot change %s: %s", s.remote.Name(), c.Name, c.Detail)
		}
	}
	var unreachable *git.RemoteError
	switch {
	case errors.As(err, &unreachable):
		d.add("remote", checkFail, "git ls-remote "+shellQuote(s.remote.Name()), "%s", unreachable.Error())
	case err != nil:
		d.add("remote", checkFail, "", "%v", err)
	case !refused:
		var names []string
		for _, c := range found {
			if c.Works {
				names = append(names, c.Name)
			}
		}
		took := s.env.Now().Sub(began) / time.Duration(max(len(found), 1))
		d.add("remote", checkOK, "", "%s grants locks; it can %s; about %s a request", s.remote.Name(), strings.Join(names, ", "), took.Round(time.Millisecond))
	}
}

// doctorError is a diagnosis with something that does not work.
type doctorError struct{ checks []checkJSON }

func (e *doctorError) Error() string {
	n := 0
	for _, c := range e.checks {
		if c.Status == checkFail {
			n++
		}
	}
	return count(n, "check") + " failed"
}

func explainDoctor(e *doctorError, _ time.Time) failure {
	f := failure{data: map[string]any{"checks": e.checks}, details: map[string]any{"checks": e.checks}}
	for _, c := range e.checks {
		f.lines = append(f.lines, strings.Split(c.String(), "\n")...)
	}
	return f
}
