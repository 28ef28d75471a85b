package gittest

import (
	"strings"
	"testing"
)

// publish commits and pushes the first branch, and returns its commit.
func (r *Repo) publish() string {
	r.t.Helper()
	r.Git("commit", "-q", "--allow-empty", "-m", "first")
	r.Git("push", "-q", "origin", "HEAD:refs/heads/main")
	return r.Git("rev-parse", "HEAD")
}

// lock makes an object to point the ref of a lock to.
func (r *Repo) lock(text string) string {
	r.t.Helper()
	return r.GitIn(text, "hash-object", "-w", "--stdin")
}

const lockRef = "refs/grite/locks/0123456789abcdef"

// push pushes oid, or nothing to delete, to lockRef, where old has to be.
func (r *Repo) push(old, oid string) Result {
	return r.Run("", "git", "push", "--porcelain", "--force-with-lease="+lockRef+":"+old, "origin", oid+":"+lockRef)
}

// pushed is push that has to succeed.
func (r *Repo) pushed(old, oid string) {
	r.t.Helper()
	if res := r.push(old, oid); res.Code != 0 {
		r.t.Fatalf("push: %+v", res)
	}
}

// at is what lockRef points to on the server.
func (r *Repo) at() string { return r.Run("", "git", "rev-parse", "-q", "--verify", lockRef).trimmed() }

func (res Result) trimmed() string { return strings.TrimSpace(res.Stdout) }

func TestTransports(t *testing.T) {
	for _, tr := range Transports(t) {
		for _, format := range []string{"sha1", "sha256"} {
			if tr.Name == "file" && format == "sha256" {
				continue // the same programs as path
			}
			t.Run(tr.Name+" "+format, func(t *testing.T) {
				t.Parallel()
				remote := NewRemote(t, "--object-format="+format)
				url, env := tr.Serve(t, remote.Dir)
				alice := remote.With(env...).Clone(t, url)
				first := alice.publish()
				if length := map[string]int{"sha1": 40, "sha256": 64}[format]; len(first) != length {
					t.Fatalf("the clone has %s", first)
				}
				bob := remote.With(env...).Clone(t, url)
				if bob.Git("rev-parse", "HEAD") != first || bob.Dir == alice.Dir {
					t.Error("bob does not have the same commit elsewhere")
				}
				mine, theirs := alice.lock("a"), bob.lock("b")
				alice.pushed("", mine)
				if res := bob.push("", theirs); res.Code != 1 || !strings.Contains(res.Stdout, "(stale info)") {
					t.Errorf("a second create: %+v", res)
				}
				fetch := []string{"fetch", "-q", "--prune", "--no-tags", "origin", "+refs/grite/locks/*:refs/git-grite/remotes/origin/*"}
				mirror := "refs/git-grite/remotes/origin/0123456789abcdef"
				bob.Git(fetch...)
				if bob.Git("rev-parse", mirror) != mine || remote.at() != mine {
					t.Error("the lock is not there")
				}
				bob.pushed(mine, theirs)
				bob.pushed(theirs, "")
				bob.Git(fetch...)
				if res := bob.Run("", "git", "rev-parse", "-q", "--verify", mirror); res.Code != 1 || remote.at() != "" {
					t.Errorf("after the deletion: %+v, %q", res, remote.at())
				}
			})
		}
	}
}

// TestLargePush sends what git cuts into chunks over HTTP.
func TestLargePush(t *testing.T) {
	t.Parallel()
	remote := NewRemote(t)
	url, env := Transports(t)[3].Serve(t, remote.Dir)
	proxy := Proxy(t, url)
	r := remote.With(env...).Clone(t, proxy.URL)
	r.Write("x", strings.Repeat(r.Git("hash-object", "-t", "tree", "/dev/null"), 1<<12))
	r.Git("config", "http.postBuffer", "1000")
	r.Git("config", "core.compression", "0")
	r.Git("add", ".")
	proxy.On(nil)
	oid := r.publish()
	if got := remote.Git("rev-parse", "refs/heads/main"); got != oid {
		t.Errorf("main is at %s", got)
	}
	if n := proxy.Count(Push); n != 2 {
		t.Errorf("%d requests pushed", n)
	}
	if clone := remote.Clone(t, proxy.URL); clone.Git("rev-parse", "HEAD") != oid {
		t.Error("the clone differs")
	}
}
