package glob

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// hostile are patterns of the kinds that cost much: by their kind and a number,
// each within the bounds and 4,000 bytes.
var hostile = map[string]func(i int) string{
	"skipping": func(i int) string { return strings.Repeat("**/", 640) + fmt.Sprintf("q%d*x", i) },
	"braces": func(i int) string {
		return strings.Repeat("**/", 600) + fmt.Sprintf("{a,b,c,d,e%d}", i) + strings.Repeat("*", 20)
	},
	"long":         func(i int) string { return fmt.Sprintf("%d", i) + strings.Repeat("*a", 480) },
	"long, if any": func(i int) string { return fmt.Sprintf("*{%d", i) + strings.Repeat("?", 1800) + ",}{*a,}x" },
	"optional":     func(i int) string { return fmt.Sprintf("q%d", i) + strings.Repeat("{**/,}", 20) + "b*" },
	"classes":      func(i int) string { return "**/*" + strings.Repeat("[b-df-z]", 240) + fmt.Sprintf("%d", i) },
	"slashes":      func(i int) string { return strings.Repeat("*/**/", 150) + fmt.Sprint(i) },
}

// TestHostilePatterns has a thousand patterns of each kind judge some paths: what
// that takes is counted in memory, because time is the machine's.
func TestHostilePatterns(t *testing.T) {
	paths := []string{"a.txt", "src/b.go", "docs/deep/er/file.md", strings.Repeat("a/", 30) + "x"}
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			var ps []*Pattern
			for i := range 1000 {
				ps = append(ps, compile(t, text(i)))
			}
			for _, fold := range []bool{false, true} {
				x := NewIndex(ps, fold)
				if _, err := x.Covering(t.Context(), paths); err != nil {
					t.Fatal(err)
				}
				if held := heap(); held > 64<<20 {
					t.Errorf("fold %v: %d MiB are held", fold, held>>20)
				}
				runtime.KeepAlive(x)
			}
			mine := compile(t, "src/")
			for _, p := range ps {
				mine.Overlaps(p)
			}
			if held := heap(); held > 64<<20 {
				t.Errorf("after Overlaps %d MiB are held", held>>20)
			}
			runtime.KeepAlive(ps)
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestHostilePairs counts the steps of the worst pairs and asks for one verdict
// in both orders.
func TestHostilePairs(t *testing.T) {
	classes := func(from, to rune) string { return strings.Repeat(fmt.Sprintf("[%c-%c]", from, to), 200) + "*" }
	texts := []string{strings.Repeat("*[b-df-z]", 150) + "x", strings.Repeat("*/**/?", 150) + "y", strings.Repeat("{a*,*b,}", 21) + "z", classes('\u0400', '\uffff'), classes('a', '\u03ff')}
	others := slices.Clone(texts) // of the same kinds, in the same order
	for _, text := range hostile {
		texts, others = append(texts, text(1)), append(others, text(2))
	}
	for i, a := range texts {
		for _, b := range others[i:] {
			p, q := compile(t, a), compile(t, b)
			if p.Overlaps(q) != q.Overlaps(p) {
				t.Errorf("%.40q and %.40q: not symmetric", a, b)
			}
		}
	}
	s := search{budget: 100}
	p, q := compile(t, texts[0]), compile(t, "*q"+texts[1])
	if !s.shareAPath(p.machine(true), q.machine(true)) || s.budget > 0 {
		t.Error("a search with no budget left does not count as a shared path")
	}
}

func TestContextStopsIndex(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("too late")
	cancel(late)
	for _, text := range hostile {
		x := NewIndex([]*Pattern{compile(t, text(1))}, false)
		if _, err := x.Covering(ctx, []string{"q1b", "1a"}); err != nil && !errors.Is(err, late) {
			t.Errorf("%.20q: %v", text(1), err)
		}
	}
	x := NewIndex([]*Pattern{compile(t, "*")}, false)
	if _, err := x.Covering(ctx, []string{"a"}); !errors.Is(err, late) {
		t.Errorf("Covering after its end: %v", err)
	}
}

// TestBoundsOfBothForms uses runes whose NFC form is longer: the machine for
// folded comparison must be within the bounds too, not cut off.
func TestBoundsOfBothForms(t *testing.T) {
	for _, ch := range []string{"\u0958", "\U0001D160"} {
		body := strings.Repeat(ch, 4000/len(ch))
		p, err := Compile(body + "*")
		if err == nil {
			if q := compile(t, body+"x"); p.Covers(body+"x") && !p.Overlaps(q) {
				t.Errorf("%q: covers, but does not overlap", ch)
			}
		}
		var bounds *BoundsError
		if !errors.As(err, &bounds) {
			t.Errorf("%q: %v", ch, err)
		}
	}
}

// TestBoundsAreCounted has patterns just within and just beyond each bound.
func TestBoundsAreCounted(t *testing.T) {
	for _, tt := range []struct {
		text string
		what string // "" for within
	}{
		{strings.Repeat("?", 1998), ""}, {strings.Repeat("?", 2001), "states"},
		{strings.Repeat("**/", 1300) + "x", ""},
		{"a" + strings.Repeat("*", 190), ""}, {"a" + strings.Repeat("*", 400), "ways past its stars and braces"},
	} {
		_, err := Compile(tt.text)
		var bounds *BoundsError
		if errors.As(err, &bounds) != (tt.what != "") || err != nil && bounds.What != tt.what {
			t.Errorf("%.30q (%d bytes): %v, want %q", tt.text, len(tt.text), err, tt.what)
		}
	}
}

// TestCheapBoundsHold compares the short cut of Compile with what it leaves out.
func TestCheapBoundsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("*/?ab")), 1, 60, 60).Draw(t, "pattern")
		m := build(text, false)
		if n := m.close(1 << 30); len(m.nodes) > MaxStates || n > MaxMoves {
			t.Fatalf("%q: %d states, %d moves", text, len(m.nodes), n)
		}
	})
}

// TestShortest checks the bound against paths that match.
func TestShortest(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 20000 {
		p, err := Compile(cleanPath(randomPattern(r, 2)))
		if err != nil || p.Plain() {
			continue
		}
		least := parse(collapse(p.base)).shortest()
		for range 10 {
			path := randomPath(r)
			if n := len([]rune(path)); n < least && p.machine(false).match(path) {
				t.Fatalf("%q matches %q, which is shorter than %d", p, path, least)
			}
		}
	}
	if n := parse("src/**/[ab]?{long,xy}/**").shortest(); n != 7 {
		t.Errorf("shortest: %d", n)
	}
}

// TestLargeLikeSmall runs the same patterns together and one by one.
func TestLargeLikeSmall(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 300 {
		p, err := Compile(cleanPath(randomPattern(r, 2)))
		if err != nil || p.Plain() {
			continue
		}
		for _, fold := range []bool{false, true} {
			for range 20 {
				path := randomPath(r)
				if fold {
					path = Fold(path)
				}
				found := make([][]int, 1)
				if err := (member{5, p}).match(t.Context(), fold, []string{path}, []int{0}, found); err != nil {
					t.Fatal(err)
				}
				if one := len(found[0]) == 1; one != p.machine(fold).match(path) {
					t.Fatalf("%q fold %v %q: %v", p, fold, path, one)
				}
			}
		}
	}
}
