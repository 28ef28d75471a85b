package protocol

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// slowStore is a store whose answers to a swap come late.
type slowStore struct {
	Store
	answer time.Duration
}

func (s slowStore) Swap(ctx context.Context, changes []lock.Change) error {
	err := s.Store.Swap(ctx, changes)
	time.Sleep(s.answer)
	return err
}

// TestSlowNewcomer: somebody announces a lock beside one that is held, on a slow
// link or by a process that is stopped for a moment. A first renewal meanwhile
// waits for it to be withdrawn, and gives way only when that takes too long or
// the lease has ended.
func TestSlowNewcomer(t *testing.T) {
	for name, tt := range map[string]struct {
		answer, lease time.Duration
		lost          time.Duration // when, after the acquire; 0 when it is not
	}{
		"slow":                {5 * time.Second, time.Hour, 0},
		"killed":              {10 * time.Hour, time.Hour, time.Second + renewsPatience},
		"the lease ends":      {10 * time.Hour, 5 * time.Second, 5 * time.Second},
		"the lease has ended": {10 * time.Hour, time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(conditions{ttl: time.Hour}, 1)
				alice, bob := w.client(1), w.client(2)
				bob.Store = slowStore{bob, tt.answer}
				began := time.Now()
				if _, err := alice.Acquire(t.Context(), AcquireRequest{Resources: []lock.Resource{resource(t, "repo:x")}, TTL: tt.lease}); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error)
				go func() {
					_, err := bob.Acquire(t.Context(), AcquireRequest{Resources: []lock.Resource{resource(t, "issue:1")}, TTL: 9 * time.Hour})
					ended <- err
				}()
				time.Sleep(time.Second)
				got, err := alice.Renew(t.Context(), nil, time.Hour, "")
				took := time.Since(began)
				var held *lock.HeldError
				switch bobs := <-ended; {
				case name == "slow":
					if err != nil || len(got.Locks) != 1 || !errors.As(bobs, &held) {
						t.Errorf("the holder renews with %+v, %v, the newcomer ends with %v", got, err, bobs)
					}
				case len(got.Lost) != 1 || took < tt.lost || took > tt.lost+5*time.Second:
					t.Errorf("after %v lost %+v, %v", took, got.Lost, err)
				}
			})
		})
	}
}
