package guard

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// Question is what is to be judged.
type Question struct {
	Policy   Policy
	Owner    lock.Owner // who commits or pushes; "" for somebody without an identity
	As       []string   // labels whose locks, and those of their work trees, count as the owner's
	Paths    []string   // from the top of the repository
	Below    bool       // each path stands for all that is below it, too
	Locks    []lock.Lock
	Lockable []lock.Resource // patterns of paths that must be held to be changed
	Fold     bool            // paths that differ by case only are the same: core.ignorecase
	Now      time.Time

	// Held reports whether a lock recorded in Owner's name was granted to it.
	// Anybody who may push can write such a record; only one that was granted
	// satisfies Lockable. Nil stands for all of them.
	Held func(lock.Lock) bool
}

// Collision is a path that another owner's lock covers.
type Collision struct {
	Path string
	Lock lock.Lock // the first that covers it
}

// Verdict is the answer to a question.
type Verdict struct {
	Policy     Policy
	Collisions []Collision // in the order of the paths
	Unheld     []string    // lockable paths that the owner does not hold
}

// Paths are all paths that the verdict names.
func (v Verdict) Paths() []string {
	paths := slices.Clone(v.Unheld)
	for _, c := range v.Collisions {
		paths = append(paths, c.Path)
	}
	return paths
}

// Clear reports whether there is nothing to say.
func (v Verdict) Clear() bool { return len(v.Collisions) == 0 && len(v.Unheld) == 0 }

// Blocked reports whether the commit or push has to stop.
func (v Verdict) Blocked() bool { return v.Policy == Require && !v.Clear() }

// own reports whether a lock is recorded in the name of the one who is judged.
func (q *Question) own(l *lock.Lock) bool {
	if q.Owner != "" && l.Owner == q.Owner {
		return true
	}
	return slices.ContainsFunc(q.As, func(label string) bool {
		return label != "" && (l.Label == label || strings.HasPrefix(l.Label, label+"/"))
	})
}

// holds reports whether a lock satisfies Lockable.
func (q *Question) holds(l *lock.Lock) bool {
	if !l.Live(q.Now) || !q.own(l) {
		return false
	}
	return l.Owner != q.Owner || q.Held == nil || q.Held(*l)
}

// foreign reports whether a lock is a live one of somebody else that can cover a
// path at all.
func (q *Question) foreign(l *lock.Lock) bool {
	return l.Resource.Namespace() != lock.Issue && l.Live(q.Now) && !q.own(l)
}

// Foreign reports whether there are live locks of others that can cover a path at
// all. Without any, and without lockable patterns, paths need not even be listed.
func (q *Question) Foreign() bool {
	for i := range q.Locks {
		if q.foreign(&q.Locks[i]) {
			return true
		}
	}
	return false
}

// Judge finds the paths that locks of others cover, and those that would have
// to be held. Expired locks, those recorded in the owner's name and those on
// issues never collide. The error is the context's; the verdict then has what was
// found before, which is nothing or all collisions.
func Judge(ctx context.Context, q Question) (Verdict, error) {
	v := Verdict{Policy: q.Policy}
	if q.Policy == Off {
		return v, nil
	}
	collides := make(map[string]bool)
	if q.Foreign() {
		covering, err := lock.NewIndexOf(q.Locks, q.Fold, q.foreign).Covering(ctx, q.Paths)
		if err != nil {
			return v, err
		}
		for i, locks := range covering {
			if q.Below && len(locks) == 0 {
				locks = q.below(q.Paths[i])
			}
			if len(locks) > 0 {
				v.Collisions = append(v.Collisions, Collision{Path: q.Paths[i], Lock: locks[0]})
				collides[q.Paths[i]] = true
			}
		}
	}
	if len(q.Lockable) == 0 {
		return v, nil
	}
	var err error
	v.Unheld, err = q.unheld(ctx, collides)
	return v, err
}

// below returns the locks of others that a path is in the way of as a directory.
func (q *Question) below(path string) (locks []lock.Lock) {
	r, err := lock.ParseLiteral("path:"+path, "")
	if err != nil { // nothing can be locked there
		return nil
	}
	r = r.AsDirectory()
	for i := range q.Locks {
		if l := &q.Locks[i]; q.foreign(l) && l.Resource.Conflicts(r) {
			locks = append(locks, *l)
		}
	}
	return locks
}

// unheld returns the lockable paths that no lock of the owner covers and that do
// not collide already.
func (q *Question) unheld(ctx context.Context, collides map[string]bool) ([]string, error) {
	var lockable []lock.Lock
	for _, r := range q.Lockable {
		lockable = append(lockable, lock.Lock{Resource: r})
	}
	must, err := lock.NewIndex(lockable, q.Fold).Covering(ctx, q.Paths)
	if err != nil {
		return nil, err
	}
	var paths []string
	for i, path := range q.Paths {
		if len(must[i]) > 0 && !collides[path] {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return nil, nil
	}
	held, err := lock.NewIndexOf(q.Locks, q.Fold, q.holds).Covering(ctx, paths)
	if err != nil {
		return nil, err
	}
	var unheld []string
	for i, path := range paths {
		if len(held[i]) == 0 {
			unheld = append(unheld, path)
		}
	}
	return unheld, nil
}

// ParseLockable reads the patterns of the lockable setting. As in .gitattributes,
// a pattern without a slash means files of that name in every directory. The
// error is *lock.ResourceError.
func ParseLockable(patterns []string) ([]lock.Resource, error) {
	var resources []lock.Resource
	for _, p := range patterns {
		if !strings.Contains(strings.TrimSuffix(p, "/"), "/") {
			p = "**/" + p
		}
		r, err := lock.ParseResource("path:"+p, "")
		if err != nil {
			return nil, err
		}
		resources = append(resources, r)
	}
	return resources, nil
}
