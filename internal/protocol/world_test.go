package protocol

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// conditions are what clients have to cope with, in percent of all requests.
type conditions struct {
	doubled int // arrive once more, much later
	faults  int // are lost, or lose their reply, or arrive late
	crashes int // end their process
	single  bool
	ttl     time.Duration // leases are up to this
	skew    time.Duration // between one clock and the next
	clients int           // 4 when zero
	servers int           // 1 when zero
	rules
}

// rules are what a control takes out.
type rules struct{ blind, forced, unverified, late, forgetful, oneBook bool }

// world is an arbiter that many clients change at once over a bad line, and the
// judge of what they are told.
type world struct {
	conditions
	mu        sync.Mutex
	rng       *rand.Rand
	servers   []map[string]lock.Entry
	nonces    int
	removed   map[string]time.Time // when somebody else took a record away, by nonce
	stood     map[string]time.Time // when a record was last put, or still stood when it went
	longest   map[string]time.Time // deadline that ever stood
	appeared  []appearance
	beliefs   map[belonging]belief
	violation string
	told      map[string]int
}

type appearance struct {
	at, until time.Time
	entry     lock.Entry
	server    int
}

type belonging struct {
	client, server int
	key            string
}

type belief struct {
	lock.Lock
	until, since time.Time
}

func newWorld(c conditions, seed uint64) *world {
	w := &world{conditions: c, rng: rand.New(rand.NewPCG(seed, 1)), removed: map[string]time.Time{}, stood: map[string]time.Time{},
		longest: map[string]time.Time{}, beliefs: map[belonging]belief{}, told: map[string]int{}}
	for range max(c.servers, 1) {
		w.servers = append(w.servers, map[string]lock.Entry{})
	}
	return w
}

func (w *world) random(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

func (w *world) chance(percent int) bool { return w.random(100) < percent }

func (w *world) pause() { time.Sleep(time.Duration(1+w.random(40)) * time.Millisecond) }

func (w *world) nonce() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nonces++
	return fmt.Sprint("n", w.nonces)
}

// fail keeps the first violation. The caller holds the mutex.
func (w *world) fail(format string, args ...any) {
	if w.violation == "" {
		w.violation = fmt.Sprintf(format, args...)
	}
}

// apply makes changes on a server, all or none.
func (w *world) apply(server int, changes []lock.Change, by lock.Owner) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, locks := time.Now(), w.servers[server]
	made := true
	for _, ch := range changes {
		made = made && locks[ch.Key].Version == ch.Version
		if at := locks[ch.Key].Version; at != ch.Old && at != ch.Version && !w.forced {
			return lock.ErrLostRace
		}
	}
	if made {
		return nil
	}
	for _, ch := range changes {
		old, was := locks[ch.Key]
		if was && old.Version == ch.Version {
			continue
		}
		if was {
			w.stood[old.Nonce] = now
			if ch.New == nil || ch.New.Nonce != old.Nonce {
				w.removed[old.Nonce] = now
				live := now.Before(old.Expires) && !old.Released()
				if ch.New == nil && by != old.Owner && live && w.skew == 0 && !w.forced {
					w.fail("%s of %s was deleted by %s while it ran", old.Resource, old.Owner.Short(), by.Short())
				}
			} else if ch.New.Expires.Before(old.Expires) {
				w.fail("the lease on %s was shortened from %v to %v", old.Resource, old.Expires, ch.New.Expires)
			}
			for i := range w.appeared {
				if a := &w.appeared[i]; a.server == server && a.entry.Version == old.Version && a.until.IsZero() {
					a.until = now
				}
			}
		}
		if ch.New == nil {
			delete(locks, ch.Key)
			continue
		}
		e := lock.Entry{Lock: *ch.New, Key: ch.Key, Version: ch.Version}
		locks[ch.Key] = e
		w.stood[e.Nonce] = now
		if e.Expires.After(w.longest[e.Nonce]) {
			w.longest[e.Nonce] = e.Expires
		}
		w.appeared = append(w.appeared, appearance{at: now, entry: e, server: server})
	}
	return nil
}

// holds judges that an actor is told that it holds a lock; began is when its
// command did.
func (w *world) holds(c *client, l lock.Lock, began time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.told["held"]++
	b := belief{Lock: l, until: l.Expires.Add(-c.ahead), since: began}
	at := belonging{c.id, c.server, l.Resource.Key()}
	if e, there := w.servers[c.server][at.key]; !there || e.Nonce != l.Nonce {
		if w.stood[l.Nonce].Before(began) {
			w.fail("%s is told that it holds %s, whose record does not stand", c.Owner.Short(), l.Resource)
		}
	}
	if l.Expires.After(w.longest[l.Nonce]) {
		w.fail("%s is told that it holds %s until %v, and its record never said so", c.Owner.Short(), l.Resource, l.Expires)
	}
	evicted := func(b belief) bool { return w.removed[b.Nonce].After(b.since) }
	for other, o := range w.beliefs {
		if other.client == c.id || other.server != c.server || !now.Before(o.until) || !now.Before(b.until) || evicted(o) || evicted(b) || !o.Resource.Conflicts(l.Resource) {
			continue
		}
		w.fail("%s believes in %s and %s in %s", c.Owner.Short(), l.Resource, o.Owner.Short(), o.Resource)
	}
	w.beliefs[at] = b
}

// lost judges that an actor is told that it has lost a lock.
func (w *world) lost(c *client, l lock.Lost, began time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.beliefs, belonging{c.id, c.server, l.Lock.Resource.Key()})
	if l.Lock.Nonce == "" {
		return
	}
	w.told["lost"]++
	if _, gone := w.removed[l.Lock.Nonce]; gone {
		return
	}
	for _, a := range w.appeared { // somebody was in the way during the command
		if a.server == c.server && a.entry.Owner != c.Owner && !a.entry.Released() && a.entry.Resource.Conflicts(l.Lock.Resource) && (a.until.IsZero() || a.until.After(began)) {
			w.told["yielded"]++
			return
		}
	}
	w.fail("%s is told that it lost %s, whose record stands and has never gone", c.Owner.Short(), l.Lock.Resource)
}

// gives ends what an actor believes of what it gives up.
func (w *world) gives(c *client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.beliefs, func(b belonging, _ belief) bool { return b.client == c.id && b.server == c.server })
}

// errFault is a read that failed for a passing reason.
type errFault struct{}

func (errFault) Error() string   { return "the line is dead" }
func (errFault) Transient() bool { return true }

// crash is what the store panics with when the process ends.
type crash struct{}

// client is a clone with its mirror, what it was granted, and its actor lock.
type client struct {
	*Shared
	w      *world
	id     int
	server int
	ahead  time.Duration
	queue  sync.Mutex
	mirror []*lock.View              // by server
	books  []map[string]lock.Holding // by server
}

func (w *world) client(i int) *client {
	c := &client{w: w, id: i, ahead: time.Duration(i) * w.skew}
	for range w.servers {
		c.mirror, c.books = append(c.mirror, &lock.View{}), append(c.books, map[string]lock.Holding{})
	}
	c.Shared = &Shared{Store: c, Grants: c, Queue: c.take, Actor: Actor{Owner: owner(i), Nonce: w.nonce,
		Now: func() time.Time { return time.Now().Add(c.ahead) }}}
	return c
}

func (c *client) take(context.Context) (func(), error) {
	c.queue.Lock()
	return c.queue.Unlock, nil
}

func (c *client) book() map[string]lock.Holding {
	if c.w.oneBook {
		return c.books[0]
	}
	return c.books[c.server]
}

func (c *client) Held() (map[string]lock.Holding, error) {
	held := maps.Clone(c.book())
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
	c.book()[h.Resource.Key()] = h
	return nil
}

func (c *client) Drop(key string) error {
	delete(c.book(), key)
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
		later(3 * int(c.w.ttl/time.Millisecond))
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
