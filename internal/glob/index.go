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
	at      map[string]*place
	plain   []member // paths that are compared one by one, until too many were asked about
	scanned int
}

// few is how many paths are compared with each plain one before these are put into
// the map, which takes about as long.
const few = 8

// place is what is known of one path: the patterns that are spelled so, and the globs
// of that directory.
type place struct {
	spelled []entry
	globs   *group
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
	in      []int // paths in the directory, while Covering runs
}

type member struct {
	at int
	p  *Pattern
}

// NewIndex makes an index of patterns; fold compares as CoversFold does.
func NewIndex(ps []*Pattern, fold bool) *Index {
	x := &Index{fold: fold, at: map[string]*place{}}
	for i, p := range ps {
		if !p.glob {
			if x.plain == nil {
				x.plain = make([]member, 0, len(ps)-i)
			}
			x.plain = append(x.plain, member{i, p})
			continue
		}
		base := x.spell(member{i, p})
		dir := base[:metaIndex(base)]
		dir = dir[:max(strings.LastIndexByte(dir, '/'), 0)]
		above := x.place(dir)
		if above.globs == nil {
			above.globs = &group{run: newRunner(fold)}
		}
		above.globs.waiting = append(above.globs.waiting, member{i, p})
	}
	return x
}

// spell enters a pattern where its spelling is looked up, and returns that.
func (x *Index) spell(m member) string {
	base := m.p.base
	if x.fold {
		base = Fold(base)
	}
	here := x.place(base)
	here.spelled = append(here.spelled, entry{m.at, m.p.below})
	return base
}

func (x *Index) place(path string) *place {
	p := x.at[path]
	if p == nil {
		p = &place{}
		x.at[path] = p
	}
	return p
}

// scan compares paths with each plain one, unless there are so many that a map of
// those is worth it, or they would have to be folded.
func (x *Index) scan(paths []string, found [][]int) {
	if x.scanned += len(paths); x.fold || x.scanned > few {
		for _, m := range x.plain {
			x.spell(m)
		}
		x.plain = nil
		return
	}
	for i, path := range paths {
		for _, m := range x.plain {
			if spelled(m.p.base, composed(path), m.p.below) {
				found[i] = append(found[i], m.at)
			}
		}
	}
}

// Covering returns, for each path, the positions in ascending order of the
// patterns that cover it. The error is the context's when that ends first.
func (x *Index) Covering(ctx context.Context, paths []string) ([][]int, error) {
	found := make([][]int, len(paths))
	x.scan(paths, found)
	var within []*group // whose directory has paths in it
	same := make([]string, len(paths))
	for i, path := range paths {
		if same[i] = composed(path); x.fold {
			same[i] = Fold(path)
		}
		path = same[i]
		for end := len(path); ; {
			if p := x.at[path[:end]]; p != nil {
				for _, e := range p.spelled {
					if e.below || end == len(path) {
						found[i] = append(found[i], e.at)
					}
				}
				if g := p.globs; g != nil {
					if len(g.in) == 0 {
						within = append(within, g)
					}
					g.in = append(g.in, i)
				}
			}
			if end == 0 {
				break
			}
			end = max(strings.LastIndexByte(path[:end], '/'), 0)
		}
	}
	var err error
	for _, g := range within {
		if err == nil {
			err = g.match(ctx, same, g.in, found)
		}
		g.in = g.in[:0]
	}
	if err != nil {
		return nil, err
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
