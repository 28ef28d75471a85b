package refstore

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

func sample(t testing.TB) lock.Lock {
	t.Helper()
	r, err := lock.ParseResource("path:src/<a>&b.go", "")
	if err != nil {
		t.Fatal(err)
	}
	return lock.Lock{
		Owner: "64d15a2c383e2161772f9cea23e87222", Nonce: "n", Expires: time.UnixMilli(1700003600000), Resource: r,
		Label: "alice \"x\"", Reason: "why", Acquired: time.UnixMilli(1700000000000), TTL: time.Hour, Ticket: time.UnixMilli(1699999999999),
	}
}

func TestEncode(t *testing.T) {
	want := `{
  "owner": "64d15a2c383e2161772f9cea23e87222",
  "nonce": "n",
  "expires_unix_ms": 1700003600000,
  "resource": "path:src/<a>&b.go",
  "label": "alice \"x\"",
  "reason": "why",
  "acquired_unix_ms": 1700000000000,
  "ttl_ms": 3600000,
  "ticket": 1699999999999
}`
	if got := string(Encode(sample(t))); got != want {
		t.Errorf("got %s", got)
	}
	l, key, err := Decode([]byte(want))
	if err != nil || key != lock.Key("path:src/<a>&b.go") || string(Encode(l)) != want {
		t.Errorf("decoded %+v, %s, %v", l, key, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"owner":"a","nonce":"b","expires_unix_ms":-1,"resource":"issue:1","label":7}`))
	f.Add([]byte(`{"owner":"a","nonce":"b","expires_unix_ms":1e3,"resource":"path:a[b"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, _, err := Decode(text)
		if err != nil {
			return
		}
		again, _, err := Decode(Encode(l))
		if err != nil || string(Encode(again)) != string(Encode(l)) {
			t.Fatalf("%s becomes %s: %v", text, Encode(again), err)
		}
	})
}

// TestCacheIsNeverTrusted damages the cache in every way that a disk can.
func TestCacheIsNeverTrusted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records")
	l := sample(t)
	refs := []git.Ref{{Name: "refs/grite/locks/k", OID: "1111111111111111111111111111111111111111"}}
	writeCache(path, Namespace, "stamp", listing{refs: refs, records: []*decoded{{lock: l, key: "k"}}})
	if got := openCache(path).of(Namespace, refs)[0]; got == nil || got.key != "k" || string(Encode(got.lock)) != string(Encode(l)) {
		t.Fatalf("read back %+v", got)
	}
	for _, other := range []git.Ref{{Name: refs[0].Name, OID: "2"}, {Name: "refs/grite/locks/a", OID: refs[0].OID}, {Name: "refs/grite/locks/z", OID: refs[0].OID}} {
		if got := openCache(path).of(Namespace, []git.Ref{other}); got[0] != nil {
			t.Errorf("remembers %+v for %+v", got[0], other)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		bad := append([]byte(nil), text...)
		bad[i] ^= 0x41
		for _, damaged := range [][]byte{bad, text[:i]} {
			if err := os.WriteFile(path, damaged, 0o666); err != nil {
				t.Fatal(err)
			}
			if got := openCache(path).of(Namespace, refs); got[0] != nil {
				t.Fatalf("damage at %d goes unnoticed", i)
			}
		}
	}
}
