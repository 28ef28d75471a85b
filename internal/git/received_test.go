package git

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
)

func TestOneEntry(t *testing.T) {
	id := strings.Repeat("\xab", 20)
	for tree, want := range map[string]string{
		"100644 lock.json\x00" + id: "lock.json", "100755 lock.json\x00" + id: "", "120000 lock.json\x00" + id: "", "40000 lock.json\x00" + id: "",
		"": "", "100644 lock.json": "", "100644 lock.json\x00" + id[1:]: "", "100644 a\x00" + id + "100644 b\x00" + id: "",
	} {
		name, blob := oneEntry([]byte(tree), 20)
		if name != want || (blob == strings.Repeat("ab", 20)) != (want != "") {
			t.Errorf("%q: %q %q", tree, name, blob)
		}
	}
}

// FuzzReadAnswer reads what git cat-file might say, as much of it as there is.
func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte("0123 blob 3\nabc\nx missing\n"), true)
	f.Add([]byte("0123 tree 999999999999\n"), false)
	f.Add([]byte("0123 blob -1\n"), true)
	f.Fuzz(func(t *testing.T, text []byte, content bool) {
		in := bufio.NewReader(bytes.NewReader(text))
		for {
			a, err := readAnswer(in, content)
			if err != nil {
				return
			}
			if content && len(a.content) != a.size || a.kind == "" && a.size != 0 {
				t.Fatalf("%+v", a)
			}
			if name, blob := oneEntry(a.content, 20); blob != "" && len(blob) != 40 || strings.Contains(name, "\x00") {
				t.Fatalf("%q, %q", name, blob)
			}
		}
	})
}
