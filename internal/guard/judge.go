package guard

import (
	"slices"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// Question is what is to be judged.
type Question struct {
	Policy   Policy
	Owner    lock.Owner // who commits or pushes; "" for somebody without an identity
	As       []string   // labels whose locks count as own, and those of their work trees
	Paths    []string   // from the top of the repository
	Locks    []lock.Lock
	Lockable []lock.Resource // patterns of paths that must be held to be changed
	Fold     bool            // paths differ by case only in name: core.ignorecase
	Now      time.Time
}

// Collision is a path that a lock of somebody else covers.
type Collision struct {
	Path string
	Lock lock.Lock // the first that covers it
}

// Verdict is what a question comes to.
type Verdict struct {
	Policy     Policy
	Collisions []Collision // in the order of the paths
	Unheld     []string    // lockable paths that the actor does not hold
}

// Clear tells whether there is nothing to say.
func (v Verdict) Clear() bool { return len(v.Collisions) == 0 && len(v.Unheld) == 0 }

// Blocked tells whether the commit or push has to stop.
func (v Verdict) Blocked() bool { return v.Policy == Require && !v.Clear() }

// own tells whether a lock belongs to the one who is judged.
func (q Question) own(l lock.Lock) bool {
	if q.Owner != "" && l.Owner == q.Owner {
		return true
	}
	return slices.ContainsFunc(q.As, func(label string) bool {
		return label != "" && (l.Label == label || strings.HasPrefix(l.Label, label+"/"))
	})
}

// Foreign returns the live locks of others that can cover a path at all. Without
// any, and without lockable patterns, paths need not even be listed.
func (q Question) Foreign() []lock.Lock {
	var foreign []lock.Lock
	for _, l := range q.Locks {
		if l.Resource.Namespace() != lock.Issue && l.Live(q.Now) && !q.own(l) {
			foreign = append(foreign, l)
		}
	}
	return foreign
}

// Judge finds the paths that locks of others cover, and those that would have
// to be held. Own, expired and damaged locks and those on issues never collide.
func Judge(q Question) Verdict {
	v := Verdict{Policy: q.Policy}
	if q.Policy == Off {
		return v
	}
	if foreign := q.Foreign(); len(foreign) > 0 {
		index := lock.NewIndex(foreign, q.Fold)
		for _, path := range q.Paths {
			if covering := index.Covering(path); len(covering) > 0 {
				v.Collisions = append(v.Collisions, Collision{Path: path, Lock: covering[0]})
			}
		}
	}
	if len(q.Lockable) > 0 {
		v.Unheld = q.unheld(v.Collisions)
	}
	return v
}

// unheld returns the lockable paths that no own lock covers and that are not
// among the collisions already.
func (q Question) unheld(collisions []Collision) []string {
	collides := make(map[string]bool, len(collisions))
	for _, c := range collisions {
		collides[c.Path] = true
	}
	var lockable, own []lock.Lock
	for _, r := range q.Lockable {
		lockable = append(lockable, lock.Lock{Resource: r})
	}
	for _, l := range q.Locks {
		if l.Live(q.Now) && q.own(l) {
			own = append(own, l)
		}
	}
	must, held := lock.NewIndex(lockable, q.Fold), lock.NewIndex(own, q.Fold)
	var unheld []string
	for _, path := range q.Paths {
		if !collides[path] && len(must.Covering(path)) > 0 && len(held.Covering(path)) == 0 {
			unheld = append(unheld, path)
		}
	}
	return unheld
}

// ParseLockable reads the patterns of the lockable setting. Like in
// .gitattributes, a pattern without a slash means files of that name in every
// directory.
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
