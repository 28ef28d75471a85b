//go:build unix

package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// belief is what an actor was told: that it holds a resource, from when the
// command that said so ended until the lease does, or the actor itself does
// something about it.
type belief struct {
	Owner, Resource, Nonce string
	from, until            time.Time
	sure                   time.Time // when a command began that told of the loss, and may have deleted the record itself
	ended                  string    // by what, when it was not the end of the lease
}

// lost is an answer that an actor no longer holds a resource, given by a command
// that ran from began to ended.
type lost struct {
	belief
	began, ended time.Time
	words        string
}

// version is what stood at the ref of a resource on the arbiter, from the moment
// at which the ref was locked for it until its successor had come.
type version struct {
	Owner, Nonce string
	from, until  time.Time
	expires      time.Time
}

// beliefs is what all actors of a world were told.
type beliefs struct {
	mu     sync.Mutex
	held   map[[2]string]*belief // by owner and resource
	all    []*belief
	losses []lost
	breaks map[string]time.Time // by nonce, when somebody first set out to break it
}

func newBeliefs() *beliefs {
	return &beliefs{held: map[[2]string]*belief{}, breaks: map[string]time.Time{}}
}

// told notes that a command that has ended now said that owner holds a resource
// until expires.
func (b *beliefs) told(owner, resource, nonce string, expires time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	key := [2]string{owner, resource}
	if h := b.held[key]; h != nil && h.Nonce == nonce && now.Before(h.until) {
		h.until = latest(h.until, expires)
		return
	}
	h := &belief{Owner: owner, Resource: resource, Nonce: nonce, from: now, until: expires}
	b.held[key] = h
	b.all = append(b.all, h)
}

// gaveUp notes that owner is about to release a resource, or all where that is
// "": whatever comes of it, it no longer relies on it.
func (b *beliefs) gaveUp(owner, resource string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.held {
		if key[0] == owner && (resource == "" || key[1] == resource) {
			b.end(key, time.Now(), "given up")
		}
	}
}

func (b *beliefs) end(key [2]string, at time.Time, why string) {
	h := b.held[key]
	delete(b.held, key)
	if h != nil && at.Before(h.until) {
		h.until, h.ended = at, why
	}
}

// toldLost notes that a command said that a resource is not held any more.
func (b *beliefs) toldLost(owner, resource string, began time.Time, words string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if h := b.held[[2]string{owner, resource}]; h != nil && now.Before(h.until) {
		b.losses = append(b.losses, lost{*h, began, now, words})
	}
	if h := b.held[[2]string{owner, resource}]; h != nil {
		h.sure = began
	}
	b.end([2]string{owner, resource}, now, fmt.Sprintf("told %q", words))
}

// breaking notes that somebody sets out to break a lock.
func (b *beliefs) breaking(nonce string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.breaks[nonce]; !known {
		b.breaks[nonce] = time.Now()
	}
}

// owned are the resources that an owner believes to hold.
func (b *beliefs) owned(owner string) (resources []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range maps.Keys(b.held) {
		if key[0] == owner {
			resources = append(resources, key[1])
		}
	}
	slices.Sort(resources)
	return resources
}

// violations compares what was believed with itself and with what stood on the
// arbiter at the refs of the resources.
func (b *beliefs) violations(conflict func(a, b string) bool, history map[string][]version) (found []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.all {
		if at, broken := b.breaks[h.Nonce]; broken && at.Before(h.until) {
			h.until, h.ended = at, "to be broken"
		}
	}
	slices.SortFunc(b.all, func(x, y *belief) int { return cmp.Compare(x.from.UnixNano(), y.from.UnixNano()) })
	for i, x := range b.all {
		for _, y := range b.all[i+1:] {
			if !y.from.Before(x.until) {
				break
			}
			if x.Owner != y.Owner && y.from.Before(y.until) && conflict(x.Resource, y.Resource) {
				found = append(found, fmt.Sprintf("two holders: %s and %s", x, y))
			}
		}
		if gone, since := vanished(x, history[x.Resource]); gone {
			found = append(found, fmt.Sprintf("told that it holds: %s, and since %s nothing of it stood there:%s", x, since.Format("05.000"), during(x, history[x.Resource])))
		}
	}
	for _, l := range b.losses {
		if _, broken := b.breaks[l.Nonce]; broken {
			continue
		}
		if withdrawn(l, history[l.Resource]) && !challenged(l, conflict, history) {
			found = append(found, fmt.Sprintf("told that it lost: %s, which nobody was in the way of: %s", &l.belief, l.words))
		}
		for _, v := range history[l.Resource] {
			if v.is(&l.belief) && v.from.Before(l.began) && (v.until.IsZero() || v.until.After(l.ended)) && v.expires.After(l.ended) {
				found = append(found, fmt.Sprintf("told that it lost: %s, whose record stood: %s", &l.belief, l.words))
			}
		}
	}
	return found
}

// withdrawn reports whether a lock was deleted while the command ran that told of
// its loss, and not replaced.
func withdrawn(l lost, versions []version) bool {
	for i, v := range versions {
		if v.is(&l.belief) && v.until.After(l.began) && v.until.Before(l.ended) && v.expires.After(l.ended) {
			return i+1 == len(versions) || versions[i+1].from.After(v.until)
		}
	}
	return false
}

// challenged reports whether something of somebody else that overlaps with a lost
// lock stood while the command ran that told of the loss.
func challenged(l lost, conflict func(a, b string) bool, history map[string][]version) bool {
	for resource, versions := range history {
		for _, v := range versions {
			if conflict(resource, l.Resource) && v.Owner != l.Owner && v.from.Before(l.ended) && (v.until.IsZero() || v.until.After(l.began)) {
				return true
			}
		}
	}
	return false
}

func (v version) is(h *belief) bool { return v.Owner == h.Owner && v.Nonce == h.Nonce }

// vanished reports whether there was a moment in a belief at which no version of
// its lock stood.
func vanished(h *belief, versions []version) (gone bool, since time.Time) {
	at, until := h.from, h.until
	if !h.sure.IsZero() && h.sure.Before(until) {
		until = h.sure
	}
	for at.Before(until) {
		next := at
		for _, v := range versions {
			if !v.is(h) || v.from.After(at) {
				continue
			}
			if v.until.IsZero() {
				return false, at
			}
			next = latest(next, v.until)
		}
		if next.Equal(at) {
			return true, at
		}
		at = next
	}
	return false, at
}

// during lists the versions that stood at some time of a belief.
func during(h *belief, versions []version) (all string) {
	for _, v := range versions {
		if v.from.Before(h.until) && (v.until.IsZero() || v.until.After(h.from)) {
			all += fmt.Sprintf(" [%.8s of %.8s from %s to %s, expires %s]", v.Nonce, v.Owner, v.from.Format("05.000"), v.until.Format("05.000"), v.expires.Format("05.000"))
		}
	}
	return all
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (h *belief) String() string {
	return fmt.Sprintf("%s of %.8s (%.8s) from %s to %s %s", h.Resource, h.Owner, h.Nonce, h.from.Format("05.000"), h.until.Format("05.000"), h.ended)
}
