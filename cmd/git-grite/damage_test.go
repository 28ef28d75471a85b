package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

var future = time.Now().Add(20 * 24 * time.Hour).UnixMilli()

// foreign is a record as another program writes it: four keys, own spelling.
func foreign(owner, resource string, expires int64) string {
	return fmt.Sprintf("{\n  \"owner\": %q,\n  \"nonce\": \"n-%s\",\n  \"expires_unix_ms\": %d,\n  \"resource\": %q\n}", owner, owner[:4], expires, resource)
}

const stranger = "e5f6a7b8c9d0e1f2a3b4c5d6e7f8a9b0"

func TestForeignRecords(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			r := gittest.New(t, "--object-format="+format)
			r.Record(gittest.LockRef("path:src/main.rs"), foreign(stranger, "path:src/main.rs", future))
			r.Record(gittest.LockRef("path:./docs//x"), foreign(stranger, "path:./docs//x", future))
			r.Record(gittest.LockRef("issue:old"), foreign(stranger, "issue:old", 1000))
			if got := gittest.LockRef("path:src/main.rs"); got != "refs/grite/locks/eda6df87daf5b23f" {
				t.Fatal(got)
			}
			for _, resource := range []string{"path:src/", "path:src/main.rs", "path:docs/x", "repo:all"} {
				try(t, r, "lock", "acquire", "-r", resource).exits(4, stranger)
			}
			status := grite(t, r, "lock", "status").Stdout
			if !strings.Contains(status, "path:docs/x") || !strings.Contains(status, "path:src/main.rs e5f6a7b8") || strings.Contains(status, "issue:old") {
				t.Errorf("status: %s", status)
			}
			// Its owner renews it, under the same nonce; the spelling stays with the ref.
			grite(t, r, "actor", "init", "--label", "x")
			id := strings.Fields(grite(t, r, "actor", "show", "x").Stdout)[2]
			r.Record(gittest.LockRef("issue:mine"), foreign(id, "issue:mine", future-1000))
			grite(t, r, "lock", "renew", "-r", "issue:mine", "--actor", "x")
			if text := r.Git("cat-file", "-p", gittest.LockRef("issue:mine")+":lock.json"); !strings.Contains(text, `"nonce": "n-`+id[:4]) {
				t.Errorf("renewed to %s", text)
			}
			if out := grite(t, r, "lock", "gc", "--json").Stdout; !strings.Contains(out, `"expired_pruned":1`) {
				t.Errorf("gc: %s", out)
			}
			grite(t, r, "lock", "acquire", "-r", "path:own file", "--reason", "why")
			checkRecord(t, r, "path:own file")
			r.HealthyThroughout()
		})
	}
}

// checkRecord reads a record of ours back with git.
func checkRecord(t *testing.T, r *gittest.Repo, resource string) {
	t.Helper()
	ref := gittest.LockRef(resource)
	res := r.Run("", "git", "cat-file", "-p", ref+":lock.json")
	if strings.HasSuffix(res.Stdout, "\n") {
		t.Error("the record ends with a newline")
	}
	d := json.NewDecoder(strings.NewReader(res.Stdout))
	var keys []string
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			break
		}
		if token == json.Delim('{') {
			depth++
			continue
		}
		if key, ok := token.(string); ok {
			keys = append(keys, key)
			var value any
			if err := d.Decode(&value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := strings.Join(keys[:4], " "); got != "owner nonce expires_unix_ms resource" {
		t.Errorf("keys are %s", got)
	}
	if parents := r.Git("log", "-1", "--format=%P|%s", ref); parents != "|Lock: "+resource {
		t.Errorf("commit: %s", parents)
	}
}

// TestDamage puts every kind of damage at a ref of its own, at the ref of a
// resource, and then acquires that resource.
func TestDamage(t *testing.T) {
	const resource = "path:src/a.go"
	own := gittest.LockRef(resource)
	good := foreign(stranger, resource, future)
	for name, damage := range map[string]func(r *gittest.Repo, ref string){
		"not JSON":      func(r *gittest.Repo, ref string) { r.Record(ref, "no JSON") },
		"not an object": func(r *gittest.Repo, ref string) { r.Record(ref, "[1]") },
		"no owner":      func(r *gittest.Repo, ref string) { r.Record(ref, strings.Replace(good, "owner", "owned", 1)) },
		"no nonce":      func(r *gittest.Repo, ref string) { r.Record(ref, strings.Replace(good, "nonce", "once", 1)) },
		"float expiry": func(r *gittest.Repo, ref string) {
			r.Record(ref, strings.Replace(good, fmt.Sprint(future), "4.1e12", 1))
		},
		"string expiry": func(r *gittest.Repo, ref string) {
			r.Record(ref, strings.Replace(good, fmt.Sprint(future), fmt.Sprintf("%q", fmt.Sprint(future)), 1))
		},
		"huge expiry": func(r *gittest.Repo, ref string) {
			r.Record(ref, strings.Replace(good, fmt.Sprint(future), "99999999999999999999", 1))
		},
		"other resource": func(r *gittest.Repo, ref string) { r.Record(ref, foreign(stranger, "path:elsewhere", future)) },
		"bad resource":   func(r *gittest.Repo, ref string) { r.Record(ref, foreign(stranger, "path:/abs", future)) },
		"exploding": func(r *gittest.Repo, ref string) {
			r.Record(ref, foreign(stranger, "path:{"+strings.Repeat("a,", 100)+"}", future))
		},
		"empty": func(r *gittest.Repo, ref string) { r.Record(ref, "") },
		"large": func(r *gittest.Repo, ref string) { r.Record(ref, good+strings.Repeat(" ", 1<<20)) },
		"a blob": func(r *gittest.Repo, ref string) {
			r.Git("update-ref", ref, r.GitIn("x", "hash-object", "-w", "--stdin"))
		},
		"a tree":         func(r *gittest.Repo, ref string) { r.Git("update-ref", ref, r.Git("rev-parse", "HEAD^{tree}")) },
		"another commit": func(r *gittest.Repo, ref string) { r.Git("update-ref", ref, "HEAD") },
		"an annotated tag": func(r *gittest.Repo, ref string) {
			r.Git("tag", "-f", "-a", "-m", "x", "x")
			r.Git("update-ref", ref, r.Git("rev-parse", "refs/tags/x"))
		},
		"a symref": func(r *gittest.Repo, ref string) { r.Git("symbolic-ref", ref, "refs/heads/main") },
		"a dangling symref": func(r *gittest.Repo, ref string) {
			r.Git("symbolic-ref", ref, "refs/heads/none")
		},
		"a missing object": func(r *gittest.Repo, ref string) { r.Write(".git/"+ref, strings.Repeat("1", 40)+"\n") },
		"no OID":           func(r *gittest.Repo, ref string) { r.Write(".git/"+ref, "garbage\n") },
		"an empty file":    func(r *gittest.Repo, ref string) { r.Write(".git/"+ref, "") },
		"a corrupt object": func(r *gittest.Repo, ref string) {
			oid := r.Record(ref, strings.Replace(good, "n-", "n-"+ref, 1))
			path := filepath.Join(r.Dir, ".git/objects", oid[:2], oid[2:])
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
			r.Write(".git/objects/"+oid[:2]+"/"+oid[2:], "junk")
		},
		"a directory in its place": func(r *gittest.Repo, ref string) { r.Git("update-ref", ref+"/deep", "HEAD") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "a corrupt object" {
				gittest.Unhealthy(t, "an object is corrupted, and stays when no ref leads to it")
			}
			r := gittest.New(t)
			main := r.Git("rev-parse", "main")
			grite(t, r, "lock", "acquire", "-r", "path:good")
			damage(r, "refs/grite/locks/0123456789abcdef")
			damage(r, own)
			res := grite(t, r, "lock", "status")
			if !strings.Contains(res.Stdout, "path:good") || strings.Contains(res.Stdout, "src/a.go") || strings.Count(res.Stderr, "is damaged") != 2 {
				t.Errorf("status: %s%s", res.Stdout, res.Stderr)
			}
			grite(t, r, "lock", "acquire", "-r", resource)
			if out := grite(t, r, "lock", "status").Stdout; !strings.Contains(out, resource) {
				t.Errorf("after acquire: %s", out)
			}
			grite(t, r, "lock", "gc")
			if res := grite(t, r, "lock", "status"); res.Stderr != "" || !strings.Contains(res.Stdout, resource) || !strings.Contains(res.Stdout, "path:good") {
				t.Errorf("after gc: %s%s", res.Stdout, res.Stderr)
			}
			if r.Git("rev-parse", "main") != main {
				t.Error("main moved")
			}
		})
	}
}

func TestHostileText(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	evil := strings.Replace(foreign(stranger, "issue:x", future), `"resource"`, `"label": "\u001b[31mred\u202e", "reason": "a\nb\u0007", "ttl_ms": "x", "resource"`, 1)
	r.Record(gittest.LockRef("issue:x"), evil)
	r.Record(gittest.LockRef("path:\u202ex"), foreign(stranger, "path:\u202ex", future))
	for _, args := range [][]string{{"lock", "status"}, {"lock", "acquire", "-r", "path:\u202ex"}, {"lock", "release", "-r", "path:\u202ex"}} {
		res := r.Run("", "git-grite", args...)
		if text := res.Stdout + res.Stderr; strings.ContainsAny(text, "\x1b\a\u202e") || !strings.Contains(text, `\u202ex`) {
			t.Errorf("%q prints %q", args, text)
		}
	}
	try(t, r, "lock", "status").exits(0, "is damaged")
	try(t, r, "lock", "acquire", "-r", "issue:x").exits(0, "Lock acquired") // a damaged record blocks nobody
}

// TestEverywhere acquires and releases in every kind of repository.
func TestEverywhere(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	top := filepath.Dir(r.Dir)
	r.Git("clone", "-q", "--bare", r.Dir, filepath.Join(top, "bare.git"))
	r.At("../bare.git").Git("worktree", "add", "-q", filepath.Join(top, "of-bare"), "main")
	r.Git("init", "-q", "--separate-git-dir", filepath.Join(top, "separate.git"), filepath.Join(top, "separate"))
	r.Git("-c", "protocol.file.allow=always", "submodule", "add", "-q", r.Dir, "sub")
	r.Write("deep/er/x", "")
	for name, dir := range map[string]string{
		"plain": ".", "subdirectory": "deep/er", "bare": "../bare.git", "work tree of bare": "../of-bare",
		"separate": "../separate", "submodule": "sub", "git directory": ".git", "linked": r.Worktree("linked").Dir,
	} {
		t.Run(name, func(t *testing.T) {
			at := r.At(dir)
			grite(t, at, "lock", "acquire", "-r", "path:src/x", "--ttl", "1h")
			if out := grite(t, at, "lock", "status").Stdout; !strings.Contains(out, "path:src/x") {
				t.Errorf("status: %s", out)
			}
			at.Healthy()
			grite(t, at, "lock", "release", "--mine")
			if res := grite(t, at, "init"); strings.Contains(res.Stderr, "warning") {
				t.Errorf("init: %s", res.Stderr)
			}
			grite(t, at, "deinit")
		})
	}
}

func TestNoGoodGit(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	bin := t.TempDir()
	old := "#!/bin/sh\ncase \"$1\" in version|--version) echo git version 2.30.9;; *) exec /usr/bin/git \"$@\";; esac\n"
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte(old), 0o755); err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	try(t, r.With("PATH="+bin+":"+path), "lock", "status", "--json").exits(5, "git 2.31 or newer is needed")
	ours := strings.Split(path, ":")[0] // where the test binary is git-grite
	if res := r.With("PATH="+ours).Run("", filepath.Join(ours, "git-grite"), "lock", "status", "--json"); res.Code != 5 || !strings.Contains(res.Stdout, "git was not found") {
		t.Errorf("no git: exit %d, %s", res.Code, res.Stdout)
	}
}
