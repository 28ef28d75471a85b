package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
	"github.com/git-grite/git-grite/internal/wire"
)

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
			d.add("remote", checkFail, "locks need it on "+refstore.Namespace+"; ask who runs the server, or choose another one: git grite config set lock.remote NAME",
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
		d.add("remote", checkFail, strings.Join(explain(err, began).hints, "; "), "%v", err)
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
