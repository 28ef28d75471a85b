package refstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// RefusedError is a remote that does not want one of our refs to be changed so.
type RefusedError struct {
	Remote string
	Reason string // in the words of the remote
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("remote %q refuses locks: %s", e.Remote, e.Reason)
}

// Swap pushes changes. It returns what protocol.Store says, *RefusedError when the
// remote does not want the change, and lock.ErrUnknown around *git.RemoteError
// when it could not be reached or did not answer.
func (s *Remote) Swap(ctx context.Context, changes []lock.Change) error {
	if err := s.spareSymrefs(ctx, changes); err != nil {
		return err
	}
	first, rest := apart(changes)
	if s.oneOnly && len(rest) > 1 {
		return lock.ErrNotAtomic
	}
	if err := s.push(ctx, changes, first); err != nil {
		return err
	}
	return s.push(ctx, changes, rest)
}

// push makes the updates, which are some of the changes.
func (s *Remote) push(ctx context.Context, changes []lock.Change, updates []git.RefUpdate) error {
	if len(updates) == 0 {
		return nil
	}
	changes = slices.DeleteFunc(slices.Clone(changes), func(c lock.Change) bool {
		return !slices.ContainsFunc(updates, func(u git.RefUpdate) bool { return u.Name == refName(c.Key) })
	})
	backoff := busyBackoff()
	for try := 0; ; try++ {
		report, err := s.remote.Push(ctx, updates)
		var remote *git.RemoteError
		if errors.As(err, &remote) && remote.Unsent() && remote.Transient() && try < maxBusy {
			if err := backoff.Wait(ctx, backoff.Max); err != nil {
				return err
			}
			continue
		}
		if errors.Is(err, git.ErrNotAtomic) {
			s.oneOnly = true
			return lock.ErrNotAtomic
		}
		switch worst(report) {
		case git.PushDone:
			s.Pushed(ctx, changes)
			return nil
		case git.PushStale:
			return lock.ErrLostRace
		case git.PushUnknown:
			return s.unanswered(ctx, changes, err)
		case git.PushRefused:
			return &RefusedError{Remote: s.remote.Name, Reason: report.Reason}
		}
		// Somebody was quicker under the server's own lock, or that lock was
		// busy, or this is a host's own refusal text. Reading shows which.
		v, err := s.fetch(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", lock.ErrUnknown, err)
		}
		switch moved(&v.Table, changes) {
		case allDone:
			return nil
		case lost:
			return lock.ErrLostRace
		}
		if try == 0 && s.unblock(ctx) {
			continue
		}
		if inPlace(v.Damaged, changes) {
			return lock.ErrLostRace // the next decision removes it
		}
		if try == maxBusy {
			return &RefusedError{Remote: s.remote.Name, Reason: report.Reason}
		}
		if err := backoff.Wait(ctx, backoff.Max); err != nil {
			return err
		}
	}
}

// inPlace reports whether a damaged ref lies below one that was to be made.
func inPlace(damaged []lock.Damage, changes []lock.Change) bool {
	return slices.ContainsFunc(damaged, func(d lock.Damage) bool {
		return slices.ContainsFunc(changes, func(c lock.Change) bool { return strings.HasPrefix(d.Key, c.Key+"/") })
	})
}

// unblock deletes a ref in the place of the directory of all locks, which keeps
// git from making any. It reports whether there was one.
func (s *Remote) unblock(ctx context.Context) bool {
	oid, err := s.remote.Ref(ctx, Namespace)
	return err == nil && oid != "" && s.sweep(ctx, []git.RefUpdate{{Name: Namespace, Old: oid}}) == nil
}

// sweep deletes refs that are no use to anybody, unless one is symbolic: that would
// delete the branch that it names.
func (s *Remote) sweep(ctx context.Context, updates []git.RefUpdate) error {
	symrefs, err := s.remote.Symrefs(ctx, "refs/*grite/*")
	updates = slices.DeleteFunc(updates, func(u git.RefUpdate) bool { return symrefs[u.Name] != "" })
	if err == nil && len(updates) > 0 {
		_, err = s.remote.Push(ctx, updates)
	}
	return err
}

// unanswered decides what to make of a push that brought no word of our refs. A
// git that gave up, as it does when it cannot connect or may not push, usually has
// sent nothing: when the refs stand as before, or cannot even be read, its own
// error says more than that the outcome is not known. One whose connection broke,
// or whose server was overloaded, may have sent all of it.
func (s *Remote) unanswered(ctx context.Context, changes []lock.Change, err error) error {
	var failed *git.Error
	var remote *git.RemoteError
	if errors.As(err, &failed) && errors.As(err, &remote) && failed.ExitCode == 128 && !remote.Transient() {
		v, lookErr := s.fetch(ctx)
		if lookErr != nil || moved(&v.Table, changes) == unmoved {
			return err
		}
	}
	if err == nil {
		err = &git.RemoteError{Remote: s.remote.Name, Err: errors.New("its answer was lost")}
	}
	return fmt.Errorf("%w: %w", lock.ErrUnknown, err)
}

// worst is the status that decides about a set. A lost lease is certain, and
// means that nothing of the set was done; a refusal is the next.
func worst(report git.PushReport) git.PushStatus {
	for _, s := range []git.PushStatus{git.PushStale, git.PushRefused, git.PushFailed, git.PushUnknown, git.PushHeld} {
		for _, status := range report.Status {
			if status == s {
				if s == git.PushHeld {
					return git.PushFailed
				}
				return s
			}
		}
	}
	return git.PushDone
}

// Updates are changes of locks as a push of somebody else's making has to carry
// them.
func Updates(changes []lock.Change) (updates []git.RefUpdate) {
	for _, c := range changes {
		updates = append(updates, update(c))
	}
	return updates
}

type movement int

const (
	unmoved movement = iota
	allDone
	lost
)

// moved compares refs with what a failed change of them expected. One that is
// at our own new version was changed by us.
func moved(t *lock.Table, changes []lock.Change) movement {
	done := 0
	for _, c := range changes {
		switch at := t.Version(c.Key); {
		case at == c.Version:
			done++
		case at != c.Old:
			return lost
		}
	}
	if done == len(changes) {
		return allDone
	}
	return unmoved
}

// spareSymrefs refuses to touch damaged refs that are symbolic on the remote: a
// push to one changes or deletes the branch that it names.
func (s *Remote) spareSymrefs(ctx context.Context, changes []lock.Change) error {
	if !slices.ContainsFunc(changes, func(c lock.Change) bool { return c.Damaged }) {
		return nil
	}
	symrefs, err := s.remote.Symrefs(ctx, Namespace+"*")
	if err != nil {
		return err
	}
	for _, c := range changes {
		if target, ok := symrefs[refName(c.Key)]; ok {
			return &RefusedError{Remote: s.remote.Name, Reason: fmt.Sprintf("%s there is a symbolic ref to %s; remove it on the server: %s", refName(c.Key), target, removeSymref(refName(c.Key)))}
		}
	}
	return nil
}

// TellSymrefs says of damaged records which are symbolic refs on the remote. A
// fetch does not tell, and gives what they point to.
func (s *Remote) TellSymrefs(ctx context.Context, damaged []lock.Damage) error {
	if len(damaged) == 0 {
		return nil
	}
	symrefs, err := s.remote.Symrefs(ctx, Namespace+"*")
	for i, d := range damaged {
		if target, ok := symrefs[refName(d.Key)]; ok {
			damaged[i].Remedy = removeSymref(refName(d.Key))
			damaged[i].Err = &DamagedError{Ref: string(refName(d.Key)), Err: fmt.Errorf("on the server it is a symbolic ref to %s", target)}
		}
	}
	return err
}

func removeSymref(name git.RefName) string { return "git symbolic-ref --delete " + string(name) }

// Sparing is the remote for who removes damaged records: its looks tell symbolic refs.
type Sparing struct{ *Remote }

// Load is that of the remote.
func (s Sparing) Load(ctx context.Context, fresh bool) (*lock.View, error) {
	v, err := s.Remote.Load(ctx, fresh)
	if err == nil {
		err = s.TellSymrefs(ctx, v.Damaged)
	}
	return v, err
}
