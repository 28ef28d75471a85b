package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/hold"
	"github.com/git-grite/git-grite/internal/hook"
	"github.com/git-grite/git-grite/internal/wire"
)

func newDoctor() *command {
	var fix bool
	return &command{
		name: "doctor", usage: "check everything that locks need, and say how to fix it",
		flags: []cli.Flag{boolFlag(&fix, "fix", "remove damaged records and what a killed git left behind, install missing hooks")},
		run:   func(ctx context.Context, c *call) (result, error) { return runDoctor(ctx, c, fix) },
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
	line := fmt.Sprintf("%-4s  %s: %s", c.Status, c.Name, wire.Printable(c.Detail))
	if c.Hint != "" {
		line += "\n        " + c.Hint
	}
	return line
}

// diagnosis collects checks of a clone.
type diagnosis struct {
	*call
	*clone.Clone
	checks []checkJSON
}

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

func runDoctor(ctx context.Context, c *call, fix bool) (result, error) {
	d := &diagnosis{call: c}
	cl, broken, err := c.openAnyway(ctx)
	if err != nil {
		return result{}, err
	}
	d.Clone = cl
	version, err := cl.Repo.Version(ctx)
	if err != nil {
		return result{}, err
	}
	d.add("git", checkOK, "", "%s", version)
	switch {
	case broken != nil:
		d.add("configuration", checkFail, "correct the file by hand", "%v", broken)
	case !cl.Config.Present:
		d.add("configuration", checkOK, "git grite init makes one", "none, which means lock_policy = %q", cl.Config.Policy)
	default:
		d.add("configuration", checkOK, "", "lock_policy = %q", cl.Config.Policy)
	}
	d.lockFiles(fix)
	d.identity()
	d.hooks(ctx, fix)
	d.server(ctx)
	if err := d.locks(ctx, fix); err != nil {
		return result{}, err
	}
	d.issues(ctx)
	d.keepers()
	d.remote(ctx)
	d.signatures(ctx)
	if d.failed() {
		return result{}, &doctorError{d.checks}
	}
	return result{data: map[string]any{"checks": d.checks}, text: func(w io.Writer) {
		for _, check := range d.checks {
			fmt.Fprintln(w, check)
		}
	}}, nil
}

// staleLock is the age from which on a lock file of refs belongs to no git that is
// at work.
const staleLock = time.Minute

// lockFiles looks for the files with which git locks refs, and which it cannot
// remove when it is killed.
func (d *diagnosis) lockFiles(fix bool) {
	stale, err := d.Repo.StaleLocks(d.Clone.Now().Add(-staleLock), "packed-refs.lock", "reftable/tables.list.lock", "refs/grite", "refs/git-grite")
	for _, path := range stale {
		if fix && os.Remove(path) == nil {
			continue
		}
		d.add("git", checkFail, "git grite doctor --fix", "%s was left behind by a git that was killed: git cannot change what it locks", path)
	}
	if err != nil {
		d.add("git", checkFail, "", "%v", err)
	}
}

func (d *diagnosis) identity() {
	me, err := d.Actor()
	switch {
	case errors.Is(err, clone.ErrNobody):
		d.add("actor", checkOK, "git grite init makes one", "none yet")
	case err != nil:
		d.add("actor", checkFail, "git grite actor list", "%v", err)
	default:
		d.add("actor", checkOK, "", "%s (%s), chosen by %s", me.Label, me.ID.Short(), chosenBy(me.Source))
	}
}

// hooks looks at what git would run in each work tree.
func (d *diagnosis) hooks(ctx context.Context, fix bool) {
	if fix {
		if _, err := d.installHooks(ctx, d.Clone); err != nil {
			d.add("hooks", checkWarn, "", "%v", err)
		}
	}
	fires := true
	for _, tree := range d.Repo.Trees(ctx) {
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

// locks looks at the records of this clone and at its last view of the remote.
func (d *diagnosis) locks(ctx context.Context, fix bool) error {
	if _, err := d.Arbiter(ctx); err != nil {
		d.add("remote", checkFail, "", "%v", err)
		d.WithoutArbiter()
	}
	v, missing, err := d.Whole(ctx, fix)
	if err != nil {
		return err
	}
	if missing > 0 {
		d.add("git", checkFail, "git grite doctor --fix", "objects of %s of the last view are missing: git gc fails", wire.Count(missing, "ref"))
	}
	if len(v.Damaged) > 0 {
		if fix {
			if _, err := d.Collect(ctx); err != nil {
				d.add("remote", checkFail, "", "%v", err)
			}
		}
		if v, err = d.Look(ctx, clone.Ask{Limit: d.Config.HookTimeout, Closely: true}); err != nil {
			return err
		}
	}
	for i, damaged := range v.Damaged {
		if i == maxDamage {
			d.add("locks", checkWarn, "", "%d more records are damaged", len(v.Damaged)-maxDamage)
			break
		}
		d.add("locks", checkWarn, wire.Mend(damaged, "git grite doctor --fix"), "%v", damaged.Err)
	}
	running := 0
	for _, l := range v.Locks {
		if l.Live(d.Clone.Now()) {
			running++
		}
	}
	d.add("locks", checkOK, "", "%s", wire.Count(running, "active lock"))
	for _, doubt := range v.Clocks[:min(1, len(v.Clocks))] {
		d.add("clock", checkWarn, "compare both clocks with a time server", "%s", wire.ClockMessage(doubt))
	}
	return nil
}

// keepers says what is renewed in the background, and whether that works.
func (d *diagnosis) keepers() {
	all, err := hold.All(d.Clone)
	if err != nil {
		d.add("keepers", checkWarn, "", "%v", err)
	}
	for _, k := range all {
		outcome, hint := checkOK, ""
		if !k.Running || k.State.Error != "" {
			outcome, hint = checkWarn, d.KeepLog()+" says what happened"
		}
		d.add("keepers", outcome, hint, "%s; keeps %s", wire.KeeperLine(k, d.Clone.Now()), wire.Count(len(k.Kept), "lock"))
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
	return wire.Count(n, "check") + " failed"
}

func explainDoctor(e *doctorError, _ time.Time) failure {
	f := failure{data: map[string]any{"checks": e.checks}, details: map[string]any{"checks": e.checks}}
	for _, c := range e.checks {
		f.lines = append(f.lines, strings.Split(c.String(), "\n")...)
	}
	return f
}
