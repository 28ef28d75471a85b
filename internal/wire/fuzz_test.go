package wire

import (
	"os/exec"
	"testing"
	"unicode"
)

// FuzzPrintable: what others wrote shows as it is and moves no cursor, and what is
// to be pasted into a shell is one word there, the same one.
func FuzzPrintable(f *testing.F) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		f.Skip("no bash")
	}
	for _, s := range []string{"a\x1b[31m\u202e\x00\xff", "'; rm -rf ~ #", "$(x)`y`\\\n", "\u0085\u2028", "it's\x07 \\'", "\xc3\x28", "!!", "~", "a=b"} {
		f.Add(s)
	}
	n := 0
	f.Fuzz(func(t *testing.T, s string) {
		quoted := ShellQuote(s)
		for _, shown := range []string{Printable(s), quoted} {
			for _, r := range shown {
				if !unicode.IsPrint(r) {
					t.Fatalf("%q is shown as %q", s, shown)
				}
			}
		}
		for _, b := range []byte(s) {
			if b == 0 {
				return // no argument has one
			}
		}
		if n++; n%64 != 1 {
			return // a shell costs a thousand times as much
		}
		out, err := exec.Command(bash, "--norc", "-c", "set -f; printf '%s' "+quoted).Output()
		if err != nil || string(out) != s {
			t.Fatalf("%q is quoted as %s, which a shell takes for %q, %v", s, quoted, out, err)
		}
	})
}
