package wire

import (
	"slices"
	"testing"
)

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		text    string
		columns int
		want    string
	}{
		{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"漢字", 4, "漢字"}, {"漢字x", 4, "漢…"}, {"漢字漢", 4, "漢…"},
		{"a漢字", 4, "a漢…"}, {"äöü", 3, "äöü"}, {"äöüß", 3, "äö…"}, {"ab…", 3, "ab…"},
	} {
		if got := Fit(tt.text, tt.columns, "…"); got != tt.want {
			t.Errorf("Fit(%q, %d) = %q, not %q", tt.text, tt.columns, got, tt.want)
		}
	}
}

func TestFitInASCII(t *testing.T) {
	if got := Fit("a long text", 8, "..."); got != "a lon..." {
		t.Error(got)
	}
}

func TestLines(t *testing.T) {
	got := Lines("one\r\n\ttwo\x1b\n\nfour\n\n")
	if want := []string{"one", `    two\x1b`, "", "four"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}
