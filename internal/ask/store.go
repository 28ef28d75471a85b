package ask

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/note"
	"github.com/git-grite/git-grite/internal/protocol"
)

// store changes the notes of one arbiter for one actor.
type store struct {
	c      *clone.Clone
	me     clone.Identity
	remote *git.Remote // nil where this clone is the arbiter
	name   string      // of the remote
	box    note.Box
	report clone.Report // of all looks
}

func open(ctx context.Context, c *clone.Clone, me clone.Identity) (*store, error) {
	remote, err := c.Arbiter(ctx)
	if err != nil {
		return nil, err
	}
	s := &store{c: c, me: me, box: c.Notes(remote)}
	if remote != nil {
		s.remote, s.name = remote.Git(), remote.Name()
	}
	return s, nil
}

// look reads locks and notes as the arbiter has them now.
func (s *store) look(ctx context.Context) (clone.View, error) {
	v, err := s.c.Look(ctx, clone.Ask{Limit: lookTimeout})
	s.report.Actor, s.report.Clocks, s.report.Soon = v.Report.Actor, v.Report.Clocks, v.Report.Soon
	s.report.Losses, s.report.Notes = append(s.report.Losses, v.Losses...), append(s.report.Notes, v.Notes...)
	if remote := (*git.RemoteError)(nil); err == nil && v.Unreachable != nil && !errors.As(v.Unreachable, &remote) {
		err = &git.RemoteError{Remote: v.Remote, Err: fmt.Errorf("no answer within %s", lookTimeout)}
	} else if err == nil {
		err = v.Unreachable
	}
	return v, err
}

// RefusedError is a remote that does not take notes.
type RefusedError struct{ Remote, Reason string }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("remote %q refuses notes to holders of locks: %s", e.Remote, e.Reason)
}

// HiddenError is a remote that takes notes and does not show them, so that no
// holder can be told.
type HiddenError struct{ Remote string }

func (e *HiddenError) Error() string {
	return fmt.Sprintf("remote %q accepted the note and does not show it: it hides %s from fetches (uploadpack.hideRefs), so that no holder can be told", e.Remote, lock.NotesNamespace)
}

// maxTries is how often notes are sent again that others changed first, or whose
// outcome is not known; maxHidden how often one may be accepted and not be there.
const (
	maxTries  = 8
	maxHidden = 3
)

// errFailed is a push that failed for a reason that may be gone when the remote is
// read again.
var errFailed = errors.New("the remote did not take it")

// settling is the writing of notes until they stand.
type settling struct {
	*store
	sent map[git.OID]int // accepted, and how often
	try  int
	last error // of this try, a reason for another
}

// settle writes the notes that wanted asks for after each look, until a look shows
// that all of them stand: that is the only proof that others can read them.
func (s *store) settle(ctx context.Context, wanted func(clone.View) ([]note.Note, error)) ([]note.Note, error) {
	backoff := protocol.Backoff{Next: 50 * time.Millisecond, Max: time.Second}
	for w := (settling{store: s, sent: map[git.OID]int{}}); ; w.try++ {
		v, err := s.look(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := s.sweep(ctx, v, w.last != nil); err != nil && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		notes, err := wanted(v)
		if err != nil {
			return nil, err
		}
		w.last = nil
		stand := true
		for i := range notes {
			stands, err := w.put(ctx, &notes[i])
			if err != nil {
				return nil, err
			}
			stand = stand && stands
		}
		if stand {
			return notes, nil
		}
		if w.last != nil {
			if err := backoff.Wait(ctx, backoff.Max); err != nil {
				return nil, err
			}
		}
	}
}

// put reports whether a note stands, and sends it when not. The error is final.
func (w *settling) put(ctx context.Context, n *note.Note) (stands bool, err error) {
	old, at, err := w.read(ctx, *n)
	if err != nil {
		return false, err
	}
	oid, err := w.c.Repo.WriteCommit(ctx, git.FileCommit{Name: note.File, Content: n.Encode(), Message: "Note: " + n.Resource.String(), Time: n.Asked})
	if err != nil {
		return false, err
	}
	n.Version = string(oid)
	switch {
	case at == oid:
		return true, nil
	case w.sent[oid] == maxHidden:
		_ = w.change(ctx, *n, oid, "") // else it ends with the lock
		return false, &HiddenError{w.name}
	case at != "" && old.Version == "": // the sweep has removed it, or does next time
		err = fmt.Errorf("%w: %w", errFailed, &RefusedError{w.name, fmt.Sprintf("what stands at %s/%s is no note", lock.NotesNamespace, n.Name())})
	default:
		err = w.change(ctx, *n, at, oid)
	}
	if err == nil {
		w.sent[oid]++
		return false, nil
	}
	if w.last = err; !again(err) || w.try == maxTries {
		return false, final(err)
	}
	return false, nil
}

// read returns what stands at a note's name: the note, as far as it is one, and
// its version.
func (s *store) read(ctx context.Context, n note.Note) (note.Note, git.OID, error) {
	refs, err := s.c.Repo.Refs(ctx, s.box.Prefix+"/"+n.Name())
	if err != nil || len(refs) == 0 {
		return note.Note{}, "", err
	}
	contents, _, err := s.c.Repo.ReadFiles(ctx, []git.OID{refs[0].OID}, note.File)
	if err != nil {
		return note.Note{}, "", err
	}
	stands, err := note.Parse(n.Name(), contents[refs[0].OID].Content)
	if err != nil || contents[refs[0].OID].Err != nil {
		return note.Note{}, refs[0].OID, nil
	}
	stands.Version = string(refs[0].OID)
	return stands, refs[0].OID, nil
}

// change writes a note in the place of what stands there. The error is nil,
// lock.ErrLostRace, errFailed, lock.ErrUnknown around its cause, or final.
func (s *store) change(ctx context.Context, n note.Note, old, to git.OID) error {
	return s.swap(ctx, git.RefUpdate{Name: git.RefName(lock.NotesNamespace + "/" + n.Name()), Old: old, New: to})
}

func (s *store) swap(ctx context.Context, u git.RefUpdate) error {
	if s.remote == nil {
		err := s.c.Repo.UpdateRefs(ctx, []git.RefUpdate{u})
		if failed := (*git.Error)(nil); errors.As(err, &failed) {
			return fmt.Errorf("%w: %w", errFailed, err)
		}
		return err
	}
	report, err := s.remote.Push(ctx, []git.RefUpdate{u})
	switch report.Status[u.Name] {
	case git.PushDone:
		return nil
	case git.PushStale:
		return lock.ErrLostRace
	case git.PushRefused:
		return &RefusedError{s.name, report.Reason}
	case git.PushFailed, git.PushHeld:
		return fmt.Errorf("%w: %w", errFailed, &RefusedError{s.name, report.Reason})
	}
	if err == nil {
		err = &git.RemoteError{Remote: s.name, Err: errors.New("its answer was lost")}
	}
	return fmt.Errorf("%w: %w", lock.ErrUnknown, err)
}

// again reports whether a failure is a reason to read and try once more.
func again(err error) bool {
	return errors.Is(err, lock.ErrLostRace) || errors.Is(err, errFailed) || errors.Is(err, lock.ErrUnknown)
}

// final is a failure that was met every time, as the caller is told of it.
func final(err error) error {
	var refused *RefusedError
	var remote *git.RemoteError
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &remote):
		return remote
	case errors.Is(err, lock.ErrLostRace):
		return &protocol.ContendedError{Tries: maxTries, Err: err}
	}
	return err
}

// maxSwept is how many refs one sweep removes.
const maxSwept = 10

// sweep removes notes whose lock is gone and refs that are none; where nothing can
// be written, also a ref in the place of the directory of all notes. Of a remote,
// a symbolic ref is left alone: a push to it deletes what it points to.
func (s *store) sweep(ctx context.Context, v clone.View, blocked bool) (removed int, err error) {
	notes, over, err := s.box.Read(ctx, func(string, string) bool { return true })
	if err != nil {
		return 0, err
	}
	if blocked && s.remote != nil {
		if oid, err := s.remote.Ref(ctx, lock.NotesNamespace); err == nil && oid != "" {
			over = append(over, note.Damage{OID: oid})
		}
	}
	var symrefs map[git.RefName]git.RefName
	if len(over) > 0 && s.remote != nil {
		if symrefs, err = s.remote.Symrefs(ctx, lock.NotesNamespace+"*"); err != nil {
			return 0, err
		}
	}
	for _, n := range notes {
		if n.Over(v.Locks, s.c.Now()) {
			over = append(over, note.Damage{Name: n.Name(), OID: git.OID(n.Version)})
		}
	}
	for _, d := range over {
		name := git.RefName(strings.TrimSuffix(lock.NotesNamespace+"/"+d.Name, "/"))
		if _, symbolic := symrefs[name]; symbolic {
			continue
		}
		if s.remote == nil && d.OID == "" {
			err = s.c.Repo.RemoveBrokenRef(name)
		} else {
			err = s.swap(ctx, git.RefUpdate{Name: name, Old: d.OID})
		}
		if err == nil {
			removed++
		} else if !again(err) {
			return removed, err
		}
		if removed == maxSwept {
			break
		}
	}
	return removed, nil
}

// free is when the last of these locks makes way, unless it is renewed or given up.
func (s *store) free(locks []lock.Lock) (at time.Time) {
	for _, l := range locks {
		end := l.Expires
		if l.Remote != "" {
			end = end.Add(s.c.Config.ClockSkew)
		}
		if end.After(at) {
			at = end
		}
	}
	return at
}

// Replied returns the notes that holders reacted to.
func (a Asked) Replied() (notes []note.Note) {
	for _, r := range a.Replies {
		notes = append(notes, r.Note)
	}
	return notes
}
