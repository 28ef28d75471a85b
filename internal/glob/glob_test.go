package glob

import (
	"errors"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
)

func compile(t testing.TB, s string) *Pattern {
	t.Helper()
	p, err := Compile(s)
	if err != nil {
		t.Fatalf("Compile(%q): %v", s, err)
	}
	return p
}

// The patterns of a test are garbage as soon as they are compared.
func init() { debug.SetGCPercent(400) }

func covering(t testing.TB, x *Index, path string) []int {
	t.Helper()
	found, err := x.Covering(t.Context(), []string{path})
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

func TestCovers(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		yes, no []string
	}{
		{"src", []string{"src", "src/a", "src/a/b"}, []string{"src2", "sr", "Src", "a/src"}},
		{"src/", []string{"src", "src/a"}, []string{"src2"}},
		{"*.go", []string{"a.go", ".go"}, []string{"a/b.go", "a.go/x"}},
		{"src/*/", []string{"src/a", "src/a/b/c"}, []string{"src", "src2/a"}},
		{"src/**", []string{"src", "src/a", "src/a/b"}, []string{"src2"}},
		{"**/*.go", []string{"a.go", "x/y/a.go"}, []string{"a.rs"}},
		{"**", []string{"a", "a/b"}, nil},
		{"app/[id]/page.tsx", []string{"app/[id]/page.tsx", "app/i/page.tsx"}, []string{"app/x/page.tsx", "app/[id]/page.tsx/y"}},
		{"{a,b/**}/c", []string{"a/c", "b/c", "b/x/y/c"}, []string{"c", "b/x"}},
		{`\*.go`, []string{"*.go"}, []string{"a.go"}},
		{"[^a]x", []string{"bx"}, []string{"ax"}},
		{"é?", []string{"éa"}, []string{"é"}},
	} {
		p := compile(t, tt.pattern)
		x := NewIndex([]*Pattern{p}, false)
		for _, path := range tt.yes {
			if !p.Covers(path) || len(covering(t, x, path)) != 1 || !p.CoversFold(path) {
				t.Errorf("%q does not cover %q", tt.pattern, path)
			}
		}
		for _, path := range tt.no {
			if p.Covers(path) || len(covering(t, x, path)) != 0 {
				t.Errorf("%q covers %q", tt.pattern, path)
			}
		}
	}
	if p := Literal("a[b"); !p.Covers("a[b") || p.Covers("a[b/c") || p.Covers("ab") {
		t.Error("a literal is only itself")
	}
}

func TestCoversFold(t *testing.T) {
	for _, tt := range [][2]string{
		{"SRC/*.Go", "src/A.gO"}, {"straße", "STRASSE"}, {"Σ", "ς"}, {"e\u0301", "É"}, {"[a-c]", "B"}, {"[^a]", "A"}, {"kelvin", "\u212Aelvin"},
	} {
		got, want := compile(t, tt[0]).CoversFold(tt[1]), tt[1] != "STRASSE" // simple folding keeps ß
		if got != want {
			t.Errorf("CoversFold(%q, %q) = %v", tt[0], tt[1], got)
		}
	}
}

// TestComposed has pairs of which one path, as some systems spell it, was covered by
// both although they do not overlap.
func TestComposed(t *testing.T) {
	for _, tt := range [][3]string{{"e?", "e\u0301", "e\u0301"}, {"[e\u0301]", "e", "e"}, {"?\u0301", "\u00e9", "e\u0301"}} {
		p, q := compile(t, tt[0]), compile(t, tt[1])
		if both := len(covering(t, NewIndex([]*Pattern{p, q}, false), tt[2])) == 2; both || p.Overlaps(q) {
			t.Errorf("%+q and %+q: both cover %+q: %v, overlap: %v", p, q, tt[2], both, p.Overlaps(q))
		}
		if !q.Covers(tt[2]) {
			t.Errorf("%+q does not cover %+q", q, tt[2])
		}
	}
}

func TestOverlaps(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"src/", "src/a.go", true}, {"src", "src2", false}, {"SRC", "src/a", true},
		{"src/*.go", "src/a*", true}, {"src/*.go", "src/*.rs", false},
		{"**/*.go", "src/", true}, {"docs/*/*.md", "docs/x.md", false}, {"docs/*/*.md", "docs/x/y.md", true},
		{"src/**", "src", true}, {"*.go", "a.go/", true}, {"*.go", "x/", false},
		{"[a-c]x", "[C-D]x", true}, {"[a-c]x", "[d-e]x", false}, {"{a,b}/c", "{b,d}/*", true},
		{"[.]", "?", false}, {"{,a}/b", "{,c}/b", false}, {"a/[b", "x", false},
		{"app/[id]/x", "app/[id]/", true}, {"src/*/", "src/a/b/c.go", true},
	} {
		make := func(s string) *Pattern {
			p, err := Compile(s)
			if err != nil {
				p = Literal(s)
			}
			return p
		}
		a, b := make(tt.a), make(tt.b)
		if a.Overlaps(b) != tt.want || b.Overlaps(a) != tt.want {
			t.Errorf("%q overlaps %q: want %v", tt.a, tt.b, tt.want)
		}
	}
}

func TestBounds(t *testing.T) {
	var bounds *BoundsError
	for _, s := range []string{"{" + strings.Repeat("a,", 64) + "a}", strings.Repeat("?", 2001), strings.Repeat("{a,", 65) + strings.Repeat("}", 65)} {
		if _, err := Compile(s); !errors.As(err, &bounds) {
			t.Errorf("Compile of %d bytes: %v", len(s), err)
		}
	}
	for _, s := range []string{"[a", "{a", "a\\", "[]", "[^]", "}"} {
		if _, err := Compile(s); HasMeta(s) && !errors.Is(err, ErrMalformed) {
			t.Errorf("Compile(%q): %v", s, err)
		}
	}
	compile(t, "{"+strings.Repeat("a,", 63)+"a}")
	for _, s := range []string{strings.Repeat("{a,aa}", 22), strings.Repeat("*a", 480), strings.Repeat("**/", 490) + "x", strings.Repeat("{**/,}", 20) + "b"} {
		p := compile(t, s)
		if p.Covers(strings.Repeat("a", 4000) + "b!") {
			t.Errorf("%q covers what it should not", s)
		}
		p.Overlaps(p)
	}
}

// pattern makes a random pattern over a small alphabet, biased towards syntax.
func randomPattern(r *rand.Rand, depth int) string {
	var s strings.Builder
	for range 1 + r.IntN(5) {
		switch r.IntN(13) {
		case 0:
			s.WriteString("*")
		case 1:
			s.WriteString("**")
		case 2:
			s.WriteString("?")
		case 3:
			s.WriteString([]string{"[ab]", "[^b]", "[a-b]", "[!a]", `[\a-b-]`}[r.IntN(5)])
		case 4:
			if depth > 0 {
				alts := make([]string, 1+r.IntN(3))
				for i := range alts {
					if r.IntN(4) > 0 {
						alts[i] = randomPattern(r, depth-1)
					}
				}
				s.WriteString("{" + strings.Join(alts, ",") + "}")
			}
		case 5, 6:
			s.WriteString("/")
		case 8:
			s.WriteString([]string{"/**/**/", "**/**/", "/**/**"}[r.IntN(3)])
		case 7:
			s.WriteString([]string{`\*`, `\a`, `é`, `\{`}[r.IntN(4)])
		default:
			s.WriteString([]string{"a", "b"}[r.IntN(2)])
		}
	}
	return s.String()
}

func randomPath(r *rand.Rand) string {
	var s strings.Builder
	for range 1 + r.IntN(8) {
		s.WriteString([]string{"a", "b", "/", "a", "b", "*", "é", "B"}[r.IntN(8)])
	}
	return cleanPath(s.String())
}

// cleanPath makes a path that can exist in a repository, or "".
func cleanPath(s string) string {
	parts := strings.Split(s, "/")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" || p == "." || p == ".." }), "/")
}

// checkMatch compares our verdict with doublestar's. In two cases doublestar
// misses some of its own matches: where a class can match a slash, and where a
// star and braces that may be empty stand behind a "**/", whose verdict there
// depends on which component it tries first. Ours has to cover at least those
// that it finds.
func checkMatch(t *testing.T, pattern string, paths ...string) {
	t.Helper()
	pattern = composed(pattern)
	if strings.HasSuffix(pattern, "/") || pattern == "" {
		return
	}
	p, err := Compile(pattern)
	if err != nil {
		if errors.Is(err, ErrMalformed) && doublestar.ValidatePattern(pattern) {
			t.Fatalf("Compile(%q): %v", pattern, err)
		}
		return
	}
	if p.Plain() {
		return
	}
	m, index := build(p.base, false).finish(false), NewIndex([]*Pattern{p}, false)
	excused := strings.Contains(pattern, "[") || strings.Contains(pattern, "**/") && strings.Contains(pattern, "*{")
	for _, path := range paths {
		if path = composed(path); path == "" {
			continue
		}
		want, err := doublestar.Match(pattern, path)
		if err != nil && doublestar.ValidatePattern(pattern) && strings.Contains(pattern, "[") {
			continue // "[{]" is valid to it until the path has none of these
		}
		if err != nil {
			t.Fatalf("doublestar.Match(%q, %q): %v", pattern, path, err)
		}
		if got := m.match(path); got != want && !(got && excused) {
			t.Fatalf("%q matches %q: %v, doublestar says %v", pattern, path, got, want)
		}
		if x := covering(t, index, path); (len(x) == 1) != p.Covers(path) {
			t.Fatalf("index of %q for %q: %v", pattern, path, x)
		}
	}
}

func TestMatchLikeDoublestar(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60000 {
		pattern := randomPattern(r, 2)
		var paths []string
		for range 6 {
			paths = append(paths, randomPath(r))
		}
		checkMatch(t, pattern, paths...)
	}
}

// paths are all that can exist up to a length over a, b, A and slashes.
var paths = func() []string {
	var all []string
	var spell func(s string)
	spell = func(s string) {
		if s != "" && !strings.HasSuffix(s, "/") {
			all = append(all, s)
		}
		if len(s) == 5 {
			return
		}
		for _, c := range []string{"a", "b", "A", "/"} {
			if c == "/" && (s == "" || strings.HasSuffix(s, "/")) {
				continue
			}
			spell(s + c)
		}
	}
	spell("")
	return all
}()

// TestOverlapsOracle compares Overlaps with trying all paths. The patterns are
// so short that one with a path in common has one among those tried: each has
// at most four elements, an element needs at most one letter besides what
// both have, and other letters than a and b act like either of them.
func TestOverlapsOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	small := func() *Pattern {
		for {
			var s strings.Builder
			for range 1 + r.IntN(3) {
				s.WriteString([]string{"*", "?", "a", "b", "A", "/", "**", "[ab]", "[^a]", "{a,b/}", "{,b}"}[r.IntN(11)])
			}
			parts := slices.DeleteFunc(strings.Split(s.String(), "/"), func(p string) bool { return p == "" })
			text := strings.Join(parts, "/")
			if text == "" {
				continue
			}
			if r.IntN(4) == 0 {
				text += "/"
			}
			if p, err := Compile(text); err == nil {
				return p
			}
		}
	}
	cover := func(p, q *Pattern) map[string]bool {
		folded := map[string]bool{}
		for _, path := range append(paths[:len(paths):len(paths)], p.base, q.base) { // both spellings are paths too
			if p.CoversFold(path) {
				folded[Fold(path)] = true
			}
		}
		return folded
	}
	for range 1500 {
		p, q := small(), small()
		if p.isPath() && !p.directory() || q.isPath() && !q.directory() {
			continue // by definition not a matter of common paths
		}
		want := false
		other := cover(q, p)
		for path := range cover(p, q) {
			want = want || other[path]
		}
		if got := p.Overlaps(q); got != want {
			t.Errorf("%q overlaps %q: %v, the oracle says %v", p, q, got, want)
		}
	}
}

func TestIndexLikeEach(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		var ps []*Pattern
		for range 30 {
			if p, err := Compile(cleanPath(randomPattern(r, 1))); err == nil && p.text != "" {
				ps = append(ps, p)
			}
		}
		for _, fold := range []bool{false, true} {
			x := NewIndex(ps, fold)
			for range 50 {
				path := randomPath(r)
				var want []int
				for i, p := range ps {
					if !fold && p.Covers(path) || fold && p.CoversFold(path) {
						want = append(want, i)
					}
				}
				if got := covering(t, x, path); !slices.Equal(got, want) {
					t.Fatalf("fold %v: %q is covered by %v, the index says %v of %q", fold, path, want, got, ps)
				}
			}
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("src/**/*.go", "src/a/b.go")
	f.Add("{a,b/**}[^c]?*", "b/x/yz")
	f.Add("**{/a,b}", "x/a")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		// Resources are valid UTF-8; doublestar is of two minds about others.
		if utf8.ValidString(pattern) && len(pattern) < 40 && strings.Count(pattern, "{") < 5 {
			checkMatch(t, pattern, cleanPath(path))
		}
	})
}

func FuzzOverlap(f *testing.F) {
	f.Add("src/*.go", "src/a*", "src/a.go")
	f.Add("**/*.go", "src/", "src/x/y.go")
	f.Fuzz(func(t *testing.T, a, b, path string) {
		p, err := Compile(a)
		q, err2 := Compile(b)
		if err != nil || err2 != nil || a == "" || b == "" || len(a) > 60 || len(b) > 60 {
			return
		}
		if p.Overlaps(q) != q.Overlaps(p) {
			t.Fatalf("%q and %q: not symmetric", a, b)
		}
		for _, part := range strings.Split(path, "/") {
			if part == "" || part == "." || part == ".." || strings.Contains(part, "\x00") {
				return
			}
		}
		if (p.isPath() && !p.directory()) || (q.isPath() && !q.directory()) {
			return
		}
		both := p.CoversFold(path) && q.CoversFold(path) || p.Covers(path) && q.Covers(path)
		if both && !p.Overlaps(q) {
			t.Fatalf("%q and %q both cover %q and do not overlap", a, b, path)
		}
	})
}
