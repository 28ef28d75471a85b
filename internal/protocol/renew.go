package protocol

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// renewal is the renewal of some locks of one owner.
type renewal struct {
	s       *Shared
	ttl     time.Duration
	reason  string    // that the locks get, "" to keep theirs
	now     time.Time // when it began: the leases count from here
	held    map[string]lock.Holding
	pending map[string]lock.Change // sent, by key
	verify  map[string]bool        // which have to be verified
	out     Renewed
}

// Renew extends the owner's locks on the given resources to ttl from now, each
// by itself, all that it holds when none are named, and replaces their reason
// unless that is "". It returns *lock.NotHeldError
// when there are none at all. Without contention that is one push: taking a lock
// replaces or deletes its record, so that the push fails when somebody did. The
// first renewal after an acquire, and one that is sent after the deadline, are
// verified, because a late copy of an earlier request may have put the record
// back. Until a renewal is confirmed the old deadline holds.
func (s *Shared) Renew(ctx context.Context, resources []lock.Resource, ttl time.Duration, reason string) (Renewed, error) {
	end, err := s.Queue(ctx)
	if err != nil {
		return Renewed{}, err
	}
	defer end()
	held, missing, err := s.holdings(lock.Distinct(resources))
	if err != nil {
		return Renewed{}, err
	}
	if len(held)+len(missing) == 0 {
		return Renewed{}, &lock.NotHeldError{}
	}
	r, err := s.renew(ctx, held, missing, ttl, reason)
	if err == nil {
		for _, key := range r.keys() {
			r.out.Locks = append(r.out.Locks, r.held[key].Lock)
		}
	}
	return r.out, err
}

// renew renews holdings and verifies those that need it; what was lost leaves
// held. missing are resources that are wanted too and not held.
func (s *Shared) renew(ctx context.Context, held map[string]lock.Holding, missing []lock.Resource, ttl time.Duration, reason string) (*renewal, error) {
	r := &renewal{s: s, ttl: ttl, reason: reason, now: s.now(), held: held, pending: map[string]lock.Change{}, verify: map[string]bool{}}
	look := len(missing) > 0
	for _, h := range held {
		look = look || len(h.Pending) > 0
	}
	err := r.send(ctx, look)
	if r.out.View != nil {
		for _, m := range missing {
			r.out.Lost = append(r.out.Lost, r.out.View.Gone(s.Owner, lock.Lock{Resource: m}, s.now()))
		}
	}
	for late := false; err == nil; late = true {
		err = r.check(ctx)
		if short := (*ShortLeaseError)(nil); late || !errors.As(err, &short) {
			break
		}
		// Perhaps this process was stopped, or the clock has jumped.
		r.now, r.pending = s.now(), map[string]lock.Change{}
		err = r.send(ctx, true)
	}
	return r, err
}

// send pushes renewals until they are made, and settles what stands before each
// further try.
func (r *renewal) send(ctx context.Context, look bool) error {
	for n := (tries{}); ; {
		if look {
			v, err := r.s.Store.Load(ctx, true)
			if err != nil {
				return err
			}
			v, lost, err := r.s.settle(ctx, v, r.held)
			r.out.View, r.out.Lost = v, append(r.out.Lost, lost...)
			if err != nil {
				return err
			}
		}
		changes := r.changes()
		if len(changes) < len(r.held) && !look {
			look = true // nothing is sent for some: whether they still stand has to be read
			continue
		}
		look = true
		if len(changes) == 0 {
			return nil
		}
		err := r.swap(ctx, changes)
		if err == nil {
			return nil
		}
		if err := n.again(ctx, err); err != nil {
			return err
		}
	}
}

// changes are the renewals to be sent. A repeat is the same request.
func (r *renewal) changes() (changes []lock.Change) {
	for _, key := range r.keys() {
		h := r.held[key]
		r.verify[key] = r.verify[key] || h.Verify
		longer, version := h.Extend(r.now, r.ttl)
		reworded := r.reason != "" && r.reason != h.Reason
		if reworded {
			longer.Reason, version = r.reason, "" // another record than any that was sent before
		}
		if longer.Expires.Equal(h.Expires) && !reworded {
			delete(r.pending, key)
			continue
		}
		changes = append(changes, lock.Change{Key: key, Old: h.Version, New: &longer, Version: version})
	}
	return changes
}

func (r *renewal) swap(ctx context.Context, changes []lock.Change) error {
	if err := write(ctx, r.s.Store, changes); err != nil {
		return err
	}
	for _, c := range changes {
		h, err := r.s.sending(r.held[c.Key], c)
		if err != nil {
			return err
		}
		r.held[c.Key] = h
		r.verify[c.Key] = r.verify[c.Key] || h.Verify
	}
	if err := swap(ctx, r.s.Store, changes); err != nil {
		return err
	}
	for _, c := range changes {
		h := lock.Holding{Lock: *c.New, Version: c.Version}
		if r.verify[c.Key] {
			r.pending[c.Key] = c
			continue // not before it is verified
		}
		r.held[c.Key] = h
		if err := r.s.Grants.Put(h); err != nil {
			return err
		}
	}
	return nil
}

// check verifies the renewals that need it, and what an earlier command that was
// stopped left to be verified.
func (r *renewal) check(ctx context.Context) error {
	a := &attempt{s: r.s, held: r.held, sent: r.now}
	for _, key := range r.keys() {
		h := r.held[key]
		if !r.verify[key] {
			continue
		}
		change, sent := r.pending[key]
		if !sent {
			l := h.Lock
			change = lock.Change{Key: key, New: &l, Version: h.Version}
		}
		a.claims = append(a.claims, &claim{
			q:       lock.Request{Owner: r.s.Owner, Resources: []lock.Resource{h.Resource}, TTL: r.ttl, Skew: r.s.Skew, Nonce: h.Nonce, Ticket: h.Ticket},
			changes: []lock.Change{change}, stands: map[string][]string{key: {change.Version}}, renews: true,
		})
	}
	if len(a.claims) == 0 {
		return nil
	}
	err := a.verify(ctx)
	if a.view != nil {
		r.out.View = a.view
	}
	r.out.Lost = append(r.out.Lost, a.lost...)
	for _, c := range a.claims {
		if short := (*ShortLeaseError)(nil); err == nil && errors.As(c.err, &short) {
			err = short
		}
	}
	return err
}

func (r *renewal) keys() []string {
	keys := make([]string, 0, len(r.held))
	for key := range r.held {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return strings.Compare(r.held[a].Resource.String(), r.held[b].Resource.String())
	})
	return keys
}

// holdings picks the wanted locks out of the grants, all of them when none are
// named. missing are the resources that are not among them.
func (s *Shared) holdings(wanted []lock.Resource) (held map[string]lock.Holding, missing []lock.Resource, err error) {
	all, err := s.Grants.Held()
	if err != nil {
		return nil, nil, err
	}
	held = map[string]lock.Holding{}
	found := map[string]bool{}
	for key, h := range all {
		if len(wanted) == 0 {
			held[key] = h
		}
		for _, r := range wanted {
			if h.Resource.SameAs(r) {
				held[key], found[r.String()] = h, true
			}
		}
	}
	for _, r := range wanted {
		if !found[r.String()] {
			missing = append(missing, r)
		}
	}
	return held, missing, nil
}
