package lock

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func resource(t testing.TB, s string) Resource {
	t.Helper()
	r, err := ParseResource(s, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseResource(t *testing.T) {
	for _, tt := range []struct{ text, prefix, want string }{
		{"path:src/main.rs", "", "path:src/main.rs"},
		{"path:./x", "src/", "path:src/x"},
		{"path:../x", "src/deep/", "path:src/x"},
		{"path:.", "src/", "path:src/"},
		{"path:..", "src/deep/", "path:src/"},
		{"path:a//b/./c/../d", "zzz/", "path:a/b/d"},
		{"path:src/", "", "path:src/"},
		{"path:a:b", "", "path:a:b"},
		{"path:**", "", "path:**"},
		{"issue:A b", "", "issue:A b"},
		{"repo:x", "", "repo:x"},
	} {
		r, err := ParseResource(tt.text, tt.prefix)
		if err != nil || r.String() != tt.want {
			t.Errorf("ParseResource(%q, %q) = %q, %v", tt.text, tt.prefix, r, err)
		}
	}
	for _, text := range []string{"", ":", "path:", "path:/", "path:/a", "path:..", "path:a/../..", "path:.", "issue:", "repo: ", "x:y", "plain",
		"path:a\x00", "path:a\n", "issue:\u0085", "path:\xff", "path:" + strings.Repeat("a", 5000), "path:[a", "path:{" + strings.Repeat("a,", 70) + "}"} {
		_, err := ParseResource(text, "")
		var bad *ResourceError
		if !errors.As(err, &bad) {
			t.Errorf("ParseResource(%q): %v", text, err)
		}
	}
}

func TestKeys(t *testing.T) {
	for text, want := range map[string]string{"repo:global": "4fa20104a646a633", "path:src/main.rs": "eda6df87daf5b23f", "issue:abc123": "877f08b680e1e50b"} {
		if got := Key(text); got != want {
			t.Errorf("Key(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestParseTTL(t *testing.T) {
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "15m": 15 * time.Minute, "1h": time.Hour, "2d": 48 * time.Hour,
		"1h30m": 90 * time.Minute, "90m": 90 * time.Minute, "30d": MaxTTL, "1s": MinTTL} {
		if got, err := ParseTTL(text); got != want || err != nil {
			t.Errorf("ParseTTL(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "15", "0s", "-5m", "+5m", "1.5h", "5 m", "30m1h", "31d", "1w", "99999999999h", "5M", "1h1h", "٣m"} {
		if got, err := ParseTTL(text); err == nil {
			t.Errorf("ParseTTL(%q) = %v", text, got)
		}
	}
}

func TestConflicts(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"path:src/", "path:src/a.go", true}, {"path:a", "path:b", false}, {"path:a", "issue:a", false}, {"path:a", "repo:x", true},
		{"issue:a", "issue:a", true}, {"issue:a", "issue:A", false}, {"issue:a", "repo:x", true}, {"repo:x", "repo:y", true},
		{"path:A/b", "path:a", true}, {"path:src/*.go", "path:src/*.rs", false},
	} {
		a, b := resource(t, tt.a), resource(t, tt.b)
		if a.Conflicts(b) != tt.want || b.Conflicts(a) != tt.want {
			t.Errorf("%s and %s: want %v", a, b, tt.want)
		}
	}
}

func FuzzParseResource(f *testing.F) {
	f.Add("path:./a/../b", "src/")
	f.Add("path:[a-", "")
	f.Add("issue:1", "")
	f.Fuzz(func(t *testing.T, text, prefix string) {
		if prefix != "" && (strings.HasPrefix(prefix, "/") || !strings.HasSuffix(prefix, "/")) {
			return
		}
		r, err := ParseResource(text, prefix)
		if err != nil {
			return
		}
		again, err := ParseResource(r.String(), "")
		if err != nil && prefix == "" || err == nil && again.String() != r.String() {
			t.Fatalf("%q is stored as %q, which is read as %q, %v", text, r, again, err)
		}
		if r.Namespace() == Path && !r.Covers(strings.TrimSuffix(r.Name(), "/"), false) {
			t.Fatalf("%q does not cover its own spelling", r)
		}
	})
}

func TestSort(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 50 {
		var locks []Lock
		for i := range n {
			r, err := ParseResource(fmt.Sprintf("path:%d", random.IntN(n)), "")
			if err != nil {
				t.Fatal(err)
			}
			locks = append(locks, Lock{Resource: r, Owner: Owner(fmt.Sprint(random.IntN(3))), Nonce: fmt.Sprint(i)})
		}
		before := slices.Clone(locks)
		Sort(locks)
		if !slices.IsSortedFunc(locks, func(a, b Lock) int { return byResource(&a, &b) }) {
			t.Fatalf("%v is not in order", locks)
		}
		byNonce := func(a, b Lock) int { return strings.Compare(a.Nonce, b.Nonce) }
		slices.SortFunc(before, byNonce)
		slices.SortFunc(locks, byNonce)
		if !slices.Equal(before, locks) {
			t.Fatalf("%v lost some of %v", locks, before)
		}
	}
}
