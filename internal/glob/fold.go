package glob

import (
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold normalises s to NFC and replaces each rune by one that stands for all
// runes that differ from it by case only (simple folding, unicode.SimpleFold).
func Fold(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			return foldRunes(norm.NFC.String(s))
		}
		ascii = ascii && (c < 'A' || c > 'Z')
	}
	if ascii {
		return s
	}
	return foldRunes(s)
}

// composed is s in NFC.
func composed(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return norm.NFC.String(s)
		}
	}
	return s
}

func foldRunes(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			out = append(out, s[i]) // not UTF-8: left as it is
		} else {
			out = utf8.AppendRune(out, foldRune(r))
		}
		i += size
	}
	return string(out)
}

// foldRune is the rune that stands for r and all its other cases: the lower
// case letter of ASCII where there is one, else the smallest of them.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if 'A' <= least && least <= 'Z' {
		return least + 'a' - 'A'
	}
	return least
}

// cases calls f for r and all its other cases until f returns true.
func cases(r rune, f func(rune) bool) bool {
	if f(r) {
		return true
	}
	for c := unicode.SimpleFold(r); c != r; c = unicode.SimpleFold(c) {
		if f(c) {
			return true
		}
	}
	return false
}

// cased are the runes that have other cases, in order.
var cased = sync.OnceValue(func() (all []rune) {
	for _, r := range unicode.CaseRanges {
		for c := rune(r.Lo); c <= rune(r.Hi); c++ {
			if unicode.SimpleFold(c) != c {
				all = append(all, c)
			}
		}
	}
	slices.Sort(all)
	return all
})

// casedWithin are those in a range.
func casedWithin(r runeRange) []rune {
	all := cased()
	from, _ := slices.BinarySearch(all, r.lo)
	to, _ := slices.BinarySearch(all, r.hi+1)
	return all[from:to]
}
