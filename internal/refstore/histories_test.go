package refstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

// unlocked is the queue of a local store with its file lock taken out: the
// control that must fail.
func unlocked(context.Context) (func(), error) { return func() {}, nil }

// openStore opens a store of its own on a repository, as a process would.
func openStore(t testing.TB, r *gittest.Repo) *Local {
	t.Helper()
	repo, err := git.Open(t.Context(), r.Dir, r.Env)
	if err != nil {
		t.Fatal(err)
	}
	return NewLocal(repo, filepath.Join(repo.CommonDir, "grite"), time.Now)
}

// The model is the set of overlapping resources as one register that names its
// holder; every resource of the histories overlaps with every other.
type (
	operation struct {
		acquire bool
		client  int
	}
	outcome struct{ done bool }
)

var model = porcupine.Model{
	Init: func() any { return -1 },
	Step: func(state, in, out any) (bool, any) {
		holder, op, done := state.(int), in.(operation), out.(outcome).done
		switch {
		case op.acquire && done:
			return holder == -1 || holder == op.client, op.client
		case op.acquire:
			return holder != -1 && holder != op.client, holder
		case done:
			return holder == op.client, -1
		}
		return holder != op.client, holder
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v %+v", in, out) },
}

// history lets clients acquire and release overlapping resources at random and
// reports whether what they saw is linearizable.
func history(t *testing.T, r *gittest.Repo, clients, steps int, queue func(*Local) func(context.Context) (func(), error)) porcupine.CheckResult {
	resources := []string{"path:src/", "path:src/a.go", "path:**/*.go", "repo:x"}
	var mu sync.Mutex
	var events []porcupine.Operation
	var wg sync.WaitGroup
	began := time.Now()
	for client := range clients {
		store := openStore(t, r)
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(client), 7))
			m := &protocol.Solo{Store: store, Queue: queue(store), Actor: protocol.Actor{Owner: lock.Owner(fmt.Sprintf("%032x", client+1)), Now: time.Now,
				Nonce: func() string { return fmt.Sprint(random.Uint64()) }}}
			var held []lock.Resource
			for range steps {
				op := operation{acquire: len(held) == 0, client: client}
				call := time.Since(began).Nanoseconds()
				var done bool
				if op.acquire {
					res, err := lock.ParseResource(resources[random.IntN(len(resources))], "")
					if err != nil {
						t.Error(err)
					}
					_, err = m.Acquire(t.Context(), protocol.AcquireRequest{Resources: []lock.Resource{res}, TTL: time.Hour})
					var conflict *lock.HeldError
					if done = err == nil; done {
						held = []lock.Resource{res}
					} else if !errors.As(err, &conflict) {
						t.Error(err)
					}
				} else {
					r, err := m.Release(t.Context(), held, "")
					if err != nil {
						t.Error(err)
					}
					done, held = len(r.Locks) == 1, nil
				}
				mu.Lock()
				events = append(events, porcupine.Operation{ClientId: client, Input: op, Call: call, Output: outcome{done}, Return: time.Since(began).Nanoseconds()})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return porcupine.CheckOperationsTimeout(model, events, 20*time.Second)
}

func TestHistories(t *testing.T) {
	got := history(t, gittest.New(t), 6, 40, func(s *Local) func(context.Context) (func(), error) { return s.Queue })
	if got != porcupine.Ok {
		t.Errorf("the histories are not linearizable: %s", got)
	}
}

// TestHistoriesControl: without the file lock two clients do get overlapping
// locks, or the test above proves nothing.
func TestHistoriesControl(t *testing.T) {
	for range 20 {
		if history(t, gittest.New(t), 6, 40, func(*Local) func(context.Context) (func(), error) { return unlocked }) == porcupine.Illegal {
			return
		}
	}
	t.Error("the checker sees nothing wrong with a store that has no file lock")
}
