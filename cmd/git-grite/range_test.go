package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// withRemote gives a repository a bare remote that keeps its locks: a range is
// only checked against locks that others can see.
func withRemote(t *testing.T, r *gittest.Repo) *gittest.Repo {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "remote.git")
	r.Git("clone", "-q", "--bare", r.Dir, dir)
	r.Git("remote", "add", "origin", dir)
	return r
}

func TestCheckRange(t *testing.T) {
	t.Parallel()
	r := withRemote(t, guarded(t, ""))
	grite(t, r.With("GRITE_ACTOR=alice"), "lock", "acquire", "-r", "path:src/a.go", "--reason", "rework")
	base := r.Git("rev-parse", "HEAD")
	r.Write("src/a.go", "y\n")
	r.Git("commit", "-qam", "change", "--no-verify")
	r.Git("revert", "--no-edit", "HEAD")
	for _, rng := range []string{base + "..HEAD", base + "..", base + "...main"} {
		if res := check(t, r, 4, "--range", rng); !strings.Contains(res.Stderr, "src/a.go") || !strings.Contains(res.Stderr, "held by alice (") {
			t.Errorf("%s: %s", rng, res.Stderr)
		}
	}
	for _, rng := range []string{"HEAD.." + base, "..HEAD", "HEAD~2.." + base} {
		check(t, r, 0, "--range", rng)
	}
	check(t, r, 0, "--range", base+"..HEAD", "--as", "bob", "--as", "alice")
	check(t, r, 4, "--range", base+"..HEAD", "--as", "alic", "--as", "alice/x")
	check(t, r, 4, "src/a.go", "--as", "bob")
	check(t, r, 0, "src/a.go", "--as", "alice")
	for _, rng := range []string{"HEAD", "..", "...", "", "-x..HEAD", "HEAD..-x", "HEAD...--all", "--output=x..HEAD", "^HEAD..main", "a..b..c", "HEAD..HEAD\n--all"} {
		check(t, r, 2, "--range="+rng)
	}
	for _, args := range [][]string{{"src/a.go"}, {"--staged"}, {"--stdin"}, {"--format", "xml"}, {"--format", "github", "--json"}, {"--policy", "on"}, {"--as", ""}} {
		check(t, r, 2, append(args, "--range", base+"..HEAD")...)
	}
	for _, rng := range []string{"nowhere..HEAD", "HEAD..nowhere", strings.Repeat("1", 40) + "..HEAD", "HEAD..HEAD:src"} {
		if res := check(t, r, 3, "--range", rng); !strings.Contains(res.Stderr, "this clone has no commit") {
			t.Errorf("%s: %s", rng, res.Stderr)
		}
	}
	named := r.Git("rev-parse", "HEAD") // a file may be called like a commit of the range
	r.Write(named, "x")
	r.Git("add", ".")
	r.Git("commit", "-qm", "odd name")
	grite(t, r.With("GRITE_ACTOR=carol"), "lock", "acquire", "-r", "path:"+named)
	if res := check(t, r, 4, "--range", "HEAD~2..", "--as", "alice"); !strings.Contains(res.Stderr, "  "+named+"\n") {
		t.Errorf("said %s", res.Stderr)
	}
	for policy, blocked := range map[string]bool{"off": false, "warn": false, "require": true} {
		res := check(t, r.With("GRITE_LOCK_POLICY=off"), 4, "--range", base+"..HEAD", "--as", "carol", "--policy", policy, "--json")
		var e envelope
		var data struct {
			Policy     string
			Blocked    bool
			Collisions []struct{ Path string }
		}
		if err := json.Unmarshal([]byte(res.Stdout), &e); err != nil {
			t.Fatalf("%q: %v", res.Stdout, err)
		}
		if err := json.Unmarshal(e.Data, &data); err != nil || e.OK || e.Error == nil || e.Error.Code != "conflict" ||
			data.Policy != policy || data.Blocked != blocked || len(data.Collisions) != 1 || data.Collisions[0].Path != "src/a.go" {
			t.Errorf("%s: %s", policy, res.Stdout)
		}
	}
}

// TestCheckRangeMerges: as in a push, only its author's own edits count.
func TestCheckRangeMerges(t *testing.T) {
	t.Parallel()
	r := withRemote(t, guarded(t, ""))
	r.Git("checkout", "-q", "-b", "other")
	r.Write("src/a.go", "1 theirs\n2\n3\n4\n5\n6\n7\n8\n")
	r.Git("commit", "-qam", "theirs")
	r.Git("checkout", "-q", "main")
	r.Write("src/a.go", "1\n2\n3\n4\n5\n6\n7\n8 ours\n")
	r.Git("commit", "-qam", "ours")
	published := r.Git("commit-tree", "-m", "x", "-p", "main", "-p", "other", "HEAD^{tree}")
	grite(t, r.With("GRITE_ACTOR=alice"), "lock", "acquire", "-r", "path:src/a.go")
	r.Git("merge", "-q", "-m", "merge", "other")
	check(t, r, 0, "--range", published+"..HEAD")
	r.Write("src/a.go", "by hand\n")
	r.Git("commit", "-q", "-a", "--amend", "--no-verify", "-m", "merge")
	check(t, r, 4, "--range", published+"..HEAD")
}

func TestCheckRangeShallow(t *testing.T) {
	t.Parallel()
	remote, alice, _ := pair(t)
	change(alice, "src/a.go")
	change(alice, "src/b.go")
	alice.Git("push", "-q", "origin", "HEAD:refs/heads/topic")
	grite(t, alice, "lock", "acquire", "src")
	base := alice.Git("rev-parse", "HEAD~2")
	ci := remote.Clone(t, "file://"+remote.Dir, "--depth=1", "-b", "topic")
	ci.Git("fetch", "-q", "origin", "+refs/grite/locks/*:refs/git-grite/remotes/origin/*")
	for rng, why := range map[string]string{
		base + "..HEAD": "this shallow clone has no commit",
		ci.Git("commit-tree", "-m", "x", "HEAD^{tree}") + "..HEAD": "does not have its parents",
	} {
		res := check(t, ci, 3, "--range", rng)
		if !strings.Contains(res.Stderr, why) || !strings.Contains(res.Stderr, "fetch-depth: 0") {
			t.Errorf("%s: %s", rng, res.Stderr)
		}
	}
	ci.Git("fetch", "-q", "--depth=3", "origin", "topic")
	if res := check(t, ci, 4, "--range", base+"..HEAD"); !strings.Contains(res.Stderr, "src/b.go") || strings.Contains(res.Stderr, "free/x") {
		t.Errorf("said %s", res.Stderr)
	}
	for _, made := range []string{"config.toml", "actors"} {
		if _, err := os.Stat(filepath.Join(ci.Dir, ".git/grite", made)); err == nil {
			t.Errorf("%s was made", made)
		}
	}
}

// TestCheckAnnotations: no file, label or reason gives the runner a command of
// its own, neither on stdout nor on stderr, where it looks as well.
func TestCheckAnnotations(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	hostile := "src/50%,a:b\n::set-output name=x::y"
	r.Write(hostile, "x")
	r.Write("src/::error::x", "x")
	r.Git("add", ".")
	r.Git("commit", "-q", "-m", "second")
	withRemote(t, r)
	alice := r.With("GRITE_ACTOR=::warning::%0A, ##[error]me")
	grite(t, alice, "lock", "acquire", "-r", "path:src/", "--reason", "::stop-commands::x 100% ##[add-mask]y")
	for policy, level := range map[string]string{"require": "error", "warn": "warning", "off": "warning"} {
		res := check(t, r, 4, "--range", "HEAD^..HEAD", "--format", "github", "--policy", policy)
		lines := strings.Split(strings.TrimSuffix(res.Stdout, "\n"), "\n")
		if len(lines) != 2 {
			t.Fatalf("%q", res.Stdout)
		}
		for i, file := range []string{"src/50%25%2Ca%3Ab%0A%3A%3Aset-output name=x%3A%3Ay", "src/%3A%3Aerror%3A%3Ax"} {
			begin := "::" + level + " file=" + file + ",title=Locked by %3A%3Awarning%3A%3A%250A%2C ##[error]me ("
			if !strings.HasPrefix(lines[i], begin) || !strings.Contains(lines[i], ")::path:src/ held by ") ||
				!strings.HasSuffix(lines[i], "left: ::stop-commands::x 100%25 ##[add-mask]y") {
				t.Errorf("%q does not begin with %q", lines[i], begin)
			}
		}
		if strings.Contains(res.Stderr, "::") || strings.Contains(res.Stderr, "##[") || !strings.Contains(res.Stderr, "2 changed paths are locked by others") {
			t.Errorf("stderr: %q", res.Stderr)
		}
	}
	clear := check(t, r, 0, "--range", "HEAD..HEAD", "--format", "github")
	if clear.Stdout != "No locks of others on the paths of 0 commits\n" {
		t.Errorf("said %q", clear.Stdout)
	}
}
