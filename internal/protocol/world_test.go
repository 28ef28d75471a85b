package protocol

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// conditions are what clients have to cope with, in percent of all requests.
type conditions struct {
	doubled int // arrive once more, much later
	copies  int // how often these do; once when zero
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
type rules struct{ blind, forced, unverified, late, forgetful, together bool }

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
