// Package wal keeps a log of events as a git ref that is only ever appended to,
// by compare-and-swap, in this clone and on a remote. Its format is that of
// grite's refs/grite/wal: a chain of commits, each with the events that it adds.
// What the events mean is left to others.
//
// Three things keep an event from being lost. The ref of this clone has all that
// this clone has ever seen, whatever becomes of the ref on the remote. Where two
// logs have diverged, the events of one are appended to the other. And an event
// is known by its hash, so that appending it once more, after an answer that was
// lost, changes nothing.
package wal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/git"
)

// Ref is the log, here and on a remote.
const Ref git.RefName = "refs/grite/wal"

// The refs beside it are not below refs/grite, because other programs push
// everything there.
const (
	mirrors = "refs/git-grite/wal/"       // what a remote had when it was last asked
	fetched = "refs/git-grite/wal-fetch/" // <milliseconds>-<random>: a fetch under way
)

// Log is the log of one clone and the remote that it is shared through. One
// process may have several for the same clone.
type Log struct {
	Repo   *git.Repo
	Remote *git.Remote // nil when nothing is shared
	Actor  ActorID     // who appends
	Now    func() time.Time
}

// Heads are the commits that the log ends in.
type Heads struct {
	Here  git.OID // of this clone
	There git.OID // of the remote, as it was last seen
}

// ErrUnknown is returned, wrapped, when the remote may or may not have what was
// appended. It is kept in this clone; the next Sync or Append settles it.
var ErrUnknown = errors.New("the remote may or may not have it")

// RefusedError is a remote that does not want the log to be changed.
type RefusedError struct {
	Remote string
	Reason string // in the words of the remote
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("remote %q refuses the issue log: %s", e.Remote, e.Reason)
}

// DamagedError is a ref that holds no log.
type DamagedError struct {
	Where string // the ref, and the remote where it is there
	Err   error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.Where, e.Err) }
func (e *DamagedError) Unwrap() error { return e.Err }

// Heads returns the heads as this clone has them. It runs no git where refs are
// files.
func (l *Log) Heads(ctx context.Context) (h Heads, err error) {
	if h.Here, err = l.ref(ctx, Ref); err == nil && l.Remote != nil {
		h.There, err = l.ref(ctx, l.mirror())
	}
	return h, err
}

func (l *Log) mirror() git.RefName { return git.RefName(mirrors + l.Remote.Name) }

func (l *Log) ref(ctx context.Context, name git.RefName) (git.OID, error) {
	refs, err := l.Repo.Refs(ctx, string(name))
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(refs, func(r git.Ref) bool { return r.Name == name })
	if at < 0 {
		return "", nil
	}
	if refs[at].Broken || refs[at].Symref != "" {
		return "", &DamagedError{Where: string(name), Err: errors.New("it is not an ordinary ref")}
	}
	return refs[at].OID, nil
}

// Fetched is what a look at the remote found.
type Fetched struct {
	Heads
	// Rewound is what the remote had before, when it has not all of that now:
	// somebody deleted the log there or moved it back. This clone has it still,
	// and the next Append or Sync puts it back.
	Rewound git.OID
	Merged  int // events of this clone that were appended to what the remote has
}

// Fetch brings the log of this clone up to date with the remote: afterwards
// Here has all that There has, and all that this clone had. It returns
// *git.RemoteError and *DamagedError.
func (l *Log) Fetch(ctx context.Context) (Fetched, error) {
	for try := 0; ; try++ {
		old, err := l.Heads(ctx)
		if err != nil {
			return Fetched{}, err
		}
		if old == (Heads{}) {
			// Most clones have no log, and a fetch of a ref that the remote does not
			// have ends in an error and this question.
			if there, err := l.Remote.Ref(ctx, Ref); err != nil || there == "" {
				return Fetched{}, err
			}
		}
		// Not straight into the mirror: a slower fetch of another process would
		// move it back, which has to look different from a log that was moved back.
		temp := git.RefName(fmt.Sprintf("%s%d-%08x", fetched, l.Now().UnixMilli(), rand.Uint32()))
		found, err := l.Remote.FetchRef(ctx, Ref, temp, nonempty(old.Here, old.There))
		if err != nil {
			return Fetched{}, err
		}
		var updates []git.RefUpdate
		f := Fetched{}
		if found {
			if f.There, err = l.ref(ctx, temp); err != nil {
				return Fetched{}, err
			}
			updates = append(updates, git.RefUpdate{Name: temp, Old: f.There})
		}
		if err := l.join(ctx, old, &f); err != nil {
			_ = l.Repo.UpdateRefs(context.WithoutCancel(ctx), updates)
			return Fetched{}, err
		}
		clean := len(updates)
		updates = moved(moved(updates, Ref, old.Here, f.Here), l.mirror(), old.There, f.There)
		err = l.Repo.UpdateRefs(ctx, append(updates, l.abandoned(ctx)...))
		if err == nil {
			return f, nil
		}
		_ = l.Repo.UpdateRefs(context.WithoutCancel(ctx), updates[:clean])
		if err := l.again(ctx, old, try, err); err != nil {
			return Fetched{}, err
		}
	}
}

// join sets f.Here to a commit that comes after f.There and has all events that
// the old heads had.
func (l *Log) join(ctx context.Context, old Heads, f *Fetched) error {
	if f.There != "" && f.There != old.There && l.Repo.Lacks(ctx, f.There) {
		return &DamagedError{Where: fmt.Sprintf("%s on remote %q", Ref, l.Remote.Name), Err: errors.New("it is not a commit")}
	}
	f.Here = f.There
	for _, tip := range slices.Compact(nonempty(old.There, old.Here)) {
		switch f.Here {
		case tip:
			continue
		case "":
			f.Here = tip
			if tip == old.There {
				f.Rewound = tip
			}
			continue
		}
		base, only, err := l.Repo.Divergence(ctx, f.Here, tip)
		if err != nil {
			return &DamagedError{Where: string(Ref), Err: err}
		}
		if only > 0 && tip == old.There {
			f.Rewound = tip
		}
		switch {
		case only == 0:
		case base == 0:
			f.Here = tip
		default:
			events, err := l.missing(ctx, f.Here, tip)
			if err != nil {
				return err
			}
			f.Merged += len(events)
			if f.Here, err = l.commit(ctx, f.Here, events); err != nil {
				return err
			}
		}
	}
	return nil
}

// missing returns the events that tip has and base has not, in the order of
// time.
func (l *Log) missing(ctx context.Context, base, tip git.OID) ([]Event, error) {
	known := map[EventID]bool{}
	var events []Event
	for _, side := range []struct{ of, without git.OID }{{base, tip}, {tip, base}} {
		refs, err := l.chunks(ctx, nonempty(side.of), nonempty(side.without))
		if err != nil {
			return nil, err
		}
		err = l.Read(ctx, refs, func(c Chunk) {
			for _, e := range c.Events {
				if !known[e.ID] && side.of == tip {
					events = append(events, e)
				}
				known[e.ID] = true
			}
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(events, Compare)
	return events, nil
}

// Forget deletes what this clone remembers of remotes; its own log stays.
func (l *Log) Forget(ctx context.Context) error {
	for _, prefix := range []string{mirrors, fetched} {
		if err := l.Repo.DropRefs(ctx, strings.TrimSuffix(prefix, "/"), l.Now()); err != nil {
			return err
		}
	}
	return nil
}

// abandoned are updates that delete the refs of fetches that were killed.
func (l *Log) abandoned(ctx context.Context) (updates []git.RefUpdate) {
	refs, _ := l.Repo.Refs(ctx, strings.TrimSuffix(fetched, "/"))
	for _, ref := range refs {
		text, _, _ := strings.Cut(strings.TrimPrefix(string(ref.Name), fetched), "-")
		ms, err := strconv.ParseInt(text, 10, 64)
		if err == nil && !ref.Broken && l.Now().Sub(time.UnixMilli(ms)) > time.Hour {
			updates = append(updates, git.RefUpdate{Name: ref.Name, Old: ref.OID})
		}
	}
	return updates
}

// maxBusy is how often a change that failed although nobody has moved the ref is
// tried again: the ref's lock file was busy, here or on the server.
const maxBusy = 5

// again waits after a change of refs in this clone that failed with err, and
// returns it when trying again is of no use.
func (l *Log) again(ctx context.Context, old Heads, try int, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	now, headsErr := l.Heads(ctx)
	if headsErr != nil {
		return headsErr
	}
	if now == old && try >= maxBusy {
		return err
	}
	return pause(ctx, try)
}

// pause waits a little, more after every try, and never the same as others do.
func pause(ctx context.Context, try int) error {
	select {
	case <-time.After(5*time.Millisecond + rand.N(time.Duration(min(try+1, 10))*30*time.Millisecond)):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// moved adds the update of a ref from one value to another, if that is one.
func moved(updates []git.RefUpdate, name git.RefName, from, to git.OID) []git.RefUpdate {
	if from == to {
		return updates
	}
	return append(updates, git.RefUpdate{Name: name, Old: from, New: to})
}

func nonempty(oids ...git.OID) []git.OID {
	return slices.DeleteFunc(oids, func(oid git.OID) bool { return oid == "" })
}
