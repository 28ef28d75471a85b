package refstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
)

// TestSignedRecord: a signature is in the commit and leaves lock.json as it is.
func TestSignedRecord(t *testing.T) {
	r := gittest.New(t)
	repo, err := git.Open(t.Context(), r.Dir, r.Env)
	if err != nil {
		t.Fatal(err)
	}
	resource, err := lock.ParseResource("path:a", "")
	if err != nil {
		t.Fatal(err)
	}
	l := lock.Lock{Owner: "a1", Nonce: "n", Expires: time.UnixMilli(1_800_000_000_000), Resource: resource}
	s := refstore.NewLocal(repo, t.TempDir(), time.Now)
	write := func() string {
		oid, err := s.Write(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		return oid
	}
	plain := write()
	var over string
	s.Sign = func(_ context.Context, commit []byte) ([]byte, error) {
		over = string(commit)
		return []byte("-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"), nil
	}
	signed := write()
	if signed == plain || write() != signed {
		t.Errorf("plain %s, signed %s", plain, signed)
	}
	if a, b := r.Git("rev-parse", plain+":lock.json"), r.Git("rev-parse", signed+":lock.json"); a != b {
		t.Errorf("lock.json is %s and %s", a, b)
	}
	if got := r.Run("", "git", "cat-file", "commit", plain).Stdout; got != over {
		t.Errorf("signed %q instead of %q", over, got)
	}
	r.Git("fsck", "--strict")
}
