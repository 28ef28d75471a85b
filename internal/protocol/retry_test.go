package protocol

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// loser is a store in which somebody else is always first.
type loser struct {
	*memory
	swaps int
	err   error
}

func (l *loser) Swap(context.Context, []lock.Change) error {
	l.swaps++
	return l.err
}

// TestContended: that others came first every time has an error of its own, and a
// command that is stopped in the middle of it ends with the reason for that.
func TestContended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &loser{memory: newMemory(), err: lock.ErrLostRace}
		actor := Actor{Owner: owner(0), Now: time.Now, Nonce: func() string { return "n" }}
		q := AcquireRequest{Resources: []lock.Resource{resource(t, "path:a")}, TTL: time.Hour}
		for name, acquire := range map[string]func(context.Context) error{
			"solo": func(ctx context.Context) error {
				_, err := (&Solo{Actor: actor, Store: store, Queue: store.Queue}).Acquire(ctx, q)
				return err
			},
			"shared": func(ctx context.Context) error {
				s := &Shared{Actor: actor, Store: store, Queue: store.Queue, Grants: newWorld(conditions{}, 1).client(0)}
				_, err := s.Acquire(ctx, q)
				return err
			},
		} {
			store.swaps = 0
			var contended *ContendedError
			if err := acquire(t.Context()); !errors.As(err, &contended) || !errors.Is(err, lock.ErrLostRace) || store.swaps != maxTries+1 {
				t.Errorf("%s: %v after %d swaps", name, err, store.swaps)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := errors.New("stop")
			time.AfterFunc(15*time.Millisecond, func() { cancel(stop) })
			if err := acquire(ctx); !errors.Is(err, stop) || errors.Is(err, lock.ErrLostRace) {
				t.Errorf("%s, stopped: %v", name, err)
			}
		}
	})
}

// TestUnknownEnds: a reply that never comes is given up sooner than a line that
// breaks.
func TestUnknownEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			err   error
			swaps int
		}{
			"breaks": {fmt.Errorf("%w: %w", lock.ErrUnknown, errFault{}), maxUnknown + 1},
			"silent": {lock.ErrUnknown, maxUnknown/silence + 1},
		} {
			store := &loser{memory: newMemory(), err: tt.err}
			s := &Solo{Store: store, Queue: store.Queue, Actor: Actor{Owner: owner(0), Now: time.Now, Nonce: func() string { return "n" }}}
			_, err := s.Acquire(t.Context(), AcquireRequest{Resources: []lock.Resource{resource(t, "path:a")}, TTL: time.Hour})
			if !errors.Is(err, lock.ErrUnknown) || store.swaps != tt.swaps {
				t.Errorf("%s: %v after %d swaps", name, err, store.swaps)
			}
		}
	})
}
