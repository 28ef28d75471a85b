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

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/hold"
	"github.com/git-grite/git-grite/internal/hook"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
	"github.com/git-grite/git-grite/internal/wire"
)

func newDoctor() *command {
	var fix bool
	return &command{
		name: "doctor", usage: "check everything that locks need, and say how to fix it",
		flags: []cli.Flag{boolFlag(&fix, "fix", "remove damaged records and install missing hooks")},
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
	cl, err := c.open(ctx)
	var broken *config.Error
	if err != nil && !(errors.As(err, &broken) && cl != nil) {
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
	d.identity()
	d.hooks(ctx, fix)
	d.server(ctx)
	if err := d.locks(ctx, fix); err != nil {
		return result{}, err
	}
	d.issues(ctx, fix)
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
	v, err := d.Look(ctx, clone.Ask{})
	if err != nil {
		return err
	}
	if len(v.Damaged) > 0 && fix {
		if _, err := d.Collect(ctx); err != nil {
			d.add("remote", checkFail, "", "%v", err)
		}
		if v, err = d.Look(ctx, clone.Ask{}); err != nil {
			return err
		}
	}
	for i, damaged := range v.Damaged {
		if i == maxDamage {
			d.add("locks", checkWarn, "", "%d more records are damaged", len(v.Damaged)-maxDamage)
			break
		}
		d.add("locks", checkWarn, "it blocks nobody; git grite doctor --fix", "%v", damaged.Err)
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

// remote tries on throw-away refs what locks need.
func (d *diagnosis) remote(ctx context.Context) {
	remote, err := d.Arbiter(ctx)
	if err != nil || remote == nil {
		d.add("remote", checkOK, "", "none: the locks of this clone are its own")
		return
	}
	owner := lock.Owner(strings.Repeat("0", 32))
	if me, err := d.Actor(); err == nil {
		owner = me.ID
	}
	began := d.Clone.Now()
	found, err := remote.Probe(ctx, owner, config.NewNonce)
	refused := false
	var can []string
	for _, c := range found {
		switch {
		case c.Works:
			can = append(can, c.Name)
		case c.Needed:
			refused = true
			d.add("remote", checkFail, "locks need it on "+refstore.Namespace+"; ask who runs the server, or choose another lock.remote",
				"%s does not let us %s: %s", remote.Name(), c.Name, c.Detail)
		case c.Name == refstore.Judged:
		default:
			d.add("remote", checkWarn, "several locks are taken one by one instead", "%s cannot %s: %s", remote.Name(), c.Name, c.Detail)
		}
	}
	var unreachable *git.RemoteError
	switch {
	case errors.As(err, &unreachable):
		d.add("remote", checkFail, "git ls-remote "+wire.ShellQuote(remote.Name()), "%s", unreachable.Error())
	case err != nil:
		d.add("remote", checkFail, "", "%v", err)
	case !refused:
		took := d.Clone.Now().Sub(began) / time.Duration(max(len(found), 1))
		d.guarantee(remote.Name(), can)
		d.add("remote", checkOK, "", "%s grants locks; it can %s; about %s a request", remote.Name(), strings.Join(can, ", "), took.Round(time.Millisecond))
	}
}

// signatures says what is made of the signatures of records.
func (d *diagnosis) signatures(ctx context.Context) {
	if d.Config.Sign == "off" && d.Config.Vouch == "off" {
		return
	}
	for _, fault := range d.Signatures(ctx) {
		d.add("signatures", checkWarn, "docs/trust.md", "%v", fault)
	}
	d.add("signatures", checkOK, "", "lock.sign = %q, lock.vouch = %q", d.Config.Sign, d.Config.Vouch)
}

// guarantee says what a lock on the remote is worth beyond good will.
func (d *diagnosis) guarantee(remote string, can []string) {
	if slices.Contains(can, refstore.Atomic) {
		d.add("push", checkOK, "", "git grite push can land commits at %s only while your locks are held", remote)
	} else {
		d.add("push", checkWarn, "docs/server.md", "git grite push cannot fence pushes to %s: it does not change several refs all or none", remote)
	}
	if slices.Contains(can, refstore.Judged) {
		d.add("server", checkOK, "", "%s refuses what is not a lock: a hook there checks pushes", remote)
	} else {
		d.add("server", checkOK, "docs/trust.md says what that proves", "%s takes any record: who may push there can write or delete any lock", remote)
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
