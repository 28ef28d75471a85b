package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a settings file.
const maxDepth = 100

// node is a value of a JSON text that may have comments and commas after the
// last member, with its place in the text.
type node struct {
	start, end int    // text[start:end]
	kind       byte   // '{', '[' or, for everything else, the first byte
	members    []node // of an object or an array
	key        string // of a member of an object
	keyStart   int    // where the member begins: at its key, or at start
	comma      int    // where the comma after the member is, -1 when there is none
}

// syntaxError is what a JSON parser would refuse too.
type syntaxError struct {
	line   int
	reason string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.reason) }

type jsonc struct {
	text []byte
	pos  int
}

// parseJSONC returns the one value of a text, or *syntaxError.
func parseJSONC(text []byte) (n node, err error) {
	p := &jsonc{text: text}
	defer func() {
		if r := recover(); r != nil {
			reason, ok := r.(string)
			if !ok {
				panic(r)
			}
			err = &syntaxError{1 + bytes.Count(text[:min(p.pos, len(text))], []byte("\n")), reason}
		}
	}()
	if bytes.HasPrefix(text, []byte("\ufeff")) {
		p.pos = 3
	}
	p.space()
	n = p.value(0)
	if p.space(); p.pos < len(text) {
		panic("text after the value")
	}
	return n, nil
}

func (p *jsonc) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// space skips blanks and comments.
func (p *jsonc) space() {
	for p.pos < len(p.text) {
		rest := p.text[p.pos:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			p.pos++
		case bytes.HasPrefix(rest, []byte("//")):
			if i := bytes.IndexByte(rest, '\n'); i >= 0 {
				p.pos += i
			} else {
				p.pos = len(p.text)
			}
		case bytes.HasPrefix(rest, []byte("/*")):
			i := bytes.Index(rest[2:], []byte("*/"))
			if i < 0 {
				panic("a comment that does not end")
			}
			p.pos += i + 4
		default:
			return
		}
	}
}

func (p *jsonc) value(depth int) node {
	if depth > maxDepth {
		panic("nested too deeply")
	}
	n := node{start: p.pos, keyStart: p.pos, kind: p.peek(), comma: -1}
	switch n.kind {
	case '{', '[':
		p.pos++
		n.members = p.list(n.kind, depth)
	case '"':
		p.str()
	default:
		for p.pos < len(p.text) && strings.IndexByte("{}[],:\"/ \t\r\n", p.text[p.pos]) < 0 {
			p.pos++
		}
		if !json.Valid(p.text[n.start:p.pos]) {
			p.pos = n.start
			panic("not JSON")
		}
	}
	n.end = p.pos
	return n
}

// list reads the members of an object or an array and the bracket that ends it.
func (p *jsonc) list(kind byte, depth int) (members []node) {
	for {
		p.space()
		if c := p.peek(); c == kind+2 { // "{" and "}", "[" and "]" are two apart
			p.pos++
			return members
		}
		if len(members) > 0 && members[len(members)-1].comma < 0 {
			panic("a comma is missing")
		}
		keyStart, key := p.pos, ""
		if kind == '{' {
			if p.peek() != '"' {
				panic("a name in quotes is missing")
			}
			key = p.str()
			if p.space(); p.peek() != ':' {
				panic("a colon is missing")
			}
			p.pos++
			p.space()
		}
		m := p.value(depth + 1)
		m.key, m.keyStart = key, keyStart
		if p.space(); p.peek() == ',' {
			m.comma = p.pos
			p.pos++
		}
		members = append(members, m)
	}
}

func (p *jsonc) str() (s string) {
	start := p.pos
	for p.pos++; p.peek() != '"'; p.pos++ {
		if p.peek() == '\\' {
			p.pos++
		}
		if p.pos >= len(p.text) || p.peek() == '\n' {
			panic("a string that does not end")
		}
	}
	p.pos++
	if json.Unmarshal(p.text[start:p.pos], &s) != nil || !utf8.Valid(p.text[start:p.pos]) {
		p.pos = start
		panic("not a JSON string")
	}
	return s
}

// find returns the member with that name, nil when there is none or no object.
func (n *node) find(key string) *node {
	if n == nil {
		return nil
	}
	for i := range n.members {
		if n.members[i].key == key {
			return &n.members[i]
		}
	}
	return nil
}

// decode returns the value without its comments.
func (n *node) decode(text []byte) (v any) {
	switch n.kind {
	case '{':
		object := map[string]any{}
		for _, m := range n.members {
			object[m.key] = m.decode(text)
		}
		return object
	case '[':
		array := []any{}
		for _, m := range n.members {
			array = append(array, m.decode(text))
		}
		return array
	}
	json.Unmarshal(text[n.start:n.end], &v) // parseJSONC has seen that it can
	return v
}

// blanks returns where the blanks before pos begin.
func blanks(text []byte, pos int) int {
	return len(bytes.TrimRight(text[:pos], " \t\r\n"))
}

// roomy reports whether the first member of a container stands on a line of
// its own. Containers that insert makes do; to an empty one that was there
// before, insert adds no blank. So remove knows which to take away again.
func (n *node) roomy(text []byte) bool {
	return len(n.members) > 0 && bytes.ContainsRune(text[n.start:n.members[0].keyStart], '\n')
}

// indent returns the blanks at the beginning of the line of pos.
func indent(text []byte, pos int) string {
	line := text[bytes.LastIndexByte(text[:pos], '\n')+1 : pos]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// insert puts a member, whose lines after the first are relative to it, at the
// end of a container. unit is one level of indentation.
func insert(text []byte, n *node, member, unit, newline string) []byte {
	depth := indent(text, n.start)
	if len(n.members) == 0 {
		return splice(text, n.start+1, n.start+1, reindent(member, depth, newline))
	}
	last := n.members[len(n.members)-1]
	at, sep := blanks(text, n.end-1), " " // after the last comma and comment
	if bytes.ContainsRune(text[n.start:n.end], '\n') {
		if depth += unit; n.roomy(text) {
			depth = indent(text, n.members[0].keyStart)
		}
		sep = newline + depth
	}
	member = sep + reindent(member, depth, newline)
	if last.comma >= 0 {
		return splice(text, at, at, member+",")
	}
	return splice(splice(text, at, at, member), last.end, last.end, ",")
}

// remove undoes insert: it takes away member i of a container, and reports
// false when that is the only one and insert has made the container.
func remove(text []byte, n *node, i int) ([]byte, bool) {
	m := n.members[i]
	end := max(m.end, m.comma+1)
	if i == 0 {
		if len(n.members) == 1 {
			return splice(text, m.keyStart, end, ""), !n.roomy(text)
		}
		end += len(text[end:]) - len(bytes.TrimLeft(text[end:], " \t\r\n"))
		return splice(text, m.keyStart, end, ""), true
	}
	text = splice(text, blanks(text, m.keyStart), end, "")
	if before := n.members[i-1]; m.comma < 0 {
		text = splice(text, before.comma, before.comma+1, "")
	}
	return text, true
}

func reindent(member, depth, newline string) string {
	return strings.ReplaceAll(member, "\n", newline+depth)
}

func splice(text []byte, from, to int, with string) []byte {
	return append(append(append(make([]byte, 0, len(text)+len(with)), text[:from]...), with...), text[to:]...)
}
