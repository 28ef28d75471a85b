package refstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

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

// Swap pushes changes. It returns what lock.Store says, *RefusedError when the
// remote does not want the change, and lock.ErrUnknown around *git.RemoteError
// when it could not be reached or did not answer.
func (s *Remote) Swap(ctx context.Context, changes []lock.Change) error {
	if s.oneOnly && len(changes) > 1 {
		return lock.ErrNotAtomic
	}
	if err := s.spareSymrefs(ctx, changes); err != nil {
		return err
	}
	updates := make([]git.RefUpdate, 0, len(changes))
	for _, c := range changes {
		updates = append(updates, update(c))
	}
	for try := 0; ; try++ {
		report, err := s.remote.Push(ctx, updates)
		if errors.Is(err, git.ErrNotAtomic) {
			s.oneOnly = true
			return lock.ErrNotAtomic
		}
		switch worst(report) {
		case git.PushDone:
			s.moveMirror(ctx, changes)
			return nil
		case git.PushStale:
			return lock.ErrLostRace
		case git.PushUnknown:
			return s.unanswered(ctx, changes, err)
		case git.PushRefused:
			return &RefusedError{Remote: s.remote.Name, Reason: report.Reason}
		}
		// Somebody was quicker under the server's own lock, or that lock was
		// busy, or a host says no in words of its own. Reading tells which.
		t, err := s.look(ctx, true)
		if err != nil {
			return fmt.Errorf("%w: %w", lock.ErrUnknown, err)
		}
		switch moved(t, changes) {
		case allDone:
			return nil
		case lost:
			return lock.ErrLostRace
		}
		if try == maxBusy {
			return &RefusedError{Remote: s.remote.Name, Reason: report.Reason}
		}
		select {
		case <-time.After(10*time.Millisecond + rand.N(time.Duration(try+1)*60*time.Millisecond)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// unanswered tells what to make of a push that brought no word of our refs. A git
// that gave up, as it does when it cannot connect or may not push, usually has
// sent nothing: when the refs stand as before, or cannot even be read, its own
// error says more than that the outcome is not known. One whose server went away
// in the middle ("hung up unexpectedly", git 2.39) may have sent all of it.
func (s *Remote) unanswered(ctx context.Context, changes []lock.Change, err error) error {
	var failed *git.Error
	if errors.As(err, &failed) && failed.ExitCode == 128 {
		t, lookErr := s.look(ctx, true)
		if lookErr == nil && moved(t, changes) == unmoved || lookErr != nil && !strings.Contains(failed.Stderr, "hung up unexpectedly") {
			return err
		}
	}
	if err == nil {
		err = &git.RemoteError{Remote: s.remote.Name, Err: errors.New("its answer was lost")}
	}
	return fmt.Errorf("%w: %w", lock.ErrUnknown, err)
}

// moveMirror lets other processes of this clone see at once what was renewed or
// released; a new lock is read back anyhow before it is granted. Each ref moves
// only from the value that the push replaced: what another process has read
// since is newer. Failing to is no error, because the next look mends it.
func (s *Remote) moveMirror(ctx context.Context, changes []lock.Change) {
	var updates []git.RefUpdate
	for _, c := range changes {
		if c.Old != "" {
			u := update(c)
			u.Name = git.RefName(s.mirror.prefix + "/" + c.Key)
			updates = append(updates, u)
		}
	}
	_ = s.repo.UpdateRefs(ctx, updates)
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
	damaged := slices.ContainsFunc(changes, func(c lock.Change) bool {
		return slices.ContainsFunc(s.damaged, func(d lock.Damage) bool { return d.Key == c.Key })
	})
	if !damaged {
		return nil
	}
	symrefs, err := s.remote.Symrefs(ctx, Namespace+"/*")
	if err != nil {
		return err
	}
	for _, c := range changes {
		if target, ok := symrefs[refName(c.Key)]; ok {
			return &RefusedError{Remote: s.remote.Name, Reason: fmt.Sprintf("%s there is a symbolic ref to %s; remove it on the server: git symbolic-ref --delete %[1]s", refName(c.Key), target)}
		}
	}
	return nil
}
