package clone

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
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

	Remote      string        // the arbiter, "" for this clone
	Skew        time.Duration // how long past its end a lock there is left alone
	Fresh       bool          // it was asked just now
	AsOf        time.Time     // when the view was true, the zero time for never
	Unreachable error         // why the arbiter could not be asked, if it should have been
}

// Ask says how a look deals with the arbiter. The zero Ask does not ask it.
type Ask struct {
	Limit  time.Duration // how long it may take to answer, 0 to leave it alone
	MaxAge time.Duration // the last view will do when it is no older than this
	// Retry is how long an arbiter that did not answer such a look is left alone;
	// 0 to ask it all the same.
	Retry time.Duration
	// Closely is to ask an arbiter that has damaged records which of them only who
	// runs it can remove.
	Closely bool
}

// Whole is the last view, and of how many of its refs objects are missing. What was
// read once is remembered, so that no other look notices; git does. To fix that is to
// fetch these refs again.
func (c *Clone) Whole(ctx context.Context, fix bool) (v View, missing int, err error) {
	ask := Ask{}
	if remote, _ := c.Arbiter(ctx); remote != nil {
		if missing, err = remote.Missing(ctx, fix); err != nil {
			return v, missing, err
		}
		if missing > 0 && fix {
			missing, ask.Limit = 0, c.Config.HookTimeout
		}
	}
	v, err = c.Look(ctx, ask)
	return v, missing, err
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
		t, err := c.local.Load(ctx, false)
		if err != nil {
			return View{}, err
		}
		v := View{Fresh: true, AsOf: began}
		v.add(t)
		v.Report = c.report(ctx, sight{me: me, view: t})
		return v, nil
	}
	v := View{Remote: remote.Name(), Skew: c.Config.ClockSkew}
	var t *lock.View
	v.AsOf = remote.AsOf()
	if old := c.now().Sub(v.AsOf); ask.Limit > 0 && (old < 0 || old >= ask.MaxAge) {
		if v.Unreachable = c.silent(remote, ask.Retry); v.Unreachable == nil {
			t, v.Unreachable = c.ask(ctx, remote, ask)
			if ctx.Err() != nil {
				return v, context.Cause(ctx)
			}
			var partial *refstore.PartialError
			if v.Fresh = v.Unreachable == nil; !v.Fresh && ask.Retry > 0 && !errors.As(v.Unreachable, &partial) {
				c.setSilent(remote)
			}
		}
	}
	if t == nil {
		if t, err = remote.Load(ctx, false); err != nil {
			return v, err
		}
	}
	if v.Fresh {
		v.AsOf = t.Asked
	}
	if err := c.vouch.Mark(ctx, me.ID, t); err != nil {
		return v, err
	}
	v.add(t)
	at := c.sight(me, remote)
	at.view = t
	at.unvouched(v.Locks)
	v.Report = c.report(ctx, at)
	return v, nil
}

// ask loads the arbiter's locks as they are now, within a time limit.
func (c *Clone) ask(ctx context.Context, remote *refstore.Remote, ask Ask) (*lock.View, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, ask.Limit, late(remote, ask.Limit))
	defer cancel()
	load := remote.Load
	if ask.Closely {
		load = refstore.Sparing{Remote: remote}.Load
	}
	t, err := load(ctx, true)
	return t, inTime(ctx, err)
}

// inTime is the error of a look that has only so much time: whatever git was at
// when it was stopped, it was too late.
func inTime(ctx context.Context, err error) error {
	var partial *refstore.PartialError
	if err == nil || ctx.Err() == nil || errors.As(err, &partial) {
		return err
	}
	return context.Cause(ctx)
}

// Blocks reports whether a lock whose lease is over still keeps others out: the
// clocks of two machines may differ.
func (c *Clone) Blocks(l lock.Lock) bool {
	return l.Remote != "" && !l.Released() && c.now().Before(l.Expires.Add(c.Config.ClockSkew))
}

// SilentError is an arbiter that is not asked, because it did not answer a short
// while ago.
type SilentError struct {
	Remote string
	Since  time.Time // when it did not answer
	Next   time.Time // when it is asked again
}

func (e *SilentError) Error() string {
	return fmt.Sprintf("remote %q could not be reached at %s, and is asked again from %s on", e.Remote, e.Since.UTC().Format(clockTime), e.Next.UTC().Format(clockTime))
}

const clockTime = "15:04:05 UTC"

// silent returns *SilentError for a remote that did not answer within the given
// time, unless it answered something since.
func (c *Clone) silent(remote *refstore.Remote, within time.Duration) error {
	if within <= 0 {
		return nil
	}
	text, err := atomicfile.Read(c.files.silent())
	if err != nil {
		return nil
	}
	stamp, url, _ := strings.Cut(string(text), " ")
	ms, err := strconv.ParseInt(stamp, 10, 64)
	since := time.UnixMilli(ms)
	if err != nil || url != remote.Arbiter().URL || remote.AsOf().After(since) || c.now().Before(since) || c.now().Sub(since) >= within {
		return nil
	}
	return &SilentError{Remote: remote.Name(), Since: since, Next: since.Add(within)}
}

// setSilent remembers that a remote did not answer. Failing to costs the next
// commit the same wait.
func (c *Clone) setSilent(remote *refstore.Remote) {
	_ = atomicfile.Write(c.files.silent(), []byte(strconv.FormatInt(c.now().UnixMilli(), 10)+" "+remote.Arbiter().URL), 0o666)
}

// late is why a look at a remote was given up.
func late(remote *refstore.Remote, limit time.Duration) error {
	return fmt.Errorf("remote %q: no answer within %s", remote.Name(), limit.Round(100*time.Millisecond))
}

func (v *View) add(t *lock.View) {
	v.Locks = make([]lock.Lock, 0, len(t.Entries)+len(t.Beside))
	for _, entries := range [][]lock.Entry{t.Entries, t.Beside} {
		for i := range entries {
			v.Locks = append(v.Locks, entries[i].Lock)
			v.Locks[len(v.Locks)-1].Record = entries[i].Version
		}
	}
	v.Beaten = t.Beaten
	v.Damaged = slices.Concat(t.Damaged, t.DamagedHere)
}

// unvouched marks the actor's records on the remote that were not granted to
// this clone as unconfirmed: leftovers of a crash, the locks of another clone of
// the same actor, or forgeries.
func (s sight) unvouched(locks []lock.Lock) {
	granted := sync.OnceValues(s.grants.Held)
	for i := range locks {
		l := &locks[i]
		if s.me.ID == "" || l.Owner != s.me.ID || l.Remote == "" {
			continue
		}
		if held, err := granted(); err == nil && held[l.Resource.Key()].Nonce != l.Nonce {
			l.Unconfirmed = true
		}
	}
}

// Has reports whether there is a lock on a resource, in either spelling; a nil
// view has none.
func (v *View) Has(r lock.Resource) bool {
	return v != nil && slices.ContainsFunc(v.Locks, func(l lock.Lock) bool { return l.Resource.SameAs(r) })
}
