package glob

import (
	"slices"

	"golang.org/x/text/unicode/norm"
)

// builder turns a valid pattern into a machine. Doublestar reads braces by
// putting each alternative in their place and going on, so that what a "**"
// means depends on what stands before and behind it then; a node is therefore a
// position in the text together with whether a component begins there. What is
// behind a "**/" is tried again and again with the braces already replaced,
// which decides whether doublestar sees that the rest may be empty.
type builder struct {
	text   []rune
	after  []int // of a comma or brace that ends an alternative: where to go on; else 0
	starts map[int][]int
	m      *machine
	nodes  map[position]int32
	stars  map[position]int32 // single stars by the position behind them
	todo   []position
	// What empty and emptyReplaced found, by position.
	zero, replaced map[int]bool
}

type position struct {
	at    int
	start bool // of a component
	again bool // behind a "**/"
}

// build makes the machine of a valid pattern.
func build(pattern string, fold bool) *machine {
	if fold {
		pattern = norm.NFC.String(pattern)
	}
	b := &builder{text: []rune(pattern), m: &machine{fold: fold}, nodes: map[position]int32{}, stars: map[position]int32{}, zero: map[int]bool{}, replaced: map[int]bool{}}
	b.braces()
	b.m.starts = []int32{b.node(position{0, true, false})}
	for len(b.todo) > 0 && len(b.m.nodes) <= MaxStates {
		p := b.todo[len(b.todo)-1]
		b.todo = b.todo[:len(b.todo)-1]
		b.expand(p)
	}
	return b.m
}

// alternatives counts what stands in braces, summed over all of them.
func alternatives(pattern string) int {
	b := &builder{text: []rune(pattern)}
	b.braces()
	n := 0
	for _, s := range b.starts {
		n += len(s)
	}
	return n
}

// braces finds where alternatives begin and where one goes on behind them.
func (b *builder) braces() {
	b.after, b.starts = make([]int, len(b.text)+1), map[int][]int{}
	var open []int
	ends := map[int][]int{} // open brace → commas that end its alternatives
	for i := 0; i < len(b.text); i++ {
		switch b.text[i] {
		case '\\':
			i++
		case '[':
			i = b.classEnd(i)
		case '{':
			open = append(open, i)
			b.starts[i] = []int{i + 1}
		case ',':
			if n := len(open); n > 0 {
				ends[open[n-1]] = append(ends[open[n-1]], i)
				b.starts[open[n-1]] = append(b.starts[open[n-1]], i+1)
			}
		case '}':
			n := len(open)
			if n == 0 {
				continue
			}
			for _, comma := range append(ends[open[n-1]], i) {
				b.after[comma] = i + 1
			}
			open = open[:n-1]
		}
	}
}

// classEnd is the position of the ] that closes the [ at i.
func (b *builder) classEnd(i int) int {
	for i++; i < len(b.text); i++ {
		switch b.text[i] {
		case '\\':
			i++
		case ']':
			return i
		}
	}
	return i
}

// resolve leaves the alternatives that end at a position.
func (b *builder) resolve(at int) int {
	for at < len(b.text) && b.after[at] > 0 {
		at = b.after[at]
	}
	return at
}

// is tells whether r stands at a resolved position.
func (b *builder) is(at int, r rune) bool { return at < len(b.text) && b.text[at] == r }

func (b *builder) node(p position) int32 {
	p.at = b.resolve(p.at)
	n, ok := b.nodes[p]
	if !ok {
		n = b.add(node{accept: b.accepts(p)})
		b.nodes[p] = n
		b.todo = append(b.todo, p)
	}
	return n
}

func (b *builder) add(n node) int32 {
	b.m.nodes = append(b.m.nodes, n)
	return int32(len(b.m.nodes) - 1)
}

// expand fills in the node of a position.
func (b *builder) expand(p position) {
	var x node
	switch {
	case p.at >= len(b.text):
		x = node{kind: kindEnd}
	case b.text[p.at] == '*':
		x = b.star(p)
	case b.text[p.at] == '?':
		x = node{kind: kindOne, next: b.node(position{p.at + 1, false, p.again})}
	case b.text[p.at] == '[':
		class, end := b.class(p.at)
		x = node{kind: kindClass, class: class, next: b.node(position{end + 1, false, p.again})}
	case b.text[p.at] == '{':
		x = node{kind: kindChoice}
		for _, s := range b.starts[p.at] {
			x.choices = append(x.choices, b.node(position{s, p.start, p.again}))
		}
	default:
		at := p.at
		if b.text[at] == '\\' {
			at++
		}
		r := b.text[at]
		x = node{kind: kindRune, r: r, next: b.node(position{at + 1, r == '/', p.again})}
		if b.m.fold {
			x.r = foldRune(r)
		}
	}
	n := b.nodes[p]
	x.accept = b.m.nodes[n].accept
	b.m.nodes[n] = x
}

// star reads a * and what follows it. Two of them are special only where a
// component begins and ends with them.
func (b *builder) star(p position) node {
	next := b.resolve(p.at + 1)
	if b.is(next, '*') {
		next = b.resolve(next + 1)
		if p.start && next == len(b.text) {
			all := b.add(node{kind: kindAll, accept: true})
			b.m.nodes[all].next = all
			return node{kind: kindAll, next: all}
		}
		if p.start && b.is(next, '/') {
			behind := position{b.resolve(next + 1), true, true}
			to := b.node(behind)
			again := b.add(node{kind: kindDouble, accept: b.accepts(behind), next: to})
			within := b.add(node{kind: kindWithin, loop: again})
			b.m.nodes[again].loop, b.m.nodes[again].rest = again, within
			return node{kind: kindDouble, next: to, loop: again, rest: within}
		}
	}
	return b.m.nodes[b.single(position{next, false, p.again})]
}

// single is the node of a single star with the given position behind it. Of
// stars in a row only the last one takes letters, so that one before braces
// stands before each of their alternatives.
func (b *builder) single(p position) int32 {
	p.at = b.resolve(p.at)
	if n, ok := b.stars[p]; ok {
		return n
	}
	n := b.add(node{accept: b.accepts(p)})
	b.stars[p] = n
	var x node
	switch {
	case b.is(p.at, '*'):
		x = node{kind: kindChoice, choices: []int32{b.node(p)}}
	case b.is(p.at, '{'):
		x = node{kind: kindChoice}
		for _, s := range b.starts[p.at] {
			x.choices = append(x.choices, b.single(position{s, false, p.again}))
		}
	default:
		x = node{kind: kindStar, next: b.node(p), loop: n}
	}
	x.accept = b.m.nodes[n].accept
	b.m.nodes[n] = x
	return n
}

// class reads the brackets that open at i.
func (b *builder) class(i int) (*class, int) {
	end := b.classEnd(i)
	inside := b.text[i+1 : end]
	negated := inside[0] == '^' || inside[0] == '!'
	if negated {
		inside = inside[1:]
	}
	var ranges []runeRange
	char := func() rune {
		if inside[0] == '\\' && len(inside) > 1 {
			inside = inside[1:]
		}
		r := inside[0]
		inside = inside[1:]
		return r
	}
	for ranged := false; len(inside) > 0; {
		if !ranged && len(ranges) > 0 && inside[0] == '-' && len(inside) > 1 {
			inside = inside[1:]
			last := &ranges[len(ranges)-1]
			// The lower end matches by itself too: doublestar tries it first.
			ranges = append(ranges, runeRange{last.lo, char()})
			ranged = true // what follows a range is no lower end of another
			continue
		}
		r := char()
		ranges = append(ranges, runeRange{r, r})
		ranged = false
	}
	return newClass(ranges, negated), end
}

// accepts tells whether a path may end at a resolved position.
func (b *builder) accepts(p position) bool {
	return b.empty(p.at) || p.again && b.emptyReplaced(p.at)
}

// emptyReplaced is empty with all braces replaced by their alternatives.
func (b *builder) emptyReplaced(at int) bool {
	known, ok := b.replaced[at]
	if !ok {
		b.replaced[at] = false
		known = b.lookReplaced(at)
		b.replaced[at] = known
	}
	return known
}

func (b *builder) lookReplaced(at int) bool {
	switch {
	case b.empty(at):
		return true
	case b.text[at] == '*':
		behind := b.resolve(at + 1)
		if b.is(behind, '*') {
			behind = b.resolve(behind + 1)
		}
		return b.is(behind, '{') && b.emptyReplaced(behind)
	case b.text[at] == '{':
		return slices.ContainsFunc(b.starts[at], func(s int) bool { return b.emptyReplaced(b.resolve(s)) })
	}
	return false
}

// empty tells whether doublestar takes the rest of the pattern from a resolved
// position for nothing when the path ends there.
func (b *builder) empty(at int) bool {
	if at == len(b.text) {
		return true
	}
	if known, ok := b.zero[at]; ok {
		return known
	}
	var rest []rune
	for i := at; i < len(b.text) && len(rest) < 5; i = b.resolve(i + 1) {
		rest = append(rest, b.text[i])
	}
	ok := slices.Contains([]string{"*", "**", "/**", "**/", "/**/"}, string(rest))
	if !ok && b.text[at] == '{' {
		b.zero[at] = false
		ok = slices.ContainsFunc(b.starts[at], func(s int) bool { return b.empty(b.resolve(s)) })
	}
	b.zero[at] = ok
	return ok
}
