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

// The capabilities that say how much a lock on the remote is worth.
const (
	Atomic = "change several at once"
	Judged = "refuse what is no lock"
)

// Probe tries on two throw-away refs, which hold released records, what locks
// need of the remote. It stops at the first failure that makes the rest
// pointless. The error is for a remote that cannot be reached at all.
func (s *Remote) Probe(ctx context.Context, owner lock.Owner, nonce func() string) (found []Capability, err error) {
	if _, err := s.fetch(ctx); err != nil {
		return nil, err
	}
	p := &probe{s: s, found: []Capability{{Name: "read", Works: true, Needed: true}}}
	first, err := p.records(ctx, owner, nonce, 3)
	if err != nil {
		return p.found, err
	}
	second, err := p.records(ctx, owner, nonce, 1)
	if err != nil {
		return p.found, err
	}
	defer p.clean(ctx)

	a, b, c := first[0], first[1], first[2]
	create := git.RefUpdate{Name: a.Name, New: a.New}
	if !p.try(ctx, "create", true, create) {
		return p.found, p.err
	}
	if !p.shows(ctx, create) {
		return p.found, p.err
	}
	if !p.refuses(ctx, "refuse a stale create", git.RefUpdate{Name: a.Name, New: b.New}) {
		return p.found, p.err
	}
	if !p.try(ctx, "replace", true, git.RefUpdate{Name: a.Name, Old: a.New, New: b.New}) {
		return p.found, p.err
	}
	at := b.New
	if p.try(ctx, Atomic, false, git.RefUpdate{Name: a.Name, Old: b.New, New: c.New}, git.RefUpdate{Name: second[0].Name, New: second[0].New}) {
		at = c.New
	}
	// A record of another resource protects nobody, and is gone with the next push.
	forged := git.RefUpdate{Name: a.Name, Old: at, New: second[0].New}
	p.made = append(p.made, forged)
	if p.err == nil && !p.push(ctx, Capability{Name: Judged}, []git.PushStatus{git.PushRefused}, []git.RefUpdate{forged}) {
		at = forged.New
	}
	if p.err == nil {
		p.try(ctx, "delete", true, git.RefUpdate{Name: a.Name, Old: at})
	}
	return p.found, p.err
}

// probe collects what was found out, until a push could not reach the remote.
type probe struct {
	s     *Remote
	found []Capability
	made  []git.RefUpdate // all records, to be removed
	hides bool            // what was pushed cannot be read
	err   error
}

// records makes n released records for a ref that nobody else has.
func (p *probe) records(ctx context.Context, owner lock.Owner, nonce func() string, n int) (made []git.RefUpdate, err error) {
	r, err := lock.ParseResource("issue:doctor-"+nonce(), "")
	for range n {
		var oid string
		if err == nil {
			oid, err = p.s.Write(ctx, lock.Lock{Owner: owner, Nonce: nonce(), Expires: time.UnixMilli(0), Resource: r})
		}
		made = append(made, git.RefUpdate{Name: refName(r.Key()), New: git.OID(oid)})
	}
	p.made = append(p.made, made...)
	return made, err
}

// try reports whether the remote does as it is asked.
func (p *probe) try(ctx context.Context, name string, needed bool, updates ...git.RefUpdate) bool {
	return p.push(ctx, Capability{Name: name, Needed: needed}, []git.PushStatus{git.PushDone}, updates)
}

// refuses reports whether the remote refuses a change whose old value is wrong.
func (p *probe) refuses(ctx context.Context, name string, u git.RefUpdate) bool {
	return p.push(ctx, Capability{Name: name, Needed: true}, []git.PushStatus{git.PushStale, git.PushFailed}, []git.RefUpdate{u})
}

// shows reports whether a fetch has what was just pushed.
func (p *probe) shows(ctx context.Context, u git.RefUpdate) bool {
	v, err := p.s.fetch(ctx)
	if p.err = err; err != nil {
		return false
	}
	p.hides = v.Version(refKey(Namespace, u.Name)) != string(u.New)
	if p.hides {
		p.found = append(p.found, Capability{Name: "read what was pushed", Needed: true, Detail: "it hides " + Namespace + " from fetches (uploadpack.hideRefs)"})
	}
	return !p.hides
}

func (p *probe) push(ctx context.Context, c Capability, want []git.PushStatus, updates []git.RefUpdate) bool {
	report, err := p.s.remote.Push(ctx, updates)
	c.Works, c.Detail = err == nil, report.Reason
	for _, u := range updates {
		c.Works = c.Works && slices.Contains(want, report.Status[u.Name])
	}
	switch {
	case errors.Is(err, git.ErrNotAtomic):
		c.Detail, err = err.Error(), nil
	case c.Works:
		c.Detail = ""
	case c.Detail == "":
		c.Detail = fmt.Sprintf("unexpected answer %v", report.Status)
	}
	p.found, p.err = append(p.found, c), err
	return c.Works && err == nil
}

// clean deletes whatever of the records still stands.
func (p *probe) clean(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	v, err := p.s.fetch(ctx)
	if err != nil {
		return
	}
	for _, u := range p.made {
		if p.hides || v.Version(refKey(Namespace, u.Name)) == string(u.New) {
			_, _ = p.s.remote.Push(ctx, []git.RefUpdate{{Name: u.Name, Old: u.New}})
		}
	}
}
