package glob

import (
	"strings"
)

// collapse replaces "**/**/" by "**/", which matches the same: each of them
// could be skipped from each before it, at a quadratic cost. The last two before
// the end of an alternative stay: doublestar lets one match nothing there, but
// not two.
func collapse(pattern string) string {
	if !strings.Contains(pattern, "**/**/") {
		return pattern
	}
	var out strings.Builder
	b := &builder{text: []rune(pattern)}
	double := func(i int) bool {
		return i+3 < len(b.text) && b.text[i] == '*' && b.text[i+1] == '*' && b.text[i+2] == '/' && b.text[i+3] != ',' && b.text[i+3] != '}'
	}
	for i := 0; i < len(b.text); {
		for (i == 0 || b.text[i-1] == '/') && double(i) && double(i+3) {
			i += 3
		}
		end := i
		switch b.text[i] {
		case '\\':
			end = i + 1
		case '[':
			end = b.classEnd(i)
		}
		end = min(end+1, len(b.text))
		out.WriteString(string(b.text[i:end]))
		i = end
	}
	return out.String()
}

// alternatives counts the alternatives of all braces together.
func (b *builder) alternatives() int {
	n := 0
	for _, s := range b.starts {
		n += len(s)
	}
	return n
}

// shortest is a lower bound of the length, in runes, of the paths that match.
func (b *builder) shortest() int {
	least := make([]int, len(b.text)+1)
	ends := make([]int, len(b.text)) // of each position: the class that begins there
	for i := 0; i < len(b.text); i++ {
		switch b.text[i] {
		case '\\':
			ends[i] = min(i+1, len(b.text)-1)
			i++
		case '[':
			ends[i] = b.classEnd(i)
			i = ends[i]
		}
	}
	for i := len(b.text) - 1; i >= 0; i-- {
		switch {
		case ends[i] > 0:
			least[i] = 1 + least[ends[i]+1]
		case b.after[i] > 0:
			least[i] = least[b.after[i]]
		case b.starts[i] != nil:
			least[i] = least[b.starts[i][0]]
			for _, s := range b.starts[i][1:] {
				least[i] = min(least[i], least[s])
			}
		case b.text[i] == '*' || b.text[i] == '/': // "/**" matches nothing too
			least[i] = least[i+1]
		default:
			least[i] = 1 + least[i+1]
		}
	}
	return least[0]
}

// braces finds where alternatives begin and where the text goes on after them.
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

// resolve skips the ends of alternatives at a position.
func (b *builder) resolve(at int) int {
	for at < len(b.text) && b.after[at] > 0 {
		at = b.after[at]
	}
	return at
}

// is reports whether r is at a resolved position.
func (b *builder) is(at int, r rune) bool { return at < len(b.text) && b.text[at] == r }
