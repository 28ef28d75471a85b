package glob

import (
	"slices"
	"unicode/utf8"
)

// class is the text in brackets: sorted, disjoint ranges of runes.
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
