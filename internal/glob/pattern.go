// Package glob answers two questions about path patterns: do two of them share
// a path, and which of many cover a given path? The syntax and the verdict of a
// match are doublestar's (github.com/bmatcuk/doublestar/v4): * ? […] [^…] {…}
// ** and \. Patterns come from other people, and doublestar is exponential on
// some of them; here each becomes an automaton of bounded size, and matching is
// linear in the path.
//
// It does not know what a lock is, which spelling of a path is stored, or
// whether a path exists.
package glob

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

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
	base  string // composed, without the trailing slash
	below bool   // everything below is covered too
	glob  bool   // base has a meaning beyond its spelling

	once   sync.Once // guards what folded comparison needs
	folded string    // Fold(base)
	prefix string    // what every folded path begins with

	machines [2]atomic.Pointer[machine] // exact and folded; only small ones are kept
}

// ErrMalformed is wrapped by the error of Compile for a text that is no
// pattern: an unclosed [ or {, an empty class, a backslash at the end.
var ErrMalformed = errors.New("it is not a valid pattern")

// The bounds of a pattern. They count what is built, not time, so that every
// platform comes to the same verdict, for the text and for its NFC form alike.
const (
	MaxAlternatives = 64
	MaxStates       = 2000
	MaxMoves        = 20000 // that consume nothing, over all states
)

// small is the size in states up to which a machine is kept once it was built,
// and run together with others. Larger ones are rare, or come from hostile
// records; they are built for each use, so that a thousand of them cost some time
// but no memory.
const small = 64

// BoundsError is a pattern that is too large.
type BoundsError struct {
	What         string
	Count, Limit int
}

func (e *BoundsError) Error() string {
	return fmt.Sprintf("it has %d %s; %d are allowed", e.Count, e.What, e.Limit)
}

// HasMeta reports whether s has a glob character.
func HasMeta(s string) bool { return metaIndex(s) >= 0 }

// metaIndex is where the first glob character of s is, -1 for none.
func metaIndex(s string) int {
	for i := range len(s) {
		switch s[i] {
		case '*', '?', '[', '{', '\\':
			return i
		}
	}
	return -1
}

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
	p.glob, p.below = true, p.directory()
	texts := []string{p.base}
	if given := strings.TrimSuffix(s, "/"); given != p.base {
		texts = append(texts, given) // it can be longer
	}
	for _, text := range texts {
		if err := bounded(collapse(text)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// bounded returns *BoundsError for a pattern whose machine would be too large.
func bounded(text string) error {
	n := utf8.RuneCountInString(text)
	if n <= 60 && !strings.Contains(text, "{") { // at most two states a rune, and each reaches all others
		return nil
	}
	if n := parse(text).alternatives(); n > MaxAlternatives {
		return &BoundsError{"alternatives", n, MaxAlternatives}
	}
	m := build(text, false)
	if n := len(m.nodes); n > MaxStates {
		return &BoundsError{"states", n, MaxStates}
	}
	if n := m.close(MaxMoves); n > MaxMoves {
		return &BoundsError{"ways past its stars and braces", n, MaxMoves}
	}
	return nil
}

// Literal is the pattern of a path whose glob characters mean nothing. It covers
// what is below only if it has none of them or ends in a slash.
func Literal(s string) *Pattern {
	base := composed(strings.TrimSuffix(s, "/"))
	return &Pattern{text: s, base: base, below: strings.HasSuffix(s, "/") || !HasMeta(base)}
}

// String is the text that the pattern was made from.
func (p *Pattern) String() string { return p.text }

// Plain reports whether the pattern has no glob characters with a meaning.
func (p *Pattern) Plain() bool { return !p.glob }

// Covers reports whether the path is covered, compared exactly but for how its
// letters are composed, which [Pattern.Overlaps] does not tell apart either.
func (p *Pattern) Covers(path string) bool {
	path = composed(path)
	if spelled(p.base, path, p.below) {
		return true
	}
	if !p.glob {
		return false
	}
	return p.machine(false).match(path)
}

// CoversFold reports whether the path is covered when both are normalised and
// case-folded as [Fold] does.
func (p *Pattern) CoversFold(path string) bool {
	p.prepare()
	return p.coversFolded(Fold(path))
}

// coversFolded is CoversFold for a path that is folded already.
func (p *Pattern) coversFolded(path string) bool {
	return spelled(p.folded, path, p.below) || p.glob && strings.HasPrefix(path, p.prefix) && p.machine(true).match(path)
}

// machine is the automaton of a glob.
func (p *Pattern) machine(fold bool) *machine {
	kept := &p.machines[0]
	if fold {
		kept = &p.machines[1]
	}
	if m := kept.Load(); m != nil {
		return m
	}
	m := build(p.base, fold).finish(p.below)
	if len(m.nodes) <= small {
		kept.Store(m)
	}
	return m
}

// spelled reports whether path is base or, if asked, below it.
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
			p.prefix = literalPrefix(p.folded)
		}
	})
}

// literalPrefix is what every path that a glob matches begins with.
func literalPrefix(glob string) string {
	// A slash before ** is no part of every path: src/** matches src.
	return strings.TrimSuffix(glob[:metaIndex(glob)], "/")
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

// Overlaps reports whether two patterns exclude each other. Both are case-folded,
// so that every clone comes to the same verdict. Two plain paths overlap when
// they are equal or one lies below the other; a pattern and a plain path
// without a trailing slash when the pattern covers that path; all others when
// some path that can exist in a repository is covered by both. Two patterns for
// which that takes more than maxPairs steps count as overlapping: refusing one of
// them is safe, and only patterns made for the purpose come near.
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
	if p.folded > q.folded { // the steps are counted in the same order for both ways to ask
		p, q = q, p
	}
	s := search{budget: maxPairs}
	others := q.automata()
	for _, m := range p.automata() {
		for _, n := range others {
			if s.shareAPath(m, n) {
				return true
			}
		}
	}
	return false
}

// isPath reports whether this is a plain path: itself and all below it.
func (p *Pattern) isPath() bool { return !p.glob && p.below }

// directory reports whether it was written with a trailing slash.
func (p *Pattern) directory() bool { return strings.HasSuffix(p.text, "/") }

// automata are those whose paths together are the pattern's.
func (p *Pattern) automata() []*machine {
	if p.glob {
		return []*machine{p.machine(true), p.spelling()}
	}
	return []*machine{p.spelling()}
}
