package refstore

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

// recorder writes down every swap and every fresh read of every client, ref by
// ref, for porcupine: each ref has to behave like a register with
// compare-and-swap, whose unknown outcomes may happen at any later time.
type recorder struct {
	mu     sync.Mutex
	began  time.Time
	events []porcupine.Operation
	keys   map[string]bool
	nextID int
}

// registerOp is an operation on one ref: a read when it has no change.
type registerOp struct {
	key       string
	read      bool
	old, next string
}

type registerOut struct {
	value         string // of a read
	done, unknown bool   // of a swap
}

var register = porcupine.NondeterministicModel{
	Init: func() []any { return []any{""} },
	Step: func(state, in, out any) []any {
		at, op, o := state.(string), in.(registerOp), out.(registerOut)
		switch {
		case op.read && o.value == at:
			return []any{at}
		case op.read:
			return nil
		case o.unknown && at == op.old:
			return []any{at, op.next}
		case o.unknown:
			return []any{at}
		case o.done && at == op.old:
			return []any{op.next}
		case o.done:
			return nil
		}
		return []any{at} // lost, with which ref is not known
	},
}

func (r *recorder) add(client int, call int64, op registerOp, out registerOut) {
	r.mu.Lock()
	defer r.mu.Unlock()
	end := time.Since(r.began).Nanoseconds()
	if out.unknown {
		end = math.MaxInt64 - int64(len(r.events)) // pending at the end
		client = 1000 + len(r.events)
	}
	if r.keys == nil {
		r.keys = map[string]bool{}
	}
	r.keys[op.key] = true
	r.events = append(r.events, porcupine.Operation{ClientId: client, Input: op, Call: call, Output: out, Return: end})
}

func (r *recorder) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events)
}

// check returns the key of a ref with a history that no register has, or "".
func (r *recorder) check() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	model := register.ToModel()
	for key := range r.keys {
		var own []porcupine.Operation
		for _, e := range r.events {
			if e.Input.(registerOp).key == key {
				own = append(own, e)
			}
		}
		if porcupine.CheckOperationsTimeout(model, own, 20*time.Second) == porcupine.Illegal {
			return key
		}
	}
	return ""
}

// watched is a store whose traffic is recorded.
type watched struct {
	protocol.Store
	r      *recorder
	client int
}

func (r *recorder) watch(s protocol.Store) protocol.Store {
	r.nextID++
	return &watched{s, r, r.nextID}
}

func (w *watched) Load(ctx context.Context, fresh bool) (*lock.View, error) {
	call := time.Since(w.r.began).Nanoseconds()
	t, err := w.Store.Load(ctx, fresh)
	if err == nil && fresh {
		for _, name := range overlapping {
			key := lock.Key(name)
			w.r.add(w.client, call, registerOp{key: key, read: true}, registerOut{value: t.Version(key)})
		}
	}
	return t, err
}

func (w *watched) Swap(ctx context.Context, changes []lock.Change) error {
	call := time.Since(w.r.began).Nanoseconds()
	err := w.Store.Swap(ctx, changes)
	lost := errors.Is(err, lock.ErrLostRace) || errors.Is(err, lock.ErrNotAtomic)
	for _, c := range changes {
		w.r.add(w.client, call, registerOp{key: c.Key, old: c.Old, next: c.Version},
			registerOut{done: err == nil, unknown: err != nil && !lost})
	}
	return err
}
