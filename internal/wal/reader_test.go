package wal

import (
	"fmt"
	"testing"
)

// parse is a reader of CBOR that shares nothing with package cbor: it makes
// values of Go's own types, and panics at whatever it does not know.
func parse(t testing.TB, b []byte) any {
	t.Helper()
	value, rest := parseValue(b)
	if len(rest) > 0 {
		t.Fatalf("%x is left", rest)
	}
	return value
}

func parseValue(b []byte) (value any, rest []byte) {
	first, b := b[0], b[1:]
	n := uint64(first % 32)
	switch width := n; width {
	case 24, 25, 26, 27:
		n = 0
		for range 1 << (width - 24) {
			n, b = n*256+uint64(b[0]), b[1:]
		}
	}
	switch first / 32 {
	case 0:
		return n, b
	case 2:
		return b[:n], b[n:]
	case 3:
		return string(b[:n]), b[n:]
	case 4:
		list := []any{}
		for range n {
			value, b = parseValue(b)
			list = append(list, value)
		}
		return list, b
	case 5:
		pairs := map[any]any{}
		for range n {
			var key any
			key, b = parseValue(b)
			pairs[key], b = parseValue(b)
		}
		return pairs, b
	}
	switch first {
	case 0xf6:
		return nil, b
	case 0xfb:
		return float(n), b
	}
	panic(fmt.Sprintf("head %x", first))
}

type float uint64

// compose writes what parse has read, heads by a table of their widths.
func compose(value any) []byte {
	head := func(major byte, n int) []byte {
		for _, w := range []struct {
			below uint64
			info  byte
			bytes int
		}{{24, 0, 0}, {1 << 8, 24, 1}, {1 << 16, 25, 2}, {1 << 32, 26, 4}, {1 << 63, 27, 8}} {
			if uint64(n) < w.below {
				if w.bytes == 0 {
					return []byte{major*32 + byte(n)}
				}
				out := []byte{major*32 + w.info}
				for i := w.bytes - 1; i >= 0; i-- {
					out = append(out, byte(n>>(8*i)))
				}
				return out
			}
		}
		panic("too large")
	}
	switch v := value.(type) {
	case nil:
		return []byte{0xf6}
	case uint64:
		return head(0, int(v))
	case []byte:
		return append(head(2, len(v)), v...)
	case string:
		return append(head(3, len(v)), v...)
	case []any:
		out := head(4, len(v))
		for _, item := range v {
			out = append(out, compose(item)...)
		}
		return out
	case map[any]any:
		out := head(5, len(v))
		for key, item := range v {
			out = append(append(out, compose(key)...), compose(item)...)
		}
		return out
	case float:
		out := []byte{0xfb}
		for i := 7; i >= 0; i-- {
			out = append(out, byte(v>>(8*i)))
		}
		return out
	}
	panic(fmt.Sprintf("%T", value))
}
