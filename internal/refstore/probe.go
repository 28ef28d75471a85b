package refstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// Capability is one thing that locks need of a remote.
type Capability struct {
	Name   string
	Works  bool
	Needed bool   // locks do not work without
	Detail string // why it does not work, in the words of the remote
}

// Probe tries on two throw-away refs, which hold released records, what locks
// need of the remote. It stops at the first failure that makes the rest
// pointless. The error is for a remote that cannot be reached at all.
func (s *Remote) Probe(ctx context.Context, owner lock.Owner, nonce func() string) (found []Capability, err error) {
	if _, err := s.fetch(ctx); err != nil {
		return nil, err
	}
	found = append(found, Capability{Name: "read", Works: true, Needed: true})
	var refs [2]git.RefName
	var oids [4]git.OID
	var r lock.Resource
	for i := range oids {
		if i == 0 || i == len(oids)-1 { // the last one is for the second ref
			if r, err = lock.ParseResource("issue:doctor-"+nonce(), ""); err != nil {
				return nil, err
			}
			refs[min(i, 1)] = refName(r.Key())
		}
		oid, err := s.Write(ctx, lock.Lock{Owner: owner, Nonce: nonce(), Expires: time.UnixMilli(0), Resource: r})
		if err != nil {
			return nil, err
		}
		oids[i] = git.OID(oid)
	}
	defer func() { // whatever is left, in whatever state
		clean := context.WithoutCancel(ctx)
		for _, ref := range refs {
			for _, oid := range oids {
				if ctx.Err() == nil && !s.gone(clean, ref) {
					_, _ = s.remote.Push(clean, []git.RefUpdate{{Name: ref, Old: oid}})
				}
			}
		}
	}()
	try := func(name string, needed bool, want git.PushStatus, updates ...git.RefUpdate) (bool, error) {
		report, err := s.remote.Push(ctx, updates)
		c := Capability{Name: name, Needed: needed, Works: err == nil, Detail: report.Reason}
		for _, u := range updates {
			got := report.Status[u.Name]
			c.Works = c.Works && (got == want || want == git.PushStale && got == git.PushFailed)
		}
		switch {
		case errors.Is(err, git.ErrNotAtomic):
			c.Detail, err = err.Error(), nil
		case c.Works:
			c.Detail = ""
		case c.Detail == "":
			c.Detail = fmt.Sprintf("unexpected answer %v", report.Status)
		}
		found = append(found, c)
		return c.Works, err
	}
	steps := []struct {
		name    string
		needed  bool
		want    git.PushStatus
		updates []git.RefUpdate
	}{
		{"create", true, git.PushDone, []git.RefUpdate{{Name: refs[0], New: oids[0]}}},
		{"refuse a stale create", true, git.PushStale, []git.RefUpdate{{Name: refs[0], New: oids[1]}}},
		{"replace", true, git.PushDone, []git.RefUpdate{{Name: refs[0], Old: oids[0], New: oids[1]}}},
		{"several at once", false, git.PushDone, []git.RefUpdate{{Name: refs[0], Old: oids[1], New: oids[2]}, {Name: refs[1], New: oids[3]}}},
		{"delete", true, git.PushDone, nil},
	}
	for _, step := range steps {
		if step.name == "delete" {
			at := oids[2]
			if i := slices.IndexFunc(found, func(c Capability) bool { return c.Name == "several at once" }); !found[i].Works {
				at = oids[1]
			}
			step.updates = []git.RefUpdate{{Name: refs[0], Old: at}}
		}
		works, err := try(step.name, step.needed, step.want, step.updates...)
		if err != nil || !works && step.needed {
			return found, err
		}
	}
	return found, nil
}

// gone tells whether the remote surely has no such ref.
func (s *Remote) gone(ctx context.Context, ref git.RefName) bool {
	t, err := s.fetch(ctx)
	return err == nil && t.Version(refKey(Namespace, ref)) == ""
}
