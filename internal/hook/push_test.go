package hook

import (
	"reflect"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/git"
)

var oneOID, noOID = strings.Repeat("1", 40), strings.Repeat("0", 40)

func TestReadPush(t *testing.T) {
	long := strings.Repeat("a", 64)
	for _, tt := range []struct {
		in   string
		want []git.PushUpdate
		bad  bool
	}{
		{in: ""},
		{in: "refs/heads/a " + oneOID + " refs/heads/b " + noOID + "\n", want: []git.PushUpdate{{Local: "refs/heads/a", LocalOID: git.OID(oneOID), Remote: "refs/heads/b"}}},
		{in: "(delete) " + noOID + " refs/heads/b " + oneOID + "\n", want: []git.PushUpdate{{Local: "(delete)", Remote: "refs/heads/b", RemoteOID: git.OID(oneOID)}}},
		{in: "HEAD@{1 day ago} " + long + " refs/heads/b " + strings.Repeat("0", 64), want: []git.PushUpdate{{Local: "HEAD@{1 day ago}", LocalOID: git.OID(long), Remote: "refs/heads/b"}}},
		{in: "refs/heads/a\n", bad: true}, {in: "\n", bad: true},
		{in: "a --all refs/heads/b " + noOID + "\n", bad: true},
		{in: strings.Repeat("x", 1<<17), bad: true},
	} {
		got, err := ReadPush(strings.NewReader(tt.in))
		if (err != nil) != tt.bad || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%.60q: %v, %v", tt.in, got, err)
		}
	}
}

// FuzzReadPush checks that no more than object ids come out where git expects
// them, and that nothing is lost.
func FuzzReadPush(f *testing.F) {
	f.Add("refs/heads/a " + oneOID + " refs/heads/a " + noOID + "\n")
	f.Add("a b c d\n\n")
	f.Fuzz(func(t *testing.T, in string) {
		updates, err := ReadPush(strings.NewReader(in))
		for _, u := range updates {
			for _, id := range []git.OID{u.LocalOID, u.RemoteOID} {
				if id != "" && (len(id) != 40 && len(id) != 64 || strings.Trim(string(id), "0123456789abcdef") != "") {
					t.Fatalf("%q: %q is no object id", in, id)
				}
			}
		}
		if n := len(strings.Split(strings.TrimSuffix(in, "\n"), "\n")); err == nil && in != "" && len(updates) != n {
			t.Fatalf("%q: %d updates from %d lines", in, len(updates), n)
		}
	})
}
