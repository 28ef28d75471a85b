package refstore

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

var overlapping = []string{"path:src/", "path:src/a.go", "path:**/*.go", "repo:x"}

// full reports whether to play at full length, as "make race" does.
func full() bool { return os.Getenv("GRITE_TEST_FULL") == "1" }

// team is a remote with n clones.
func team(t *testing.T, tr gittest.Transport, n int) (remote *gittest.Repo, members []*member) {
	t.Helper()
	remote = gittest.NewRemote(t)
	url, env := tr.Serve(t, remote.Dir)
	for i := range n {
		members = append(members, join(t, remote.With(env...).Clone(t, url), i))
	}
	return remote, members
}

func transports(t *testing.T, names ...string) (some []gittest.Transport) {
	for _, tr := range gittest.Transports(t) {
		for _, name := range names {
			if tr.Name == name {
				some = append(some, tr)
			}
		}
	}
	return some
}

// TestRaceOverlapping: 8 clones want overlapping things at once, again and again.
// At every grant no two overlapping locks are granted.
func TestRaceOverlapping(t *testing.T) {
	rounds := 6
	if full() {
		rounds = 50
	}
	for _, tr := range transports(t, "file", "http") {
		t.Run(tr.Name, func(t *testing.T) {
			t.Parallel()
			remote, members := team(t, tr, 8)
			ref := newReferee(t, remote, members...)
			var wg sync.WaitGroup
			for i, m := range members {
				wg.Go(func() {
					for round := range rounds {
						_, err := m.take(overlapping[(i+round)%len(overlapping)])
						var held *lock.HeldError
						switch {
						case err == nil:
							if v := ref.check(t); v != "" {
								t.Errorf("granted together: %s", v)
							}
							m.mustRelease()
						case !errors.As(err, &held):
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if ref.grants == 0 {
				t.Error("nobody was granted anything")
			}
			t.Logf("%d grants in %d attempts", ref.grants, 8*rounds)
			if left := remote.Git("for-each-ref", Namespace); left != "" {
				t.Errorf("left on the remote: %s", left)
			}
		})
	}
}

// TestRaceDisjoint: who wants what nobody else wants gets it, every time.
func TestRaceDisjoint(t *testing.T) {
	t.Parallel()
	for _, tr := range transports(t, "file") {
		_, members := team(t, tr, 8)
		var wg sync.WaitGroup
		for i, m := range members {
			wg.Go(func() {
				for round := range 3 {
					m.mustTake(fmt.Sprintf("path:d%d/f%d", i, round))
				}
				m.mustRelease()
			})
		}
		wg.Wait()
	}
}

// TestRaceWaiters: nobody starves among many who wait for one lock.
func TestRaceWaiters(t *testing.T) {
	t.Parallel()
	n := 6
	if full() {
		n = 16
	}
	for _, tr := range transports(t, "file") {
		remote, members := team(t, tr, n)
		ref := newReferee(t, remote, members...)
		var slowest atomic.Int64
		var wg sync.WaitGroup
		for _, m := range members {
			wg.Go(func() {
				began := time.Now()
				_, err := m.Acquire(t.Context(), protocol.AcquireRequest{Resources: parse(t, "path:src/"), TTL: time.Hour, Wait: time.Minute})
				if err != nil {
					t.Error(err)
					return
				}
				for took := time.Since(began).Milliseconds(); ; {
					if was := slowest.Load(); took <= was || slowest.CompareAndSwap(was, took) {
						break
					}
				}
				if v := ref.check(t); v != "" {
					t.Errorf("granted together: %s", v)
				}
				m.mustRelease()
			})
		}
		wg.Wait()
		t.Logf("the slowest of %d waited %d ms", n, slowest.Load())
	}
}

// TestRaceOneClone: different actors of one clone run in parallel and share its
// mirror; processes of one actor take turns.
func TestRaceOneClone(t *testing.T) {
	t.Parallel()
	remote := gittest.NewRemote(t)
	clone := remote.Clone(t, remote.Dir)
	var members []*member
	for i := range 6 {
		members = append(members, join(t, clone, i/2)) // two processes of each
	}
	ref := newReferee(t, remote, members...)
	var wg sync.WaitGroup
	for i, m := range members {
		wg.Go(func() {
			for round := range 4 {
				_, err := m.take(overlapping[(i+round)%3])
				var held *lock.HeldError
				if err != nil && !errors.As(err, &held) {
					t.Error(err)
				}
				if v := ref.check(t); v != "" {
					t.Errorf("granted together: %s", v)
				}
				if i%2 == 0 {
					m.mustRelease()
				}
			}
		})
	}
	wg.Wait()
}
