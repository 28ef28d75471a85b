package glob

import (
	"slices"
	"unicode/utf8"
)

// maxRemembered bounds what a runner remembers, in nodes over all its states;
// beyond it starts again.
const maxRemembered = 1 << 20

// runner runs the machines of many patterns at once and remembers the sets of
// nodes that it has been in, so that a path costs a look-up per letter.
type runner struct {
	m      *machine
	owner  []int32 // of each node: its pattern
	ready  bool
	states []state
	known  map[string]int32
	size   int
	mark   []int
	round  int
}

// state is a set of nodes.
type state struct {
	nodes  []int32
	owners []int      // of the nodes that accept
	ascii  [128]int32 // the state after a letter; 0 for not known, else one more than it
	other  map[rune]int32
}

func newRunner(fold bool) *runner { return &runner{m: &machine{fold: fold}} }

// maxTotal bounds what one runner runs, in states.
const maxTotal = 100_000

// take adds a pattern, unless it is too large.
func (g *runner) take(member member) bool {
	p := member.p
	if len(p.base) > 8*small || len(g.m.nodes) > maxTotal {
		return false
	}
	m := build(p.base, g.m.fold)
	if len(m.nodes) > small {
		return false
	}
	m.finish(p.below)
	shift, before := int32(len(g.m.nodes)), int32(len(g.m.edges))
	for _, x := range m.nodes {
		x.next, x.loop, x.rest = x.next+shift, x.loop+shift, x.rest+shift
		if x.below > 0 {
			x.below += shift
		}
		g.m.nodes = append(g.m.nodes, x)
		g.owner = append(g.owner, int32(member.at))
	}
	for _, e := range m.edges {
		g.m.edges = append(g.m.edges, e+shift)
	}
	for _, e := range m.ends {
		g.m.ends = append(g.m.ends, e+before)
	}
	for _, s := range m.starts {
		g.m.starts = append(g.m.starts, s+shift)
	}
	g.ready = false
	return true
}

// run appends the patterns that accept path to found.
func (g *runner) run(path string, found []int) []int {
	if !g.ready || g.size > maxRemembered {
		g.ready, g.states, g.known, g.size = true, nil, map[string]int32{}, 0
		g.mark = make([]int, len(g.m.nodes))
		g.round = 0
		g.intern(slices.Clone(g.m.starts))
	}
	if len(g.m.starts) == 0 {
		return found
	}
	s := int32(0)
	for i := 0; i < len(path); {
		r, size := rune(path[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(path[i:])
		}
		i += size
		if s = g.step(s, r); len(g.states[s].nodes) == 0 {
			return found
		}
	}
	return append(found, g.states[s].owners...)
}

// step is the state after r.
func (g *runner) step(s int32, r rune) int32 {
	if r < utf8.RuneSelf {
		if t := g.states[s].ascii[r]; t > 0 {
			return t - 1
		}
	} else if t, ok := g.states[s].other[r]; ok {
		return t
	}
	g.round++
	var next []int32
	for _, n := range g.states[s].nodes {
		g.m.moves(n, func(l label, to int32) {
			if g.mark[to] != g.round && l.has(r, g.m.fold) {
				g.mark[to] = g.round
				next = append(next, to)
			}
		})
	}
	t := g.intern(next)
	if r < utf8.RuneSelf {
		g.states[s].ascii[r] = t + 1
	} else {
		if g.states[s].other == nil {
			g.states[s].other = map[rune]int32{}
		}
		g.states[s].other[r] = t
	}
	return t
}

// intern returns the number of a set of nodes.
func (g *runner) intern(nodes []int32) int32 {
	slices.Sort(nodes)
	key := make([]byte, 0, 4*len(nodes))
	for _, n := range nodes {
		key = append(key, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	if s, ok := g.known[string(key)]; ok {
		return s
	}
	st := state{nodes: nodes}
	for _, n := range nodes {
		if g.m.nodes[n].accept {
			st.owners = append(st.owners, int(g.owner[n]))
		}
	}
	g.states = append(g.states, st)
	g.known[string(key)] = int32(len(g.states) - 1)
	g.size += len(nodes) + 64
	return int32(len(g.states) - 1)
}
