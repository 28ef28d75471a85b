package check

import (
	"fmt"
	"testing"
	"time"
)

// FuzzRecall: only a memo that names the push speaks for it, and for no longer
// than a memo is written for.
func FuzzRecall(f *testing.F) {
	now := time.UnixMilli(1_800_000_000_000)
	memo := func(key string, until int64) []byte {
		return fmt.Appendf(nil, `{"key":%q,"stopped":true,"until_unix_ms":%d}`, key, until)
	}
	for _, text := range [][]byte{memo("7 ab", now.UnixMilli()+1), memo("7 ab", now.UnixMilli()), memo("7 ab", 1<<62), memo("8 ab", now.UnixMilli()+1), []byte("null"), nil} {
		f.Add(text, "7 ab")
	}
	f.Fuzz(func(t *testing.T, text []byte, key string) {
		_, ok := recall(text, key, now)
		if _, later := recall(text, key, now.Add(memoTTL)); ok && later {
			t.Errorf("%q still speaks for %q", text, key)
		}
		if _, other := recall(text, key+".", now); ok && other {
			t.Errorf("%q speaks for two pushes", text)
		}
	})
}
