package refstore

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/filelock"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
)

// pair is alice, who holds path:src/, and bob, whose mirror shows it.
func pair(t *testing.T) (remote *gittest.Repo, alice, bob *member) {
	t.Helper()
	remote = gittest.NewRemote(t)
	alice, bob = join(t, remote.Clone(t, remote.Dir), 0), join(t, remote.Clone(t, remote.Dir), 1)
	alice.mustTake("path:src/")
	if _, err := bob.store.Load(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	return remote, alice, bob
}

// TestMirrorRepair: whatever is wrong with the copy of a remote's locks in this
// clone is repaired without a word, and no lock of somebody else is overlooked.
func TestMirrorRepair(t *testing.T) {
	ref := "refs/git-grite/remotes/origin/" + strings.TrimPrefix(gittest.LockRef("path:src/"), Namespace+"/")
	object := func(r *gittest.Repo, oid string) string {
		return filepath.Join(r.Dir, ".git", "objects", oid[:2], oid[2:])
	}
	for name, damage := range map[string]func(r *gittest.Repo, oid string) error{
		"a stale lock file": func(r *gittest.Repo, _ string) error {
			r.Write(".git/"+ref+".lock", "")
			return os.Chtimes(filepath.Join(r.Dir, ".git", ref+".lock"), time.Time{}, time.Now().Add(-time.Hour))
		},
		"a lock file of just now": func(r *gittest.Repo, _ string) error { r.Write(".git/"+ref+".lock", ""); return nil },
		"an empty file":           func(r *gittest.Repo, _ string) error { r.Write(".git/"+ref, ""); return nil },
		"no object id":            func(r *gittest.Repo, _ string) error { r.Write(".git/"+ref, "junk\n"); return nil },
		"a symbolic ref":          func(r *gittest.Repo, _ string) error { r.Write(".git/"+ref, "ref: refs/heads/main\n"); return nil },
		"a missing commit":        func(r *gittest.Repo, oid string) error { return os.Remove(object(r, oid)) },
		"a missing tree": func(r *gittest.Repo, oid string) error {
			return os.Remove(object(r, r.Git("rev-parse", oid+"^{tree}")))
		},
		"a missing file": func(r *gittest.Repo, oid string) error {
			return os.Remove(object(r, r.Git("rev-parse", oid+":lock.json")))
		},
		"a ref in the way": func(r *gittest.Repo, oid string) error {
			r.Git("update-ref", "-d", ref)
			r.Git("update-ref", ref+"/x", oid)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote, alice, bob := pair(t)
			bob.clone.Git("commit", "-q", "--allow-empty", "-m", "first")
			if err := damage(bob.clone, remote.Git("rev-parse", gittest.LockRef("path:src/"))); err != nil {
				t.Fatal(err)
			}
			// The lock is renewed meanwhile, or it is not.
			if strings.Contains(name, "lock file") {
				if _, err := alice.renew(2 * time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			main := bob.clone.Git("for-each-ref", "refs/heads")
			bob.mustMeet(alice, "path:src/a.go")
			bob.mustTake("issue:1")
			if now := bob.clone.Git("for-each-ref", "refs/heads"); now != main {
				t.Errorf("the branches were %s and are %s", main, now)
			}
			if _, err := bob.store.Missing(t.Context(), true); err != nil { // of what was read before
				t.Error(err)
			}
			v, err := bob.store.Load(t.Context(), true)
			if err != nil || len(v.Damaged) != 0 || len(v.Entries) != 2 {
				t.Errorf("%+v, %v", v, err)
			}
			bob.clone.Git("fsck", "--strict")
		})
	}
}

// TestMirrorCatchesUp: a renewal that found another process at work on the mirror
// left it behind; the next one brings it up to date, and no look is needed. What
// somebody else has done since is newer, and stays.
func TestMirrorCatchesUp(t *testing.T) {
	t.Parallel()
	remote, alice, _ := pair(t)
	alice.mustTake("path:other")
	mirrored := func() string {
		return alice.clone.Git("for-each-ref", "--format=%(objectname)", "refs/git-grite/remotes/origin")
	}
	renew := func(ttl time.Duration) {
		t.Helper()
		if _, err := alice.renew(ttl); err != nil {
			t.Fatal(err)
		}
	}
	renew(2 * time.Hour) // the first one reads
	before := mirrored()
	l, ok, err := filelock.Try(alice.store.lockPath())
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	renew(3 * time.Hour)
	l.End()
	if mirrored() != before {
		t.Error("the mirror was moved while another process worked on it")
	}
	renew(4 * time.Hour)
	if now := remote.Git("for-each-ref", "--format=%(objectname)", Namespace); mirrored() != now {
		t.Errorf("the mirror has %s, the remote %s", mirrored(), now)
	}
	foreign := alice.clone.Record("refs/git-grite/remotes/origin/"+lock.Key("path:src/"), `{"owner":"o","nonce":"n","expires_unix_ms":1900000000000,"resource":"path:src/"}`)
	renew(5 * time.Hour)
	if !strings.Contains(mirrored(), foreign) {
		t.Errorf("the mirror has %s, without %s", mirrored(), foreign)
	}
}

// TestCollectNeedsAnAnswer: a git that dies says nothing about the records, and
// what only this clone cannot read is not removed from the remote.
func TestCollectNeedsAnAnswer(t *testing.T) {
	remote, alice, _ := pair(t)
	alice.mustTake("path:a", "path:b")
	clone := remote.Clone(t, "file://"+remote.Dir)
	clone.Git("config", "fetch.unpackLimit", "1")
	sick := clone.With(gittest.WrapGit(t, `if is cat-file; then kill -9 $$; fi`)...)
	for _, kv := range sick.Env { // where our git is looked for
		if path, ok := strings.CutPrefix(kv, "PATH="); ok {
			t.Setenv("PATH", path)
		}
	}
	m := join(t, sick, 2)
	if c, err := m.Collect(t.Context()); err == nil || len(c.Damaged) > 0 {
		t.Errorf("collected %+v, %v", c, err)
	}
	if _, err := m.take("path:src/a.go"); err == nil {
		t.Error("granted over a lock that could not be read")
	}
	if left := strings.Fields(remote.Git("for-each-ref", "--format=%(refname)", Namespace)); len(left) != 3 {
		t.Errorf("on the remote are %s", left)
	}
}

// TestRefsInTheWay: refs that keep git from making the ref of a lock go in a push
// of their own.
func TestRefsInTheWay(t *testing.T) {
	for name, ref := range map[string]string{"as the directory": Namespace, "below it": gittest.LockRef("path:a") + "/x"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote := gittest.NewRemote(t)
			clone := remote.Clone(t, remote.Dir)
			clone.Git("commit", "-q", "--allow-empty", "-m", "first")
			clone.Git("push", "-q", "origin", "HEAD:"+ref)
			m := join(t, clone, 0)
			m.mustTake("path:a")
			if refs := remote.Git("for-each-ref", "--format=%(refname)", "refs/grite"); refs != gittest.LockRef("path:a") {
				t.Errorf("on the remote are %s", refs)
			}
		})
	}
}

// TestRecordBounds: records that no program of ours writes are damaged.
func TestRecordBounds(t *testing.T) {
	remote, _, bob := pair(t)
	far := time.Now().Add(40 * 24 * time.Hour).UnixMilli()
	soon := time.Now().Add(time.Hour).UnixMilli()
	for name, record := range map[string]string{
		"path:far":    `{"owner":"o","nonce":"n","expires_unix_ms":` + strconv.FormatInt(far, 10) + `,"resource":"path:far"}`,
		"path:owner":  `{"owner":"` + strings.Repeat("o", 201) + `","nonce":"n","expires_unix_ms":` + strconv.FormatInt(soon, 10) + `,"resource":"path:owner"}`,
		"path:reason": `{"owner":"o","nonce":"n","expires_unix_ms":` + strconv.FormatInt(soon, 10) + `,"resource":"path:reason","reason":"a\u001b[2Jb"}`,
		"path:label":  `{"owner":"o","nonce":"n","expires_unix_ms":` + strconv.FormatInt(soon, 10) + `,"resource":"path:label","label":"a\nb"}`,
		"path:large":  `{"owner":"o","nonce":"n","expires_unix_ms":` + strconv.FormatInt(soon, 10) + `,"resource":"path:large","x":"` + strings.Repeat("x", 17<<10) + `"}`,
		"path:good":   `{"owner":"o","nonce":"n","expires_unix_ms":` + strconv.FormatInt(soon, 10) + `,"resource":"path:good","x":7}`,
	} {
		remote.Record(gittest.LockRef(name), record)
	}
	for range 2 { // the second time from what is remembered
		v, err := bob.store.Load(t.Context(), true)
		if err != nil || len(v.Damaged) != 5 || len(v.Entries) != 2 {
			t.Errorf("%d damaged and %d sound, %v", len(v.Damaged), len(v.Entries), err)
		}
	}
	if c, err := bob.Collect(t.Context()); err != nil || len(c.Damaged) != 5 {
		t.Errorf("collected %+v, %v", c, err)
	}
}
