package sign

import (
	"strings"
	"testing"
	"time"
)

const somebody = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0j8u0C6Q6yHIh1mQjv0OQpPRfEYx3kTzqWcQf2b4bM"

func TestParseAllowed(t *testing.T) {
	for _, line := range []string{
		"alice", "alice " + somebody[:40], `"alice ` + somebody, `"" ` + somebody, "alice no-such-option " + somebody,
		`alice valid-before="soon" ` + somebody, `alice valid-before="20261340" ` + somebody, "ssh-ed25519",
	} {
		a, err := ParseAllowed([]byte("# comment\n\n"+line+"\nbob "+somebody+"\n"), time.UTC)
		if err == nil || !strings.HasPrefix(err.Error(), "line 3: ") || len(a.entries) != 1 || a.entries[0].principals != "bob" {
			t.Errorf("%s: %v, %+v", line, err, a)
		}
	}
	if a, err := ParseAllowed(nil, time.UTC); err != nil || len(a.entries) > 0 {
		t.Errorf("an empty file: %+v, %v", a, err)
	}
	a, _ := ParseAllowed([]byte("alice "+somebody), time.UTC)
	b, _ := ParseAllowed([]byte("bob "+somebody), time.UTC)
	if a.ID == b.ID || a.ID == "" {
		t.Errorf("two files have the ids %q and %q", a.ID, b.ID)
	}
	if got := a.PrincipalsOf(somebody+" comment", time.Now()); len(got) != 1 || got[0] != "alice" {
		t.Errorf("principals %q", got)
	}
}

func TestMatchList(t *testing.T) {
	for _, c := range []struct {
		patterns, name string
		want           bool
	}{
		{"alice", "alice", true}, {"alice", "alice2", false}, {"alice,bob", "bob", true}, {"*", "", true},
		{"*@example.com", "a@example.com", true}, {"*@example.com", "a@example.com.evil", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"*,!bob", "bob", false}, {"!bob,*", "bob", false}, {"!bob", "alice", false}, {"*,!bob", "alice", true},
		{"a*b*c", "aXbYbZc", true}, {"a*b*c", "aXbYbZ", false}, {"", "alice", false},
		{strings.Repeat("*a", 2000) + "b", strings.Repeat("a", 4000), false},
	} {
		if got := matchList(c.patterns, c.name); got != c.want {
			t.Errorf("%.40q, %.40q: %v", c.patterns, c.name, got)
		}
	}
}

func TestVouchesFor(t *testing.T) {
	s := Signer{Principals: []string{"alice@example.com,a1", "*@corp"}}
	for _, c := range []struct {
		owner, label string
		want         bool
	}{
		{"a1", "", true}, {"a1", "mallory", true}, {"b2", "alice@example.com", true}, {"b2", "alice@example.com/tree", true}, {"b2", "x@corp/a/b", true},
		{"b2", "", false}, {"b2", "alice@example.community", false}, {"b2", "bob/alice@example.com", false}, {"b2", "/alice@example.com", false}, {"", "", false},
	} {
		if got := s.VouchesFor(c.owner, c.label); got != c.want {
			t.Errorf("%q, %q: %v", c.owner, c.label, got)
		}
	}
}

// FuzzVerify feeds what others pushed and wrote to everything here that reads it.
func FuzzVerify(f *testing.F) {
	f.Add([]byte("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <b> 0 +0000\ngpgsig -----BEGIN SSH SIGNATURE-----\n U1NIU0lH\n -----END SSH SIGNATURE-----\n\nm\n"), []byte(`a*,"b" namespaces="git",valid-before="20261125Z" `+somebody))
	f.Add([]byte("gpgsig x\n y\ngpgsig-sha256 z\n\ngpgsig not a header\n"), []byte("alice cert-authority "+somebody))
	f.Fuzz(func(t *testing.T, commit, file []byte) {
		allowed, _ := ParseAllowed(file, time.UTC)
		if s, err := Verify(commit, allowed, time.Unix(0, 0)); err == nil {
			t.Fatalf("nobody signed this: %+v", s)
		}
		signed, armored, err := SplitSignature(commit)
		if err != nil || armored != nil {
			return
		}
		if again, _, _ := SplitSignature(signed); string(again) != string(signed) {
			t.Fatalf("%q became %q", signed, again)
		}
	})
}
