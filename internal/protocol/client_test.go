package protocol

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// errFault is a read that failed for a passing reason.
type errFault struct{}

func (errFault) Error() string   { return "the line is dead" }
func (errFault) Transient() bool { return true }

// crash is what the store panics with when the process ends.
type crash struct{}

// client is a clone with its mirror, what it was granted, and its actor lock.
type client struct {
	*Shared
	w       *world
	id      int
	server  int
	ahead   time.Duration
	queue   sync.Mutex
	mirror  []*lock.View              // by server
	granted []map[string]lock.Holding // by server
}

func (w *world) client(i int) *client {
	c := &client{w: w, id: i, ahead: time.Duration(i) * w.skew}
	for range w.servers {
		c.mirror, c.granted = append(c.mirror, &lock.View{}), append(c.granted, map[string]lock.Holding{})
	}
	c.Shared = &Shared{Store: c, Grants: c, Queue: c.take, Actor: Actor{Owner: owner(i), Nonce: w.nonce,
		Now: func() time.Time { return time.Now().Add(c.ahead) }}}
	return c
}

func (c *client) take(context.Context) (func(), error) {
	c.queue.Lock()
	return c.queue.Unlock, nil
}

func (c *client) grants() map[string]lock.Holding {
	if c.w.together {
		return c.granted[0]
	}
	return c.granted[c.server]
}

func (c *client) Held() (map[string]lock.Holding, error) {
	held := maps.Clone(c.grants())
	for key, h := range held {
		h.Verify = h.Verify && !c.w.unverified
		if c.w.late && !h.Live(c.Now()) { // renewed late, without a look
			h.Lock.Expires = c.Now().Add(time.Millisecond)
		}
		if c.w.forgetful {
			h.Pending = nil
		}
		held[key] = h
	}
	return held, nil
}

func (c *client) Put(h lock.Holding) error {
	c.grants()[h.Resource.Key()] = h
	return nil
}

func (c *client) Drop(key string) error {
	delete(c.grants(), key)
	return nil
}

func (c *client) mayCrash() {
	if c.w.chance(c.w.crashes) {
		panic(crash{})
	}
}

func (c *client) Load(_ context.Context, fresh bool) (*lock.View, error) {
	if !fresh {
		return c.mirror[c.server], nil
	}
	c.mayCrash()
	c.w.pause()
	if c.w.chance(c.w.faults / 3) {
		return nil, errFault{}
	}
	v := &lock.View{Asked: c.Now()}
	c.w.mu.Lock()
	for _, e := range c.w.servers[c.server] {
		if !c.w.blind || e.Owner == c.Owner {
			v.Entries = append(v.Entries, e)
		}
	}
	c.w.mu.Unlock()
	slices.SortFunc(v.Entries, func(a, b lock.Entry) int { return strings.Compare(a.Key, b.Key) })
	c.mirror[c.server] = v
	c.w.pause()
	return v, nil
}

func (c *client) Write(_ context.Context, l lock.Lock) (string, error) {
	return fmt.Sprint(l.Nonce, " ", l.Resource, " ", l.Acquired.UnixMilli(), " ", l.Expires.UnixMilli(), " ", l.TTL), nil
}

func (c *client) Swap(_ context.Context, changes []lock.Change) error {
	if len(changes) > 1 && c.w.single {
		return lock.ErrNotAtomic
	}
	changes, server := slices.Clone(changes), c.server
	later := func(most int) {
		d := time.Duration(c.w.random(most)) * time.Millisecond
		go func() {
			time.Sleep(d)
			_ = c.w.apply(server, changes, c.Owner)
		}()
	}
	c.mayCrash()
	c.w.pause()
	if c.w.chance(c.w.doubled) {
		for range max(1, c.w.copies) {
			later(3 * int(c.w.ttl/time.Millisecond))
		}
	}
	unknown := fmt.Errorf("%w: %w", lock.ErrUnknown, errFault{})
	if c.w.chance(c.w.faults) {
		switch c.w.random(3) {
		case 0: // it never arrives
		case 1:
			later(5000)
		case 2:
			_ = c.w.apply(server, changes, c.Owner)
		}
		c.w.pause()
		return unknown
	}
	err := c.w.apply(server, changes, c.Owner)
	c.mayCrash()
	c.w.pause()
	return err
}

// unexpected reports whether a command may not end so.
func unexpected(err error) bool {
	var held *lock.HeldError
	var none *lock.NotHeldError
	var nonce *lock.NonceError
	var short *ShortLeaseError
	var fault errFault
	var contended *ContendedError
	return err != nil && !errors.As(err, &held) && !errors.As(err, &none) && !errors.As(err, &nonce) && !errors.As(err, &short) &&
		!errors.As(err, &fault) && !errors.As(err, &contended) && !errors.Is(err, lock.ErrLostRace)
}
