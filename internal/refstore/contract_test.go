package refstore

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
)

// TestContract is what every arbiter promises, over every transport and in both
// object formats.
func TestContract(t *testing.T) {
	for _, tr := range gittest.Transports(t) {
		for _, format := range []string{"sha1", "sha256"} {
			if format == "sha256" && tr.Name != "file" && tr.Name != "http" {
				continue // the transports do not look into objects
			}
			t.Run(tr.Name+" "+format, func(t *testing.T) {
				t.Parallel()
				remote := gittest.NewRemote(t, "--object-format="+format)
				url, env := tr.Serve(t, remote.Dir)
				contract(t, remote, "", func() *gittest.Repo { return remote.With(env...).Clone(t, url) })
			})
		}
	}
}

// TestContractJudged: a server whose hook judges pushes takes all that clients do.
func TestContractJudged(t *testing.T) {
	program := filepath.Join(t.TempDir(), "git-grite") // of which only the tests' own form has a clock to set
	build := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-tags", "urfave_cli_no_docs", "-o", program, "../../cmd/git-grite")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, tr := range gittest.Transports(t) {
		if tr.Name != "path" && tr.Name != "http" {
			continue // without a login, and with one
		}
		t.Run(tr.Name, func(t *testing.T) {
			t.Parallel()
			remote := gittest.NewRemote(t)
			clock := filepath.Join(t.TempDir(), "clock")
			remote.Hook("pre-receive", "echo judged >>'"+clock+".log'; GRITE_TEST_CLOCK='"+clock+"' exec '"+program+"' receive -- \"$@\"")
			remote.Write("grite/receive.toml", "[receive]\npolicy = \"require\"\nfail = \"closed\"\n")
			url, env := tr.Serve(t, remote.Dir)
			contract(t, remote, clock, func() *gittest.Repo { return remote.With(env...).Clone(t, url) })
			if log, _ := os.ReadFile(clock + ".log"); strings.Count(string(log), "judged") < 10 {
				t.Errorf("the hook judged %q", log)
			}
		})
	}
}

func contract(t *testing.T, remote *gittest.Repo, clock string, clone func() *gittest.Repo) {
	alice, bob := join(t, clone(), 0), join(t, clone(), 1)
	alice.clock, bob.clock = clock, clock
	stands := func(names ...string) {
		t.Helper()
		var want []string
		for _, name := range names {
			want = append(want, gittest.LockRef(name))
		}
		got := strings.Fields(remote.Git("for-each-ref", "--format=%(refname)", Namespace))
		if len(got) != len(want) {
			t.Fatalf("on the remote are %s, not %s", got, names)
		}
		for _, ref := range want {
			remote.Git("rev-parse", "--verify", "-q", ref)
		}
	}
	granted := alice.mustTake("path:src/")
	stands("path:src/")
	for _, overlapping := range []string{"path:src/", "path:src/a.go", "path:**/*.go", "repo:x"} {
		bob.mustMeet(alice, overlapping)
	}
	bob.mustTake("path:docs/", "issue:1")
	stands("path:src/", "path:docs/", "issue:1")
	alice.mustMeet(bob, "path:new", "path:docs/x") // all or nothing
	stands("path:src/", "path:docs/", "issue:1")
	if again := alice.mustTake("path:src/"); !again[0].AlreadyHeld || again[0].Nonce != granted[0].Nonce {
		t.Errorf("taken again: %+v", again)
	}
	renewed, err := alice.renew(2 * time.Hour)
	if err != nil || renewed[0].Nonce != granted[0].Nonce || !renewed[0].Expires.After(granted[0].Expires) {
		t.Errorf("renewed: %+v, %v", renewed, err)
	}
	var missing *lock.NotHeldError
	if _, err := bob.renew(time.Hour, "path:none"); !errors.As(err, &missing) {
		t.Errorf("renew of nothing: %v", err)
	}
	alice.mustRelease("path:src") // in the other spelling
	stands("path:docs/", "issue:1")
	bob.mustTake("path:src/a.go")
	if r, err := alice.Release(t.Context(), parse(t, "path:src/a.go"), ""); len(r.Locks) > 0 || len(r.Others) != 1 || err != nil {
		t.Errorf("release of another's: %+v, %v", r, err)
	}

	// Broken: the holder is told by the tombstone, and can take it again.
	held, err := bob.granted()
	if err != nil {
		t.Fatal(err)
	}
	nonce := held[parse(t, "path:src/a.go")[0].Key()].Nonce
	var wrong *lock.NonceError
	if _, err := alice.Break(t.Context(), lock.BreakRequest{Resource: parse(t, "path:src/a.go")[0], Nonce: "x", Reason: "why"}); !errors.As(err, &wrong) {
		t.Errorf("break with a wrong nonce: %v", err)
	}
	if _, err := alice.Break(t.Context(), lock.BreakRequest{Resource: parse(t, "path:src/a.go")[0], Nonce: nonce, Reason: "why"}); err != nil {
		t.Errorf("break: %v", err)
	}
	var broken *lock.BrokenError
	if _, err := bob.renew(time.Hour, "path:src/a.go"); !errors.As(err, &broken) || broken.Tombstone.Reason != "why" {
		t.Errorf("renew of a broken lock: %v", err)
	}
	alice.mustTake("path:src/a.go")
	bob.mustRelease()
	stands("path:src/a.go")

	// Expired: taken over when the clock skew has passed, with what overlaps it.
	bob.Skew = 30 * time.Second
	bob.ahead(time.Hour + 10*time.Second)
	bob.mustMeet(alice, "path:src/")
	bob.ahead(time.Hour + 40*time.Second)
	over := bob.mustTake("path:src/")
	if len(over[0].TakenOver) != 1 || over[0].TakenOver[0].Owner != alice.Owner {
		t.Errorf("taken over: %+v", over)
	}
	stands("path:src/")
	var lost *lock.HeldError
	if _, err := alice.renew(3 * time.Hour); !errors.As(err, &lost) || lost.Conflicts[0].Owner != bob.Owner {
		t.Errorf("a late renewal: %v", err)
	}

	// Damaged: blocks nobody, is replaced where it is needed, and collected.
	junk := remote.Record("refs/junk", `{"owner": "x"}`)
	remote.Git("update-ref", gittest.LockRef("path:lib"), junk)
	remote.Git("update-ref", gittest.LockRef("path:other"), junk)
	alice.mustTake("path:lib")
	alice.ahead(4 * time.Hour)
	c, err := alice.Collect(t.Context())
	if err != nil || len(c.Damaged) != 1 || len(c.Expired) != 2 {
		t.Errorf("collected %+v, %v", c, err)
	}
	stands()
	remote.Git("fsck", "--strict")
	if left := alice.clone.Git("for-each-ref", "refs/grite"); left != "" {
		t.Errorf("in the clone is %s", left)
	}
}

// TestPolicies: servers that allow less than git does.
func TestPolicies(t *testing.T) {
	for _, p := range gittest.Policies() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			remote := gittest.NewRemote(t)
			p.Apply(remote)
			if !p.Refuses {
				contract(t, remote, "", func() *gittest.Repo { return remote.Clone(t, remote.Dir) })
				return
			}
			m := join(t, remote.Clone(t, remote.Dir), 0)
			_, err := m.take("path:a")
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Reason == "" {
				t.Errorf("take: %v", err)
			}
			found, err := m.store.Probe(t.Context(), m.Owner, m.Nonce)
			if last := found[len(found)-1]; err != nil || last.Works || !last.Needed {
				t.Errorf("probe: %+v, %v", found, err)
			}
		})
	}
}

// TestClones: every kind of clone can lock, and sees the locks of others.
func TestClones(t *testing.T) {
	remote := gittest.NewRemote(t)
	first := remote.Clone(t, remote.Dir)
	first.Write("src/a", "x")
	first.Git("add", ".")
	first.Git("commit", "-q", "-m", "first")
	first.Write("src/a", "y")
	first.Git("commit", "-q", "-am", "second")
	first.Git("push", "-q", "origin", "HEAD:refs/heads/main")
	remote.Git("config", "uploadpack.allowFilter", "true")
	other := join(t, first, 0)
	other.mustTake("path:taken")
	actors := 0
	for name, args := range map[string][]string{
		"shallow": {"--depth=1"}, "no blobs": {"--filter=blob:none"}, "no trees": {"--filter=tree:0", "--no-checkout"},
		"single branch": {"--single-branch"}, "bare": {"--bare"}, "mirror": {"--mirror"},
	} {
		actors++
		actor := actors // no two are one: a release of all locks is also of those that the actor took in other clones
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := join(t, remote.Clone(t, "file://"+remote.Dir, args...), actor)
			m.mustMeet(other, "path:taken")
			m.mustTake("path:" + name)
			if _, err := m.renew(2 * time.Hour); err != nil {
				t.Error(err)
			}
			m.mustRelease()
		})
	}
}

// TestRemoteSymref: a symbolic ref among the locks of a server names a branch, and
// a push to it would change or delete that branch.
func TestRemoteSymref(t *testing.T) {
	remote := gittest.NewRemote(t)
	clone := remote.Clone(t, remote.Dir)
	clone.Git("commit", "-q", "--allow-empty", "-m", "first")
	clone.Git("push", "-q", "origin", "HEAD:refs/heads/main")
	main := remote.Git("rev-parse", "main")
	remote.Git("symbolic-ref", gittest.LockRef("path:a"), "refs/heads/main")
	m := join(t, clone, 0)
	var refused *RefusedError
	if _, err := m.take("path:a"); !errors.As(err, &refused) || !strings.Contains(refused.Reason, "symbolic") {
		t.Errorf("take: %v", err)
	}
	if _, err := m.Collect(t.Context()); !errors.As(err, &refused) {
		t.Errorf("collect: %v", err)
	}
	m.mustTake("path:b")
	if at := remote.Git("rev-parse", "main"); at != main {
		t.Errorf("main moved to %s", at)
	}
}

// TestPushURL: what was pushed is what is read, wherever the remote fetches from.
func TestPushURL(t *testing.T) {
	for name, set := range map[string]func(clone *gittest.Repo, stale, real string){
		"pushurl": func(c *gittest.Repo, stale, real string) {
			c.Git("config", "remote.origin.url", stale)
			c.Git("config", "--add", "remote.origin.pushurl", real)
			c.Git("config", "--add", "remote.origin.pushurl", stale)
		},
		"pushInsteadOf": func(c *gittest.Repo, stale, real string) {
			c.Git("config", "remote.origin.url", stale)
			c.Git("config", "--global", "url."+real+".pushInsteadOf", stale)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote, stale := gittest.NewRemote(t), gittest.NewRemote(t)
			other := join(t, remote.Clone(t, remote.Dir), 0)
			other.mustTake("path:src/")
			clone := remote.Clone(t, remote.Dir)
			set(clone, stale.Dir, remote.Dir)
			m := join(t, clone, 1)
			m.mustMeet(other, "path:src/a")
			m.mustTake("path:b")
			m.mustRelease()
			if refs := stale.Git("for-each-ref"); refs != "" {
				t.Errorf("on the stale copy are %s", refs)
			}
		})
	}
}

// TestUnreachable: whatever is wrong with a remote, its reason is told and nothing
// is left behind.
func TestUnreachable(t *testing.T) {
	remote := gittest.NewRemote(t)
	for name, url := range map[string]string{
		"no such path": "/nonexistent", "not git": t.TempDir(), "refused": "http://127.0.0.1:1/x", "no such host": "http://nowhere.invalid/x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clone := remote.Clone(t, remote.Dir)
			clone.Git("remote", "set-url", "origin", url)
			m := join(t, clone, 0)
			_, err := m.take("path:a")
			var unreachable *git.RemoteError
			if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), `remote "origin": `) {
				t.Errorf("take: %v", err)
			}
			if held, err := m.granted(); len(held) > 0 || err != nil {
				t.Errorf("held %v, %v", held, err)
			}
		})
	}
}
