package glob

// The state of a path that is being spelled out: what its last component is so
// far. "." and ".." are no components of a path in a repository, and no
// component is empty.
const (
	atStart   = iota // of a component
	afterDot         // of a component that is "." so far
	afterDots        // of one that is ".." so far
	inName
	pathStates
)

// maxPairs bounds the pairs of moves that one search looks at, which takes some
// tens of milliseconds. The worst of two patterns within the bounds would take
// minutes.
const maxPairs = 3_000_000

// search looks for a path that two machines accept.
type search struct{ budget int }

// shareAPath reports whether some path that can exist in a repository is accepted
// by both machines, or the budget is spent: a search through the pairs of their
// nodes.
func (s *search) shareAPath(m, n *machine) bool {
	width := len(n.nodes)
	seen := make([]uint64, (len(m.nodes)*width*pathStates+63)/64)
	type pair struct {
		a, b  int32
		state int8
	}
	var todo []pair
	push := func(a, b int32, state int8) bool {
		i := (int(a)*width+int(b))*pathStates + int(state)
		if seen[i/64]&(1<<(i%64)) != 0 {
			return false
		}
		seen[i/64] |= 1 << (i % 64)
		todo = append(todo, pair{a, b, state})
		return state == inName && m.nodes[a].accept && n.nodes[b].accept
	}
	for _, a := range m.starts {
		for _, b := range n.starts {
			push(a, b, atStart)
		}
	}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		found := false
		m.moves(p.a, func(x label, a int32) {
			if found {
				return
			}
			n.moves(p.b, func(y label, b int32) {
				if s.budget--; found || s.budget < 0 {
					found = true
					return
				}
				if p.state == inName && x.has('/', true) && y.has('/', true) {
					found = push(a, b, atStart)
				}
				if !found && x.has('.', true) && y.has('.', true) {
					found = push(a, b, min(p.state+1, inName))
				}
				if !found && s.shareAName(x, y) {
					found = push(a, b, inName)
				}
			})
		})
		if found || s.budget < 0 {
			return true
		}
	}
	return false
}

// shareAName reports whether two labels of folded machines have a rune in common
// that is neither a slash nor a dot.
func (s *search) shareAName(x, y label) bool {
	if x.what > y.what {
		x, y = y, x
	}
	switch {
	case x.what == slash || y.what == slash:
		return false
	case x.what == oneRune:
		return x.r != '/' && x.r != '.' && y.has(x.r, true)
	case y.what != ofClass:
		return true
	case x.what != ofClass:
		return y.class.name(nil)
	}
	if x.class.name(y.class) {
		return true
	}
	for _, r := range x.class.ranges {
		for _, c := range casedWithin(r) {
			if s.budget--; s.budget < 0 || cases(c, y.class.has) {
				return true
			}
		}
	}
	return false
}

// name reports whether two classes have a rune in common, compared exactly, that
// is neither a slash nor a dot nor NUL. A nil class has all runes.
func (c *class) name(d *class) bool {
	all := []runeRange{{1, 0x10FFFF}}
	if d != nil {
		all = d.ranges
	}
	for i, j := 0, 0; i < len(c.ranges) && j < len(all); {
		lo, hi := max(c.ranges[i].lo, all[j].lo), min(c.ranges[i].hi, all[j].hi)
		for _, r := range []rune{0, '.', '/'} { // in order: . is before /
			if lo == r {
				lo++
			}
		}
		for _, r := range []rune{'/', '.'} {
			if hi == r {
				hi--
			}
		}
		if lo <= hi && !(lo >= 0xD800 && hi <= 0xDFFF) {
			return true
		}
		if c.ranges[i].hi < all[j].hi {
			i++
		} else {
			j++
		}
	}
	return false
}
