package refstore

import (
	"path/filepath"
	"testing"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/summed"
)

// FuzzReadCache: a cache with a right sum, whatever it holds, answers for its refs
// alone, and what it says is what it would be written as again.
func FuzzReadCache(f *testing.F) {
	const prefix = "refs/grite/locks"
	refs := []git.Ref{{Name: prefix + "/j", OID: "1"}, {Name: prefix + "/k", OID: "0123"}, {Name: prefix + "/l", OID: "2"}}
	resource, err := lock.ParseRecorded("path:a/**")
	if err != nil {
		f.Fatal(err)
	}
	sound := decoded{key: "k", lock: lock.Lock{Owner: "o", Nonce: "n", Resource: resource, TTL: 1}}
	for _, records := range [][]*decoded{{nil, &sound, nil}, {{key: "j", err: errPlace}, &sound, {key: "l", err: errFuture}}} {
		path := filepath.Join(f.TempDir(), "records")
		writeCache(path, prefix, "stamp", listing{refs: refs, records: records})
		text, ok := summed.Read(path, cacheMagic)
		if !ok {
			f.Fatal("nothing was written")
		}
		f.Add([]byte(text))
	}
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01abc"))
	path := filepath.Join(f.TempDir(), "records")
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := summed.Write(path, cacheMagic, body); err != nil {
			t.Fatal(err)
		}
		records := openCache(path).of(prefix, refs)
		for i, rec := range records {
			if rec == nil {
				continue
			}
			if rec.key != refKey(prefix, refs[i].Name) || rec.err == nil && rec.lock.Resource.String() == "" {
				t.Fatalf("%v is %+v", refs[i], rec)
			}
		}
		writeCache(path, prefix, "stamp", listing{refs: refs, records: records})
		for i, again := range openCache(path).of(prefix, refs) {
			rec := records[i]
			if (rec == nil) != (again == nil) || rec != nil && string(appendRecord(nil, rec)) != string(appendRecord(nil, again)) {
				t.Fatalf("%+v is read again as %+v", rec, again)
			}
		}
	})
}

// FuzzReadGrant: the file of a grant, whatever it holds, is a lock that can be
// written down again, or none.
func FuzzReadGrant(f *testing.F) {
	for _, text := range []string{
		`{"url":"u","remote":"origin","oid":"1","verify":true,"pending":[{"oid":"2","expires_unix_ms":1,"ttl_ms":9223372036854775807}],"record":{"owner":"o","nonce":"n","expires_unix_ms":1,"resource":"path:a"}}`,
		`{"remote":"origin","oid":"1","next":"2","record":{"owner":"o","nonce":"n","expires_unix_ms":1,"resource":"path:a"}}`,
		`{"record":null}`, "null", "[",
	} {
		f.Add([]byte(text))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		e, ok := readGrant(text)
		if !ok {
			return
		}
		g := NewGrants(dir, "o", e.Arbiter)
		if err := g.Put(e.Holding); err != nil {
			t.Fatal(err)
		}
		defer g.Drop(e.Resource.Key())
		held, err := NewGrants(dir, "o", e.Arbiter).Held()
		again, ok := held[e.Resource.Key()]
		if e.Arbiter.URL == "" {
			return // it is written with one
		}
		if err != nil || !ok || again.Version != e.Version || len(again.Pending) != len(e.Pending) || !again.Expires.Equal(e.Expires) || again.Nonce != e.Nonce {
			t.Fatalf("%+v is read again as %+v, %v", e, again, err)
		}
	})
}
