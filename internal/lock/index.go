package lock

import "github.com/git-grite/git-grite/internal/glob"

// Index answers which of N locks cover each of M paths in about N + M × depth.
// It is not safe for concurrent use.
type Index struct {
	locks []Lock
	paths *glob.Index
	at    []int // position in locks of each pattern of paths
	whole []int // positions of the repo: locks, which cover every path
}

// NewIndex makes an index of the locks; fold as in [Resource.Covers].
func NewIndex(locks []Lock, fold bool) *Index {
	x := &Index{locks: locks}
	var patterns []*glob.Pattern
	for i, l := range locks {
		switch l.Resource.space {
		case Path:
			patterns = append(patterns, l.Resource.pattern)
			x.at = append(x.at, i)
		case Repo:
			x.whole = append(x.whole, i)
		}
	}
	x.paths = glob.NewIndex(patterns, fold)
	return x
}

// Covering returns the locks that cover a path, in the order they were given,
// those on the whole repository last.
func (x *Index) Covering(path string) []Lock {
	var covering []Lock
	for _, i := range x.paths.Covering(path) {
		covering = append(covering, x.locks[x.at[i]])
	}
	for _, i := range x.whole {
		covering = append(covering, x.locks[i])
	}
	return covering
}
