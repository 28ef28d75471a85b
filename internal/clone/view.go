package clone

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
)

// View is what this clone knows of locks at one moment.
type View struct {
	Report
	// Locks are those that count: the arbiter's, and those taken offline.
	Locks   []lock.Lock
	Beaten  []lock.Beaten // taken offline and lost: they count as not held
	Damaged []lock.Damage

	Remote      string    // the arbiter, "" for this clone
	Fresh       bool      // it was asked just now
	AsOf        time.Time // when the view was true, the zero time for never
	Unreachable error     // why the arbiter could not be asked, if it should have been
}

// Ask says how a look deals with the arbiter. The zero Ask does not ask it.
type Ask struct {
	Limit  time.Duration // how long it may take to answer, 0 to leave it alone
	MaxAge time.Duration // the last view will do when it is no older than this
}

// Look loads the locks, and reports what the actor of this command lost; a
// clone without an actor has nothing to lose. When the arbiter is asked and does
// not answer, the last view is returned and says so.
func (c *Clone) Look(ctx context.Context, ask Ask) (View, error) {
	me, err := c.Actor()
	if err != nil {
		me = Identity{}
	}
	remote, err := c.Arbiter(ctx)
	if err != nil {
		return View{}, err
	}
	if remote == nil {
		began := c.now()
		t, err := c.local.Load(ctx, true)
		if err != nil {
			return View{}, err
		}
		v := View{Fresh: true, AsOf: began}
		v.add(t)
		v.Report = c.report(me, nil, t)
		return v, nil
	}
	v := View{Remote: remote.Name()}
	var t *lock.View
	if old := c.now().Sub(remote.AsOf()); ask.Limit > 0 && (old < 0 || old >= ask.MaxAge) {
		t, v.Unreachable = c.ask(ctx, remote, ask.Limit)
		if ctx.Err() != nil {
			return v, context.Cause(ctx)
		}
		v.Fresh = v.Unreachable == nil
	}
	if t == nil {
		if t, err = remote.Load(ctx, false); err != nil {
			return v, err
		}
	}
	v.AsOf = remote.AsOf()
	v.add(t)
	c.unvouched(me, remote, v.Locks)
	v.Report = c.report(me, remote, t)
	return v, nil
}

// ask loads the arbiter's locks as they are now, within a time limit.
func (c *Clone) ask(ctx context.Context, remote *refstore.Remote, limit time.Duration) (*lock.View, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, late(remote, limit))
	defer cancel()
	return remote.Load(ctx, true)
}

// late is why a look at a remote was given up.
func late(remote *refstore.Remote, limit time.Duration) error {
	return fmt.Errorf("remote %q: no answer within %s", remote.Name(), limit.Round(100*time.Millisecond))
}

func (v *View) add(t *lock.View) {
	for _, e := range slices.Concat(t.Entries, t.Beside) {
		v.Locks = append(v.Locks, e.Lock)
	}
	v.Beaten = t.Beaten
	v.Damaged = slices.Concat(t.Damaged, t.DamagedHere)
}

// unvouched marks the actor's records on the remote that were not granted to
// this clone as unconfirmed: leftovers of a crash, the locks of another clone of
// the same actor, or forgeries.
func (c *Clone) unvouched(me Identity, remote *refstore.Remote, locks []lock.Lock) {
	granted := sync.OnceValues(c.grants(me.Actor, remote).Held)
	for i, l := range locks {
		if me.ID == "" || l.Owner != me.ID || l.Remote == "" {
			continue
		}
		if held, err := granted(); err == nil && held[l.Resource.Key()].Nonce != l.Nonce {
			locks[i].Unconfirmed = true
		}
	}
}

// Has reports whether there is a lock on a resource, in either spelling; a nil
// view has none.
func (v *View) Has(r lock.Resource) bool {
	return v != nil && slices.ContainsFunc(v.Locks, func(l lock.Lock) bool { return l.Resource.SameAs(r) })
}
