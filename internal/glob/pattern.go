// Package glob answers two questions about path patterns: do two of them share
// a path, and which of many cover a given path? The syntax and the verdict of a
// match are doublestar's (github.com/bmatcuk/doublestar/v4): * ? […] [^…] {…}
// ** and \. Patterns come from other people, and doublestar is exponential on
// some of them; here each is compiled once, into an automaton of bounded size,
// and matching is linear in the path.
//
// It does not know what a lock is, which spelling of a path is the stored one,
// or whether a path exists.
package glob

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"
)

// Pattern is the set of paths that a path lock covers:
//
//   - without glob characters, that path and everything below it;
//   - with them, what doublestar matches, and also the path that is spelled
//     exactly like the pattern, as app/[id]/page.tsx is a real file name;
//   - with a trailing slash, everything below all these as well.
//
// It is safe for concurrent use.
type Pattern struct {
	text  string // as given
	base  string // without the trailing slash
	below bool   // everything below is covered too
	glob  bool   // base has a meaning beyond its spelling

	once   sync.Once // guards what folded comparison needs
	folded string    // Fold(base)
	prefix string    // what every folded path begins with
	fold   *machine  // of a glob

	exactOnce sync.Once
	exact     *machine
}

// ErrMalformed is wrapped by the error of Compile for a text that is no
// pattern: an unclosed [ or {, an empty class, a backslash at the end.
var ErrMalformed = errors.New("it is not a valid pattern")

// The bounds of a pattern. They count what is built, not time, so that every
// machine comes to the same verdict.
const (
	MaxAlternatives = 64
	MaxStates       = 2000
)

// BoundsError is a pattern that is too large.
type BoundsError struct {
	What         string
	Count, Limit int
}

func (e *BoundsError) Error() string {
	return fmt.Sprintf("it has %d %s; %d are allowed", e.Count, e.What, e.Limit)
}

// HasMeta tells whether s has a glob character.
func HasMeta(s string) bool { return strings.ContainsAny(s, `*?[{\`) }

// Compile compiles a path pattern: relative, with slashes, without "." and ".."
// and empty components except for a trailing slash. The error wraps
// ErrMalformed or is *BoundsError.
func Compile(s string) (*Pattern, error) {
	p := Literal(s)
	if !HasMeta(p.base) {
		return p, nil
	}
	if !doublestar.ValidatePattern(p.base) {
		return nil, ErrMalformed
	}
	p.glob, p.below = true, p.base != s
	if n := alternatives(p.base); n > MaxAlternatives {
		return nil, &BoundsError{"alternatives", n, MaxAlternatives}
	}
	if n := len(build(p.base, false).nodes); n > MaxStates {
		return nil, &BoundsError{"states", n, MaxStates}
	}
	return p, nil
}

// Literal is the pattern of a path whose glob characters mean nothing. Only a
// trailing slash, or having none of them, makes it cover what is below.
func Literal(s string) *Pattern {
	base := strings.TrimSuffix(s, "/")
	return &Pattern{text: s, base: base, below: base != s || !HasMeta(base)}
}

// String is the text that the pattern was made from.
func (p *Pattern) String() string { return p.text }

// Plain tells whether the pattern has no glob characters with a meaning.
func (p *Pattern) Plain() bool { return !p.glob }

// Covers tells whether the path is covered, letter by letter.
func (p *Pattern) Covers(path string) bool {
	if spelled(p.base, path, p.below) {
		return true
	}
	if !p.glob {
		return false
	}
	p.exactOnce.Do(func() { p.exact = build(p.base, false).finish(p.below) })
	return p.exact.match(path)
}

// CoversFold tells whether the path is covered when both are normalised and
// case-folded as [Fold] does.
func (p *Pattern) CoversFold(path string) bool {
	p.prepare()
	path = Fold(path)
	return spelled(p.folded, path, p.below) || p.glob && p.fold.match(path)
}

// spelled tells whether path is base or, if asked, below it.
func spelled(base, path string, below bool) bool {
	rest, ok := strings.CutPrefix(path, base)
	return ok && (rest == "" || below && rest[0] == '/')
}

// prepare makes what folded comparison needs.
func (p *Pattern) prepare() {
	p.once.Do(func() {
		p.folded = Fold(p.base)
		p.prefix = p.folded
		if p.glob {
			// A slash before ** is no part of every path: src/** matches src.
			meta := strings.IndexAny(p.folded, `*?[{\`)
			p.prefix = strings.TrimSuffix(p.folded[:meta], "/")
			p.fold = build(p.base, true).finish(p.below)
		}
	})
}

// spelling is the automaton of the folded spelling.
func (p *Pattern) spelling() *machine {
	m := &machine{fold: true}
	for _, r := range p.folded {
		m.nodes = append(m.nodes, node{kind: kindRune, r: r, next: int32(len(m.nodes) + 1)})
	}
	m.nodes = append(m.nodes, node{kind: kindEnd, accept: true})
	m.starts = []int32{0}
	return m.finish(p.below)
}

// Overlaps tells whether two patterns exclude each other. Both are case-folded,
// so that every clone comes to the same verdict. Two plain paths overlap when
// they are equal or one lies below the other; a pattern and a plain path
// without a trailing slash when the pattern covers that path; all others when
// some path that can exist in a repository is covered by both.
func (p *Pattern) Overlaps(q *Pattern) bool {
	p.prepare()
	q.prepare()
	switch {
	case p.isPath() && q.isPath():
		return spelled(p.folded, q.folded, true) || spelled(q.folded, p.folded, true)
	case p.isPath() && !p.directory():
		return q.coversFolded(p.folded)
	case q.isPath() && !q.directory():
		return p.coversFolded(q.folded)
	}
	if !strings.HasPrefix(p.prefix, q.prefix) && !strings.HasPrefix(q.prefix, p.prefix) {
		return false
	}
	for _, m := range p.machines() {
		for _, n := range q.machines() {
			if shareAPath(m, n) {
				return true
			}
		}
	}
	return false
}

func (p *Pattern) coversFolded(path string) bool {
	return spelled(p.folded, path, p.below) || p.glob && p.fold.match(path)
}

// isPath tells whether this is a plain path: itself and all below it.
func (p *Pattern) isPath() bool { return !p.glob && p.below }

// directory tells whether it was written with a trailing slash.
func (p *Pattern) directory() bool { return p.base != p.text }

// machines are the automata whose paths together are the pattern's.
func (p *Pattern) machines() []*machine {
	if p.glob {
		return []*machine{p.fold, p.spelling()}
	}
	return []*machine{p.spelling()}
}
