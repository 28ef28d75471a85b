package glob

import (
	"math"
	"slices"
	"unicode/utf8"
)

// machine is a non-deterministic automaton over runes. A node is a position in
// the pattern. Some moves consume nothing; closure has, for each node, those
// that consume and can be reached without consuming.
//
// Only the node that consuming the last rune led to decides whether a path is
// accepted: doublestar does not look through braces and stars for an empty rest
// in all cases, and its verdict is ours.
type machine struct {
	nodes  []node
	starts []int32
	fold   bool

	edges []int32 // the closures of all nodes, one after the other
	ends  []int32 // of each node: where its closure ends in edges
}

type kind uint8

const (
	kindEnd    kind = iota // consumes nothing
	kindRune               // r → next
	kindOne                // ?: any rune but a slash → next
	kindClass              // […] → next
	kindStar               // *: nothing → next; any rune but a slash → loop
	kindDouble             // **/: nothing → next; a slash → loop, any other rune → rest
	kindWithin             // inside a component that **/ skips: a slash → loop, any other rune → itself
	kindAll                // ** at the end: any rune → next
	kindChoice             // {…}: nothing → each of choices
)

type node struct {
	kind    kind
	accept  bool
	below   int32 // a slash → this node, once the path so far is accepted; 0 for none
	r       rune
	class   *class
	next    int32
	loop    int32
	rest    int32
	choices []int32
}

// finish makes the machine ready to run; below makes everything below an
// accepted path accepted as well.
func (m *machine) finish(below bool) *machine {
	if below {
		all := int32(len(m.nodes))
		m.nodes = append(m.nodes, node{kind: kindAll, accept: true, next: all})
		for i := range m.nodes[:all] {
			if m.nodes[i].accept {
				m.nodes[i].below = all
			}
		}
	}
	m.close(math.MaxInt)
	return m
}

// close computes the closures and returns how many free moves that took; it
// stops above limit.
func (m *machine) close(limit int) (steps int) {
	m.edges, m.ends = make([]int32, 0, len(m.nodes)+8), make([]int32, len(m.nodes))
	seen := make([]int32, len(m.nodes))
	todo := make([]int32, 0, 8)
	for i := range m.nodes {
		round := int32(i + 1)
		todo = append(todo[:0], int32(i))
		seen[i] = round
		for len(todo) > 0 {
			if steps++; steps > limit {
				return steps
			}
			n := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			x := &m.nodes[n]
			if x.kind != kindChoice && x.kind != kindEnd {
				m.edges = append(m.edges, n)
			}
			if (x.kind == kindStar || x.kind == kindDouble) && seen[x.next] != round {
				seen[x.next] = round
				todo = append(todo, x.next)
			}
			for _, f := range x.choices {
				if seen[f] != round {
					seen[f] = round
					todo = append(todo, f)
				}
			}
		}
		m.ends[i] = int32(len(m.edges))
	}
	return steps
}

// closure is the nodes that consume and can be reached from n without consuming.
func (m *machine) closure(n int32) []int32 {
	if n == 0 {
		return m.edges[:m.ends[0]]
	}
	return m.edges[m.ends[n-1]:m.ends[n]]
}

// label is a set of runes that a move consumes.
type label struct {
	what  labelKind
	r     rune
	class *class
}

type labelKind uint8

const (
	oneRune labelKind = iota
	noSlash
	slash
	anyRune
	ofClass
)

// moves calls f for each consuming move from raw, a node that consuming led to.
func (m *machine) moves(raw int32, f func(l label, to int32)) {
	if below := m.nodes[raw].below; below > 0 {
		f(label{what: slash}, below)
	}
	for _, n := range m.closure(raw) {
		switch x := &m.nodes[n]; x.kind {
		case kindRune:
			f(label{what: oneRune, r: x.r}, x.next)
		case kindOne:
			f(label{what: noSlash}, x.next)
		case kindClass:
			f(label{what: ofClass, class: x.class}, x.next)
		case kindStar:
			f(label{what: noSlash}, x.loop)
		case kindDouble:
			f(label{what: slash}, x.loop)
			f(label{what: noSlash}, x.rest)
		case kindWithin:
			f(label{what: slash}, x.loop)
			f(label{what: noSlash}, n)
		case kindAll:
			f(label{what: anyRune}, x.next)
		}
	}
}

// has reports whether the label consumes r, which is folded when the machine is.
func (l label) has(r rune, fold bool) bool {
	switch l.what {
	case oneRune:
		return l.r == r
	case noSlash:
		return r != '/'
	case slash:
		return r == '/'
	case ofClass:
		if fold {
			return cases(r, l.class.has)
		}
		return l.class.has(r)
	}
	return true
}

// match runs the machine over a path, in time linear in its length.
func (m *machine) match(path string) bool { return m.run(path, make([]int32, len(m.nodes))) }

// run is match with a table of a number per node, which it may change and which
// is zero at first. The same one serves for several paths when it is cleared.
func (m *machine) run(path string, mark []int32) bool {
	now, next := slices.Clone(m.starts), make([]int32, 0, len(m.starts))
	for i := 0; i < len(path); {
		r, size := utf8.DecodeRuneInString(path[i:])
		i += size
		next = next[:0]
		for _, n := range now {
			m.moves(n, func(l label, to int32) {
				if mark[to] != int32(i) && l.has(r, m.fold) {
					mark[to] = int32(i)
					next = append(next, to)
				}
			})
		}
		if now, next = next, now; len(now) == 0 {
			return false
		}
	}
	return slices.ContainsFunc(now, func(n int32) bool { return m.nodes[n].accept })
}
