package lock

import (
	"context"

	"github.com/git-grite/git-grite/internal/glob"
)

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
	return NewIndexOf(locks, fold, func(*Lock) bool { return true })
}

// NewIndexOf makes an index of those locks that are wanted. A lock is large, so
// that none is copied.
func NewIndexOf(locks []Lock, fold bool, wanted func(*Lock) bool) *Index {
	x := &Index{locks: locks}
	patterns := make([]*glob.Pattern, 0, len(locks))
	for i := range locks {
		l := &locks[i]
		if !wanted(l) {
			continue
		}
		switch l.Resource.Namespace() {
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

// Covering returns, for each path, the locks that cover it, in the order they
// were given, those on the whole repository last. The error is the context's when
// that ends first.
func (x *Index) Covering(ctx context.Context, paths []string) ([][]Lock, error) {
	found, err := x.paths.Covering(ctx, paths)
	if err != nil {
		return nil, err
	}
	covering := make([][]Lock, len(paths))
	for i, at := range found {
		for _, j := range at {
			covering[i] = append(covering[i], x.locks[x.at[j]])
		}
		for _, j := range x.whole {
			covering[i] = append(covering[i], x.locks[j])
		}
	}
	return covering, nil
}
