package glob

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"
)

// Index answers which of N patterns cover each of M paths in about N + M × depth:
// plain paths are looked up by each of the path's ancestors, and globs are
// gathered by the directory that they all begin with and run as one automaton
// per directory, which is built when a path in it is first asked for. It is not
// safe for concurrent use.
type Index struct {
	fold    bool
	spelled map[string][]entry
	globs   map[string]*group
}

// entry is a pattern's spelling.
type entry struct {
	at    int
	below bool
}

// group is the globs of one directory.
type group struct {
	waiting []member // not looked at yet
	large   []member // too large to be run with the others
	run     *runner
}

type member struct {
	at int
	p  *Pattern
}

// NewIndex makes an index of patterns; fold compares as CoversFold does.
func NewIndex(ps []*Pattern, fold bool) *Index {
	x := &Index{fold: fold, spelled: make(map[string][]entry, len(ps)), globs: map[string]*group{}}
	for i, p := range ps {
		base := p.base
		if fold {
			base = Fold(base)
		}
		x.spelled[base] = append(x.spelled[base], entry{i, p.below})
		if !p.glob {
			continue
		}
		dir := base[:metaIndex(base)]
		dir = dir[:max(strings.LastIndexByte(dir, '/'), 0)]
		g := x.globs[dir]
		if g == nil {
			g = &group{run: newRunner(fold)}
			x.globs[dir] = g
		}
		g.waiting = append(g.waiting, member{i, p})
	}
	return x
}

// Covering returns, for each path, the positions in ascending order of the
// patterns that cover it. The error is the context's when that ends first.
func (x *Index) Covering(ctx context.Context, paths []string) ([][]int, error) {
	found := make([][]int, len(paths))
	within := map[*group][]int{} // paths in the directory of globs
	folded := paths
	if x.fold {
		folded = make([]string, len(paths))
	}
	for i, path := range paths {
		if x.fold {
			path = Fold(path)
			folded[i] = path
		}
		for end := len(path); ; {
			at := path[:end]
			for _, e := range x.spelled[at] {
				if e.below || end == len(path) {
					found[i] = append(found[i], e.at)
				}
			}
			if g := x.globs[at]; g != nil {
				within[g] = append(within[g], i)
			}
			if end == 0 {
				break
			}
			end = max(strings.LastIndexByte(path[:end], '/'), 0)
		}
	}
	for g, in := range within {
		if err := g.match(ctx, folded, in, found); err != nil {
			return nil, err
		}
	}
	for i, f := range found {
		if len(f) > 1 {
			slices.Sort(f)
			found[i] = slices.Compact(f)
		}
	}
	return found, nil
}

// match appends to found[i] the globs that match paths[i], for each i of in.
func (g *group) match(ctx context.Context, paths []string, in []int, found [][]int) error {
	for n, m := range g.waiting {
		if n%64 == 0 && ctx.Err() != nil {
			g.waiting = g.waiting[n:]
			return context.Cause(ctx)
		}
		if !g.run.take(m) {
			g.large = append(g.large, m)
		}
	}
	g.waiting = nil
	for n, i := range in {
		if n%64 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		found[i] = g.run.run(paths[i], found[i])
	}
	for _, m := range g.large {
		if err := m.match(ctx, g.run.m.fold, paths, in, found); err != nil {
			return err
		}
	}
	return nil
}

// match is group.match for one large pattern, whose machine is built only when a
// path could match, and dropped.
func (m member) match(ctx context.Context, fold bool, paths []string, in []int, found [][]int) error {
	text := m.p.base
	if fold {
		text = Fold(text)
	}
	prefix, least := literalPrefix(text), parse(collapse(text)).shortest()
	var run *machine
	var mark []int32
	for n, i := range in {
		if n%64 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !strings.HasPrefix(paths[i], prefix) || utf8.RuneCountInString(paths[i]) < least {
			continue
		}
		if run == nil {
			run = m.p.machine(fold)
			mark = make([]int32, len(run.nodes))
		}
		clear(mark)
		if run.run(paths[i], mark) {
			found[i] = append(found[i], m.at)
		}
	}
	return nil
}
