package config

import (
	"fmt"
	"strings"
)

// The bounds of the team's file, which comes with a checkout. The TOML decoder
// has none: 40 KB of one dotted key cost it 5 GB, and 2 MB of brackets a stack
// that no program survives (BurntSushi/toml 1.6).
const (
	MaxTeamFile = 16 << 10
	maxDepth    = 4 // of arrays and inline tables
	maxParts    = 4 // of a key
)

// statement is a table header or an assignment in a TOML text.
type statement struct {
	header     bool
	key        []string // of an assignment without the table that it is in
	line       int      // from 1
	start, end int      // of its lines in the text, the line end included
	value      [2]int   // of an assignment: where its value begins and ends
}

// boundError is a text that is not given to the decoder.
type boundError struct {
	line  int
	fault string
}

func (e *boundError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.fault) }

// scanner finds the statements of a TOML text. It is exact about where strings,
// comments and keys end, because the bounds depend on it, and leaves everything
// else to the decoder.
type scanner struct {
	text string
	at   int
	line int
}

// scan returns the statements of a text. The error is *boundError for one that is
// too deep and *Error, without a file, for one that cannot be TOML.
func scan(text string) (all []statement, err error) {
	s := &scanner{text: text, line: 1}
	s.at = len(text) - len(strings.TrimPrefix(text, "\ufeff"))
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case *boundError:
			err = fault
		case *Error:
			err = fault
		default:
			panic(fault)
		}
	}()
	for s.skip(true); s.at < len(s.text); s.skip(true) {
		st := statement{line: s.line, start: strings.LastIndexByte(s.text[:s.at], '\n') + 1}
		if s.next("[") {
			double := s.next("[")
			st.header, st.key = true, s.key()
			s.want("]")
			if double {
				s.want("]")
			}
		} else {
			st.key = s.key()
			s.want("=")
			s.skip(false)
			st.value[0] = s.at
			s.skipValue(1)
			st.value[1] = s.at
		}
		s.skip(false)
		if s.at < len(s.text) && s.text[s.at] != '\n' {
			s.fail("something follows on the line")
		}
		st.end = min(s.at+1, len(s.text))
		all = append(all, st)
	}
	return all, nil
}

func (s *scanner) fail(fault string) {
	panic(&Error{Line: s.line, Fault: "is not valid TOML: " + fault})
}

// skip skips blanks and comments and, if asked, line ends.
func (s *scanner) skip(lines bool) {
	for ; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case ' ', '\t', '\r':
		case '#':
			end := strings.IndexByte(s.text[s.at:], '\n')
			if end < 0 {
				end = len(s.text) - s.at
			}
			s.at += end - 1
		case '\n':
			if !lines {
				return
			}
			s.line++
		default:
			return
		}
	}
}

// next reports whether what comes next is token, and skips it.
func (s *scanner) next(token string) bool {
	if !strings.HasPrefix(s.text[s.at:], token) {
		return false
	}
	s.at += len(token)
	return true
}

func (s *scanner) want(token string) {
	if s.skip(false); !s.next(token) {
		s.fail("expected " + token)
	}
}

// key reads a dotted key.
func (s *scanner) key() (parts []string) {
	for {
		s.skip(false)
		if len(parts) == maxParts {
			panic(&boundError{s.line, fmt.Sprintf("a key of more than %d parts", maxParts)})
		}
		from := s.at
		if s.at < len(s.text) && (s.text[s.at] == '"' || s.text[s.at] == '\'') {
			s.skipString(s.text[s.at : s.at+1])
			parts = append(parts, s.text[from+1:s.at-1])
		} else {
			for s.at < len(s.text) && !strings.ContainsRune(" \t\r\n.=[]{}\"'#,", rune(s.text[s.at])) {
				s.at++
			}
			if s.at == from {
				s.fail("expected a key")
			}
			parts = append(parts, s.text[from:s.at])
		}
		if s.skip(false); !s.next(".") {
			return parts
		}
	}
}

func (s *scanner) skipValue(depth int) {
	if depth > maxDepth && s.at < len(s.text) && (s.text[s.at] == '[' || s.text[s.at] == '{') {
		panic(&boundError{s.line, fmt.Sprintf("values nested more than %d deep", maxDepth)})
	}
	for _, quote := range []string{`"""`, `'''`, `"`, `'`} {
		if strings.HasPrefix(s.text[s.at:], quote) {
			s.skipString(quote)
			return
		}
	}
	switch {
	case s.next("["):
		for s.skip(true); !s.next("]"); s.skip(true) {
			s.skipValue(depth + 1)
			if s.skip(true); !s.next(",") && !strings.HasPrefix(s.text[s.at:], "]") {
				s.fail("an array does not end")
			}
		}
	case s.next("{"):
		for s.skip(true); !s.next("}"); s.skip(true) {
			s.key()
			s.want("=")
			s.skip(true)
			s.skipValue(depth + 1)
			if s.skip(true); !s.next(",") && !strings.HasPrefix(s.text[s.at:], "}") {
				s.fail("an inline table does not end")
			}
		}
	default:
		from := s.at
		for s.at < len(s.text) && !strings.ContainsRune("\n,]}#[{\"'=", rune(s.text[s.at])) {
			s.at++
		}
		if s.at = from + len(strings.TrimRight(s.text[from:s.at], " \t\r")); s.at == from {
			s.fail("expected a value")
		}
	}
}

// skipString skips a string that begins with quote.
func (s *scanner) skipString(quote string) {
	s.at += len(quote)
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case strings.HasPrefix(s.text[s.at:], quote):
			s.at += len(quote)
			for range 2 { // up to two quotes may stand before the closing ones
				if len(quote) == 3 && strings.HasPrefix(s.text[s.at:], quote[:1]) {
					s.at++
				}
			}
			return
		case c == '\\' && quote[0] == '"':
			s.at++
			if s.at < len(s.text) && s.text[s.at] == '\n' {
				s.line++
			}
		case c == '\n':
			if len(quote) == 1 {
				s.fail("a string does not end on its line")
			}
			s.line++
		}
		s.at++
	}
	s.at = len(s.text)
	s.fail("a string does not end")
}
