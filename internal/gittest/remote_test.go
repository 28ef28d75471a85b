package gittest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPolicies(t *testing.T) {
	for _, policy := range Policies() {
		t.Run(policy.Name, func(t *testing.T) {
			t.Parallel()
			remote := NewRemote(t)
			r := remote.Clone(t, remote.Dir)
			main := r.publish()
			policy.Apply(remote)
			a, b := r.lock("a"), r.lock("b")
			res := r.push("", a)
			if refused := res.Code != 0; refused != policy.Refuses || refused != strings.Contains(res.Stdout, "[remote rejected]") {
				t.Fatalf("create: %+v", res)
			}
			if !policy.Refuses {
				r.pushed(a, b)
				r.pushed(b, "")
			}
			// What the policy is about is so.
			switch policy.Name {
			case "no atomic":
				if res := r.Run("", "git", "push", "--atomic", "origin", a+":"+lockRef); res.Code != 128 || !strings.Contains(res.Stderr, "does not support --atomic") {
					t.Errorf("%+v", res)
				}
			case "deny deletes":
				r.Git("push", "-q", "origin", "HEAD:refs/heads/other")
				if res := r.Run("", "git", "push", "origin", ":refs/heads/other"); res.Code != 1 {
					t.Errorf("%+v", res)
				}
			case "deny non-fast-forwards":
				other := r.Git("commit-tree", "-m", "other", "HEAD^{tree}")
				if res := r.Run("", "git", "push", "-f", "origin", other+":refs/heads/main"); res.Code != 1 {
					t.Errorf("%+v", res)
				}
			case "fsck":
				bad := r.GitIn("tree "+r.Git("rev-parse", "HEAD^{tree}")+"\nauthor a <> x\ncommitter a <> x\n\n", "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
				if res := r.push("", bad); res.Code != 1 {
					t.Errorf("%+v", res)
				}
			case "hidden namespace":
				remote.Git("update-ref", lockRef, main)
				if got := r.Git("ls-remote", "origin", "refs/grite/*"); got != "" {
					t.Errorf("shown: %s", got)
				}
			case "declining hook":
				if !strings.Contains(res.Stderr, "no refs but branches here") || !strings.Contains(res.Stdout, "pre-receive hook declined") {
					t.Errorf("%+v", res)
				}
			}
			r.Git("push", "-q", "origin", "HEAD:refs/heads/more")
		})
	}
}

func TestClone(t *testing.T) {
	t.Parallel()
	remote := NewRemote(t)
	a := remote.Clone(t, remote.Dir)
	b := remote.Clone(t, remote.Dir, "-c", "user.email=bob@example.com")
	if email := b.Git("config", "user.email"); email != "bob@example.com" || a.Git("config", "user.email") == email {
		t.Errorf("the users are one: %s", email)
	}
	if lookup(a.Env, "HOME") == lookup(b.Env, "HOME") {
		t.Error("the clones share a home")
	}
}

// TestServerKilled ends the server at each of its steps. Seen with git 2.39: a
// push whose server dies without a report ends with 1 over HTTP and with 128 over
// the others, whether the server had applied it or not.
func TestServerKilled(t *testing.T) {
	for name, tt := range map[string]struct {
		hook, script             string
		reported, applied, stale bool
	}{
		"before":    {"pre-receive", "kill -9 $PPID", false, false, false},
		"prepared":  {"reference-transaction", "[ $1 != prepared ] || kill -9 $PPID", false, false, true},
		"committed": {"reference-transaction", "[ $1 != committed ] || kill -9 $PPID", false, true, false},
		"after":     {"post-receive", "kill -9 $PPID", true, true, false},
	} {
		for _, tr := range Transports(t) {
			if tr.Name != "path" && tr.Name != "http" {
				continue // as path
			}
			t.Run(name+" "+tr.Name, func(t *testing.T) {
				t.Parallel()
				remote := NewRemote(t)
				url, env := tr.Serve(t, remote.Dir)
				r := remote.With(env...).Clone(t, url)
				remote.Hook(tt.hook, tt.script)
				oid := r.lock("x")
				res := r.push("", oid)
				if reported := strings.Contains(res.Stdout, "*\t"+oid); res.Code == 0 || reported != tt.reported || strings.Contains(res.Stdout, "!") {
					t.Errorf("the client: %+v", res)
				}
				if unknown := !tt.reported && tr.Name != "http"; unknown != (res.Code == 128) {
					t.Errorf("the client: %+v", res)
				}
				if got := remote.at() == oid; got != tt.applied {
					t.Errorf("applied: %v", got)
				}
				_, err := os.Stat(filepath.Join(remote.Dir, lockRef+".lock"))
				if stale := err == nil; stale != tt.stale {
					t.Errorf("left its lock: %v", stale)
				}
			})
		}
	}
}

func TestReceivePack(t *testing.T) {
	for _, tr := range Transports(t) {
		if tr.Name != "path" && tr.Name != "ssh" {
			continue // file is as path, the servers of the others choose the program
		}
		t.Run(tr.Name, func(t *testing.T) {
			t.Parallel()
			remote := NewRemote(t)
			url, env := tr.Serve(t, remote.Dir)
			r := remote.With(env...).Clone(t, url)
			r.ReceivePack(`if is receive-pack 2; then exit 1; fi
				if is receive-pack 3; then "$GIT_REAL" receive-pack "$@"; exit 1; fi`)
			a, b := r.lock("a"), r.lock("b")
			r.pushed("", a)
			if res := r.push(a, b); res.Code != 128 || remote.at() != a {
				t.Errorf("the second push: %+v", res)
			}
			if res := r.push(a, b); remote.at() != b {
				t.Errorf("the third push: %+v", res)
			}
			r.pushed(b, "")
			r.UploadPack("is upload-pack 1 && exit 1")
			if res := r.Run("", "git", "ls-remote", "origin"); res.Code != 128 {
				t.Errorf("the first fetch: %+v", res)
			}
			r.Git("fetch", "origin")
		})
	}
}
