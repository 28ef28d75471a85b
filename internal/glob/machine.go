package glob

import (
	"slices"
	"unicode/utf8"
)

// machine is a non-deterministic automaton over runes. A node is a position in
// the pattern. Some moves consume nothing; closure has, for each node, those
// that consume and can be reached without consuming.
//
// Only the node that consuming the last rune led to tells whether a path is
// accepted: doublestar does not look through braces and stars for an empty rest
// in all cases, and its verdict is ours.
type machine struct {
	nodes   []node
	starts  []int32
	closure [][]int32
	fold    bool
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
	m.closure = make([][]int32, len(m.nodes))
	seen := make([]int, len(m.nodes))
	todo := make([]int32, 0, 8)
	for i := range m.nodes {
		todo = append(todo[:0], int32(i))
		seen[i] = i + 1
		for len(todo) > 0 {
			n := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			x := &m.nodes[n]
			free := x.choices
			switch x.kind {
			case kindStar, kindDouble:
				free = []int32{x.next}
			}
			if x.kind != kindChoice && x.kind != kindEnd {
				m.closure[i] = append(m.closure[i], n)
			}
			for _, f := range free {
				if seen[f] != i+1 {
					seen[f] = i + 1
					todo = append(todo, f)
				}
			}
		}
	}
	return m
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
	for _, n := range m.closure[raw] {
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

// has tells whether the label consumes r, which is folded when the machine is.
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
func (m *machine) match(path string) bool {
	now, next := slices.Clone(m.starts), make([]int32, 0, len(m.starts))
	mark := make([]int, len(m.nodes))
	for i := 0; i < len(path); {
		r, size := utf8.DecodeRuneInString(path[i:])
		i += size
		next = next[:0]
		for _, n := range now {
			m.moves(n, func(l label, to int32) {
				if mark[to] != i && l.has(r, m.fold) {
					mark[to] = i
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

// class is what stands in brackets: sorted, disjoint ranges of runes.
type class struct{ ranges []runeRange }

type runeRange struct{ lo, hi rune }

// newClass makes a class of ranges in any order; negated means all other runes.
func newClass(ranges []runeRange, negated bool) *class {
	ranges = slices.DeleteFunc(ranges, func(r runeRange) bool { return r.lo > r.hi })
	slices.SortFunc(ranges, func(a, b runeRange) int { return int(a.lo - b.lo) })
	var merged []runeRange
	for _, r := range ranges {
		if n := len(merged); n > 0 && r.lo <= merged[n-1].hi+1 {
			merged[n-1].hi = max(merged[n-1].hi, r.hi)
		} else {
			merged = append(merged, r)
		}
	}
	if !negated {
		return &class{merged}
	}
	var others []runeRange
	from := rune(0)
	for _, r := range merged {
		if r.lo > from {
			others = append(others, runeRange{from, r.lo - 1})
		}
		from = r.hi + 1
	}
	if from <= utf8.MaxRune {
		others = append(others, runeRange{from, utf8.MaxRune})
	}
	return &class{others}
}

func (c *class) has(r rune) bool {
	_, ok := slices.BinarySearchFunc(c.ranges, r, func(x runeRange, r rune) int {
		switch {
		case x.hi < r:
			return -1
		case x.lo > r:
			return 1
		}
		return 0
	})
	return ok
}
