package glob

import (
	"slices"

	"golang.org/x/text/unicode/norm"
)

// builder turns a valid pattern into a machine. Doublestar reads braces by
// substituting each alternative and going on, so what a "**" means depends on
// the text before and after it once that is done; a node is therefore a position
// in the text together with whether a component begins there. After a "**/"
// doublestar matches the rest again and again with the braces already
// substituted, which decides whether it notices that the rest may be empty.
type builder struct {
	text   []rune
	after  []int // of a comma or brace that ends an alternative: where to go on; else 0
	starts map[int][]int
	m      *machine
	nodes  []int32 // by position: one more than its node, 0 for none yet
	stars  []int32 // likewise, single stars by the position after them
	todo   []position
	// What empty and emptyReplaced found, by position.
	zero, replaced []verdict
}

type verdict uint8

const (
	unknown verdict = iota
	no
	yes
)

func verdictOf(ok bool) verdict {
	if ok {
		return yes
	}
	return no
}

type position struct {
	at    int
	start bool // of a component
	again bool // after a "**/"
}

// index numbers positions for the tables of the builder.
func (p position) index() int {
	i := 4 * p.at
	if p.start {
		i++
	}
	if p.again {
		i += 2
	}
	return i
}

func parse(pattern string) *builder {
	b := &builder{text: []rune(pattern)}
	b.braces()
	return b
}

// build makes the machine of a valid pattern. One that exceeds the bounds is cut
// off; Compile refuses it.
func build(pattern string, fold bool) *machine {
	if fold {
		pattern = norm.NFC.String(pattern)
	}
	b := parse(collapse(pattern))
	n := len(b.text) + 1
	b.m = &machine{fold: fold, nodes: make([]node, 0, min(n+8, MaxStates))}
	b.nodes, b.stars = make([]int32, 4*n), make([]int32, 4*n)
	b.zero, b.replaced = make([]verdict, n), make([]verdict, n)
	b.m.starts = []int32{b.node(position{0, true, false})}
	for len(b.todo) > 0 && len(b.m.nodes) <= MaxStates {
		p := b.todo[len(b.todo)-1]
		b.todo = b.todo[:len(b.todo)-1]
		b.expand(p)
	}
	return b.m
}

func (b *builder) node(p position) int32 {
	p.at = b.resolve(p.at)
	n := &b.nodes[p.index()]
	if *n == 0 {
		*n = b.add(node{accept: b.accepts(p)}) + 1
		b.todo = append(b.todo, p)
	}
	return *n - 1
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
	n := b.nodes[p.index()] - 1
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
			after := position{b.resolve(next + 1), true, true}
			to := b.node(after)
			again := b.add(node{kind: kindDouble, accept: b.accepts(after), next: to})
			within := b.add(node{kind: kindWithin, loop: again})
			b.m.nodes[again].loop, b.m.nodes[again].rest = again, within
			return node{kind: kindDouble, next: to, loop: again, rest: within}
		}
	}
	return b.m.nodes[b.single(position{next, false, p.again})]
}

// single is the node of a single star with the given position after it. Of stars
// in a row only the last one takes letters, so one before braces is put before
// each of their alternatives.
func (b *builder) single(p position) int32 {
	p.at = b.resolve(p.at)
	if n := b.stars[p.index()]; n > 0 {
		return n - 1
	}
	n := b.add(node{accept: b.accepts(p)})
	b.stars[p.index()] = n + 1
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

// accepts reports whether a path may end at a resolved position.
func (b *builder) accepts(p position) bool {
	return b.empty(p.at) || p.again && b.emptyReplaced(p.at)
}

// emptyReplaced is empty with all braces replaced by their alternatives.
func (b *builder) emptyReplaced(at int) bool {
	if b.replaced[at] == unknown {
		b.replaced[at] = no
		b.replaced[at] = verdictOf(b.lookReplaced(at))
	}
	return b.replaced[at] == yes
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

// empty reports whether doublestar lets the rest of the pattern, from a resolved
// position, match nothing when the path ends there.
func (b *builder) empty(at int) bool {
	if at == len(b.text) {
		return true
	}
	if b.zero[at] != unknown {
		return b.zero[at] == yes
	}
	var rest [5]rune
	n := 0
	for i := at; i < len(b.text) && n < 5; i = b.resolve(i + 1) {
		rest[n] = b.text[i]
		n++
	}
	ok := false
	switch string(rest[:n]) {
	case "*", "**", "/**", "**/", "/**/":
		ok = true
	}
	if !ok && b.text[at] == '{' {
		b.zero[at] = no
		ok = slices.ContainsFunc(b.starts[at], func(s int) bool { return b.empty(b.resolve(s)) })
	}
	b.zero[at] = verdictOf(ok)
	return ok
}
