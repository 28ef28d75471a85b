package parts

import (
	"strconv"
	"strings"
	"testing"
)

// TestParts: however the locks are spread, looks at a server that never gets done
// with more than some of them have asked for each of them in the end.
func TestParts(t *testing.T) {
	for name, keys := range map[string]func(i int) int{
		"evenly":  func(i int) int { return i * (all / 2000) },
		"crowded": func(i int) int { return all - 1 - i%500 - i%2*(all/2) },
		"at once": func(i int) int { return 0x555555 + i/60 },
	} {
		left := map[int]int{}
		for i := range 2000 {
			left[keys(i)]++
		}
		within := func(p Progress) (n int) {
			for key, locks := range left {
				if key >= p.From && key < p.From+p.Width {
					n += locks
				}
			}
			return n
		}
		looks, p := 0, Start
		for p.Narrow(); p != Start; looks++ {
			for n := within(p); n <= 64 && !p.Whole; n = within(p) {
				for _, digits := range p.Beginnings() {
					from, err := strconv.ParseUint(digits+strings.Repeat("0", 6-len(digits)), 16, 64)
					if size := 1 << (4 * (6 - len(digits))); err != nil || int(from) < p.From || int(from)+size > p.From+p.Width {
						t.Fatalf("%s: %s is not in %+v", name, digits, p)
					}
					for key := range left {
						if key >= int(from) && key < int(from)+1<<(4*(6-len(digits))) {
							delete(left, key)
						}
					}
				}
				p.Next(n)
			}
			if p != Start {
				p.Narrow()
			}
		}
		if len(left) > 0 || looks > 500 {
			t.Errorf("%s: after %d looks, %d are left", name, looks, len(left))
		}
	}
}

// FuzzProgress: whatever is in the file, there is a part to ask for.
func FuzzProgress(f *testing.F) {
	for _, text := range []string{"", Start.String(), "1048576 5461333 1125 false 1", "16777216 1 1 true 0", "-1 2 3 true 4", "0 99999999999999999999 1 false 0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := Parse(text)
		if again := Parse(p.String()); again != p {
			t.Errorf("%+v, again %+v", p, again)
		}
		if len(p.Beginnings()) == 0 {
			t.Errorf("nothing to ask for in %+v", p)
		}
	})
}
