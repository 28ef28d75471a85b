package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git/direct"
	"github.com/git-grite/git-grite/internal/gittest"
)

func open(t testing.TB, r *gittest.Repo) *Repo {
	t.Helper()
	repo, err := Open(context.Background(), r.Dir, r.Env)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// unfit are commits that anybody can push, and what is said of them.
func unfit(r *gittest.Repo) map[OID]string {
	tree := func(entry string) string { return r.GitIn(entry, "mktree") }
	blob := func(text string) string { return strings.TrimSpace(r.GitIn(text, "hash-object", "-w", "--stdin")) }
	commit := func(tree string, args ...string) OID {
		return OID(strings.TrimSpace(r.GitIn("m", append([]string{"commit-tree", tree}, args...)...)))
	}
	file := func(text string) string { return "100644 blob " + blob(text) + "\tlock.json\n" }
	sound := commit(tree(file("sound")))
	wide := ""
	for i := range 500 {
		wide += fmt.Sprintf("100644 blob %s\tx%05d\n", blob("x"), i)
	}
	return map[OID]string{
		sound: "",
		commit(tree(file(strings.Repeat("0", direct.MaxObject)))):        "",
		commit(tree(file(strings.Repeat("0", direct.MaxObject+1)))):      "its blob is larger than 16384 bytes",
		commit(tree(file(strings.Repeat("0", 4<<20)))):                   "its blob is larger than 16384 bytes",
		commit(tree(file("child")), "-p", string(sound)):                 "its commit has parents",
		commit(tree("100644 blob " + blob("x") + "\tother\n")):           "it has no file lock.json",
		commit(tree("040000 tree " + tree(file("x")) + "\tlock.json\n")): "its blob is a tree",
		commit(tree(wide)): "its tree is larger than 16384 bytes",
		commit(tree(file("x")), "-m", strings.Repeat("m", 20<<10)): "its commit is larger than 16384 bytes",
		OID(tree(file("x"))):          "it is a tree, not a commit",
		OID(blob("x")):                "it is a blob, not a commit",
		OID(strings.Repeat("12", 20)): "its object is missing",
	}
}

func TestReadFiles(t *testing.T) {
	r := gittest.New(t)
	want := unfit(r)
	var oids []OID
	for oid := range want {
		oids = append(oids, oid)
	}
	check := func(t *testing.T, how string) {
		found, byGit, err := open(t, r).ReadFiles(context.Background(), oids, "lock.json")
		if err != nil || !byGit {
			t.Fatalf("%s: byGit %v, error %v", how, byGit, err)
		}
		for oid, why := range want {
			got := ""
			if found[oid].Err != nil {
				got = found[oid].Err.Error()
			}
			if got != why || why == "" && len(found[oid].Content) == 0 {
				t.Errorf("%s: %s: %q, want %q", how, oid, got, why)
			}
		}
	}
	check(t, "loose")
	for oid := range want {
		if r.Run("", "git", "cat-file", "-e", string(oid)).Code == 0 {
			r.Git("update-ref", "refs/keep/"+string(oid), string(oid))
		}
	}
	r.Git("repack", "-adq")
	r.Git("prune-packed")
	check(t, "packed")
	loose, _ := filepath.Glob(filepath.Join(r.Dir, ".git/objects/??/*"))
	if len(loose) > 0 {
		t.Errorf("not packed: %q", loose)
	}
}

// TestReadFilesGitDies holds that a git that dies says nothing about objects.
func TestReadFilesGitDies(t *testing.T) {
	for name, script := range map[string]string{
		"killed":          `case "$*" in cat-file*) kill -9 $$;; esac`,
		"fails":           `case "$*" in cat-file*) exit 128;; esac`,
		"contents killed": `case "$*" in "cat-file --batch") kill -9 $$;; esac`,
		"silent":          `case "$*" in cat-file*) exit 0;; esac`,
		"another program": `case "$*" in cat-file*) echo hello; exit 0;; esac`,
	} {
		t.Run(name, func(t *testing.T) {
			r := gittest.New(t)
			oid := OID(strings.TrimSpace(r.Git("rev-parse", "HEAD")))
			r.Git("repack", "-adq")
			r = r.With(gittest.WrapGit(t, script)...)
			t.Setenv("PATH", direct.Getenv(r.Env, "PATH"))
			found, _, err := open(t, r).ReadFiles(context.Background(), []OID{oid}, "README")
			if err == nil {
				t.Errorf("no error, but %v", found)
			}
		})
	}
	t.Run("no git", func(t *testing.T) {
		r := gittest.New(t)
		r.Git("repack", "-adq")
		repo := open(t, r)
		oid := OID(strings.TrimSpace(r.Git("rev-parse", "HEAD")))
		t.Setenv("PATH", "")
		if _, _, err := repo.ReadFiles(context.Background(), []OID{oid}, "README"); !errors.Is(err, ErrNoGit) {
			t.Errorf("error %v", err)
		}
	})
}

// TestReadFilesCorrupt holds that a corrupt object is damage, and hides no other.
func TestReadFilesCorrupt(t *testing.T) {
	gittest.Unhealthy(t, "objects are corrupted")
	r := gittest.New(t)
	repo := open(t, r)
	var oids []OID
	for i := range 4 {
		oid, err := repo.WriteCommit(context.Background(), FileCommit{Name: "f", Content: fmt.Appendf(nil, "content %d", i), Message: "m", Time: time.Unix(int64(i), 0)})
		if err != nil {
			t.Fatal(err)
		}
		oids = append(oids, oid)
	}
	file := func(oid OID) string { return filepath.Join(r.Dir, ".git/objects", string(oid[:2]), string(oid[2:])) }
	corrupt := func(oid OID, change func([]byte) []byte) {
		text, err := os.ReadFile(file(oid))
		if err == nil {
			os.Remove(file(oid))
			err = os.WriteFile(file(oid), change(text), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	corrupt(oids[1], func(b []byte) []byte { return b[:len(b)/2] })
	corrupt(oids[2], func([]byte) []byte { return nil })
	found, _, err := repo.ReadFiles(context.Background(), oids, "f")
	if err != nil {
		t.Fatal(err)
	}
	for i, oid := range oids {
		if sound := i == 0 || i == 3; sound != (found[oid].Err == nil) {
			t.Errorf("object %d: %v", i, found[oid].Err)
		}
	}
}

// TestUnreadable holds that what cannot be read is an error, not damage.
func TestUnreadable(t *testing.T) {
	gittest.Unhealthy(t, "an object cannot be read")
	r := gittest.New(t)
	oid := OID(strings.TrimSpace(r.Git("rev-parse", "HEAD")))
	r.Git("update-ref", "refs/grite/locks/0123", "HEAD")
	unreadable(t, filepath.Join(r.Dir, ".git/objects", string(oid[:2]), string(oid[2:])))
	repo := open(t, r)
	if found, _, err := repo.ReadFiles(context.Background(), []OID{oid}, "README"); err == nil {
		t.Errorf("object: %v", found)
	}
	unreadable(t, filepath.Join(r.Dir, ".git/refs/grite/locks/0123"))
	if refs, err := repo.Refs(context.Background(), "refs/grite/locks"); err == nil {
		t.Errorf("ref: %v", refs)
	}
}

func FuzzNextObject(f *testing.F) {
	f.Add([]byte("0123 blob 3\nabc\nx missing\n"))
	f.Add([]byte("0123 blob 99999999999\n"))
	f.Add([]byte("0123 blob -1\n"))
	f.Add([]byte("0123 blob 99999999999999999999999\nx missing extra\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, withContent := range []bool{false, true} {
			r := bufio.NewReader(bytes.NewReader(in))
			for {
				o, err := nextObject(r, withContent)
				if err != nil {
					break
				}
				if o.size < 0 || len(o.content) > direct.MaxObject {
					t.Fatalf("%+v", o)
				}
			}
		}
	})
}

// unreadable puts something in the place of a file that even root cannot read: a
// symbolic link to itself.
func unreadable(t *testing.T, path string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(path), os.Symlink(path, path)); err != nil {
		t.Fatal(err)
	}
}
