package config

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// FuzzScan compares the scan with the decoder: a text within the bounds that the
// decoder reads is scanned, and has no deeper keys and values than allowed.
func FuzzScan(f *testing.F) {
	for _, s := range []string{"a = 1", "[a.b]\nc.d = [1, [2]] # x", "x = '''\n'''''\n", `x = """a\"""" """`, "a = { b = [ 1 ] }\n[[c]]", "\ufeffa = 1\r\n", "d = 1979-05-27 07:32:00", `"a\"b".'c' = "x"`, "a = [\n # ]\n 1,\n]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 || !utf8.ValidString(text) { // the decoder skips the mark of UTF-16
			return
		}
		all, err := scan(text)
		if _, ok := err.(*boundError); ok {
			return // the decoder is not to be asked
		}
		var values map[string]any
		meta, tomlErr := toml.Decode(text, &values)
		if err != nil {
			// Behind an escaped backslash the decoder (1.6.0) takes six quotes for the
			// end of a string; five are TOML.
			if tomlErr == nil && !strings.Contains(text, `\\""""""`) {
				t.Fatalf("%q: %v, the decoder reads it", text, err)
			}
			return
		}
		if tomlErr != nil {
			return
		}
		if deep := depth(values); deep > maxParts+maxParts+maxDepth*(maxParts+1) {
			t.Fatalf("%q: %d deep", text, deep)
		}
		for _, k := range meta.Keys() {
			if len(k) > maxParts*(maxDepth+2) {
				t.Fatalf("%q: key %v", text, k)
			}
		}
		for _, st := range all {
			if st.start > st.end || st.end > len(text) || !st.header && (st.value[0] >= st.value[1] || st.value[1] > st.end) {
				t.Fatalf("%q: %+v", text, st)
			}
		}
	})
}

func depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			deepest = max(deepest, depth(x))
		}
	case []any:
		for _, x := range v {
			deepest = max(deepest, depth(x))
		}
	case []map[string]any:
		for _, x := range v {
			deepest = max(deepest, depth(x))
		}
	default:
		return 0
	}
	return deepest + 1
}
