package refstore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

// member is an actor in a clone, as a process of its own would be.
type member struct {
	*protocol.Shared
	t      testing.TB
	store  *Remote
	grants *Grants
	clone  *gittest.Repo
	clock  string // the file that a judging server reads its clock from, "" for none
}

func owner(i int) lock.Owner { return lock.Owner(fmt.Sprintf("%032x", i+1)) }

// join opens the stores of a clone's origin for the ith actor.
func join(t testing.TB, clone *gittest.Repo, i int) *member {
	t.Helper()
	return joinRemote(t, clone, i, "origin")
}

func joinRemote(t testing.TB, clone *gittest.Repo, i int, name string) *member {
	t.Helper()
	repo, err := git.Open(t.Context(), clone.Dir, clone.Env)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(repo.CommonDir, "grite")
	store, err := OpenRemote(t.Context(), repo, name, false, NewLocal(repo, dir, time.Now))
	if err != nil {
		t.Fatal(err)
	}
	grants := NewGrants(dir, owner(i), store.Arbiter())
	return &member{t: t, store: store, grants: grants, clone: clone, Shared: &protocol.Shared{
		Store: store, Queue: grants.Queue, Grants: grants,
		Actor: protocol.Actor{Owner: owner(i), Label: fmt.Sprint("member-", i), Now: time.Now, Nonce: rand.Text},
	}}
}

// ahead moves the clock of a member.
func (m *member) ahead(d time.Duration) {
	m.Now = func() time.Time { return time.Now().Add(d) }
	if m.clock != "" {
		if err := os.WriteFile(m.clock, []byte(d.String()), 0o666); err != nil {
			m.t.Fatal(err)
		}
	}
	m.store.now, m.store.mirror.now = m.Now, m.Now
}

func parse(t testing.TB, names ...string) []lock.Resource {
	t.Helper()
	var resources []lock.Resource
	for _, name := range names {
		r, err := lock.ParseResource(name, "")
		if err != nil {
			t.Fatal(err)
		}
		resources = append(resources, r)
	}
	return resources
}

// take acquires for an hour.
func (m *member) take(names ...string) ([]lock.Grant, error) {
	got, err := m.Acquire(m.t.Context(), protocol.AcquireRequest{Resources: parse(m.t, names...), TTL: time.Hour})
	return got.Grants, err
}

func (m *member) mustTake(names ...string) []lock.Grant {
	m.t.Helper()
	grants, err := m.take(names...)
	if err != nil {
		m.t.Fatalf("%s: %v", names, err)
	}
	return grants
}

// mustMeet wants a conflict with a lock of somebody.
func (m *member) mustMeet(other *member, names ...string) {
	m.t.Helper()
	_, err := m.take(names...)
	var held *lock.HeldError
	if !errors.As(err, &held) || held.Conflicts[0].Owner != other.Owner {
		m.t.Fatalf("%s: wanted a conflict with %s, got %v", names, other.Owner.Short(), err)
	}
}

func (m *member) mustRelease(names ...string) {
	m.t.Helper()
	if _, err := m.Release(m.t.Context(), parse(m.t, names...), ""); err != nil {
		m.t.Fatalf("release %s: %v", names, err)
	}
}

// renew extends and makes an error of the first lock that is lost.
func (m *member) renew(ttl time.Duration, names ...string) ([]lock.Lock, error) {
	r, err := m.Renew(m.t.Context(), parse(m.t, names...), ttl, "")
	if err == nil && len(r.Lost) > 0 {
		err = r.Lost[0].Err()
	}
	return r.Locks, err
}

// granted are the grants of a member as another process would read them.
func (m *member) granted() (map[string]lock.Holding, error) {
	return (&Grants{dir: m.grants.dir, arbiter: m.grants.arbiter}).Held()
}

// referee knows the remote and all members, and looks for what must never be.
type referee struct {
	mu      sync.Mutex
	remote  *git.Repo
	members []*member
	grants  int
}

func newReferee(t testing.TB, remote *gittest.Repo, members ...*member) *referee {
	t.Helper()
	repo, err := git.Open(t.Context(), remote.Dir, remote.Env)
	if err != nil {
		t.Fatal(err)
	}
	return &referee{remote: repo, members: members}
}

// check looks for two granted locks of different owners that overlap and whose
// records stand on the remote, expired or not. It is called at every grant.
func (r *referee) check(t testing.TB) (violation string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.grants++
	// Grants first: what is in one by now stood when it was granted, and may be
	// gone since, but cannot have come since.
	held := map[*member]map[string]lock.Holding{}
	for _, m := range r.members {
		h, err := m.granted()
		if err != nil {
			t.Error(err)
		}
		held[m] = h
	}
	refs, err := r.remote.Refs(t.Context(), Namespace)
	if err != nil {
		t.Error(err)
	}
	at := map[string]string{}
	for _, ref := range refs {
		at[refKey(Namespace, ref.Name)] = string(ref.OID)
	}
	var granted []lock.Holding
	for _, holdings := range held {
		for key, h := range holdings {
			if h.Stands(at[key]) {
				granted = append(granted, h)
			}
		}
	}
	for i, a := range granted {
		for _, b := range granted[:i] {
			if a.Owner != b.Owner && a.Resource.Conflicts(b.Resource) {
				return fmt.Sprintf("%s of %s and %s of %s", a.Resource, a.Owner, b.Resource, b.Owner)
			}
		}
	}
	return ""
}
