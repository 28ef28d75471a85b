package refstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

// staged is a store in which a test has a say between two steps of a client:
// there it plays what another client does at that moment.
type staged struct {
	protocol.Store
	mu            sync.Mutex
	swaps, reads  int
	swapped, read func(n int)
}

// after calls f after the nth swap that was made from now on: an acquire is
// announced then, and not yet verified.
func (m *member) after(nth int, f func()) *staged {
	s := m.stage()
	s.swapped = func(n int) {
		if n == nth {
			f()
		}
	}
	return s
}

// beforeRead calls f before the nth fresh read from now on.
func (m *member) beforeRead(nth int, f func()) *staged {
	s := m.stage()
	s.read = func(n int) {
		if n == nth {
			f()
		}
	}
	return s
}

func (m *member) stage() *staged {
	s := &staged{Store: m.store}
	m.Store = s
	return s
}

func (s *staged) Load(ctx context.Context, fresh bool) (*lock.View, error) {
	if fresh {
		s.step(&s.reads, s.read)
	}
	return s.Store.Load(ctx, fresh)
}

func (s *staged) Swap(ctx context.Context, changes []lock.Change) error {
	err := s.Store.Swap(ctx, changes)
	s.step(&s.swaps, s.swapped)
	return err
}

func (s *staged) step(count *int, f func(int)) {
	s.mu.Lock()
	*count++
	n := *count
	s.mu.Unlock()
	if f != nil {
		f(n)
	}
}

// network is a remote over HTTP with a member in a clone of its own behind a
// faulty line, alice, and bob, who reaches it directly.
type network struct {
	t          *testing.T
	remote     *gittest.Repo
	alice, bob *member
	line       *gittest.FaultProxy // of alice
	referee    *referee
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{t: t, remote: gittest.NewRemote(t)}
	url, env := transports(t, "http")[0].Serve(t, n.remote.Dir)
	n.line = gittest.Proxy(t, url)
	n.alice = join(t, n.remote.With(env...).Clone(t, n.line.URL), 0)
	n.bob = join(t, n.remote.Clone(t, n.remote.Dir), 1)
	n.referee = newReferee(t, n.remote, n.alice, n.bob)
	return n
}

// check looks for two grants that overlap.
func (n *network) check() {
	n.t.Helper()
	if v := n.referee.check(n.t); v != "" {
		n.t.Errorf("granted together: %s", v)
	}
}

// at is what stands on the remote at the ref of a resource, "" for nothing.
func (n *network) at(resource string) string {
	n.t.Helper()
	return n.remote.Git("for-each-ref", "--format=%(objectname)", gittest.LockRef(resource))
}

// stands wants exactly the locks on these resources on the remote.
func (n *network) stands(resources ...string) {
	n.t.Helper()
	got := n.remote.Git("for-each-ref", "--format=%(refname)", Namespace)
	missing := len(strings.Fields(got)) != len(resources)
	for _, r := range resources {
		missing = missing || !strings.Contains(got, gittest.LockRef(r))
	}
	if missing {
		n.t.Errorf("on the remote are %q, wanted those of %q", got, resources)
	}
}

// plant puts a record on the remote as another program would, with nothing
// before and nothing after.
func (n *network) plant(owner lock.Owner, resource string, ticket time.Time) (version string) {
	n.t.Helper()
	return n.remote.Record(gittest.LockRef(resource), string(Encode(lock.Lock{
		Owner: owner, Nonce: fmt.Sprint("planted-", resource), Resource: parse(n.t, resource)[0],
		Expires: time.Now().Add(9 * time.Hour), Acquired: time.Now(), TTL: 9 * time.Hour, Ticket: ticket,
	})))
}

// mustHold wants the grants of a member to name what stands on the remote.
func (n *network) mustHold(m *member, resource string) {
	n.t.Helper()
	held, err := m.granted()
	if err != nil {
		n.t.Fatal(err)
	}
	h, ok := held[parse(n.t, resource)[0].Key()]
	if at := n.at(resource); !ok || at == "" || h.Version != at {
		n.t.Errorf("%s was granted as %q, and %q stands on the remote", resource, h.Version, at)
	}
}

// mustLose wants a renewal to fail because somebody else has the lock.
func (m *member) mustLose(to *member) {
	m.t.Helper()
	_, err := m.renew(9 * time.Hour)
	var held *lock.HeldError
	if !errors.As(err, &held) || held.Conflicts[0].Owner != to.Owner {
		m.t.Errorf("renewed a lock that %s has: %v", to.Owner.Short(), err)
	}
}
