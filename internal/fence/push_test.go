package fence

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
)

// fenced is a clone that holds locks on a server, and a commit to push.
type fenced struct {
	t      *testing.T
	server *gittest.Repo
	clone  *gittest.Repo
	repo   *git.Repo
	locks  []Lock
	before string // where main stands on the server
	after  string // where it would
}

func newFenced(t *testing.T, transport gittest.Transport, initArgs ...string) *fenced {
	t.Helper()
	f := &fenced{t: t, server: gittest.NewRemote(t, initArgs...)}
	url, env := transport.Serve(t, f.server.Dir)
	f.clone = f.server.With(env...).Clone(t, url)
	f.clone.Git("commit", "-q", "--allow-empty", "-m", "1")
	f.clone.Git("push", "-q", "origin", "HEAD:main")
	for i := range 2 {
		ref := gittest.LockRef(fmt.Sprint("path:", i))
		f.locks = append(f.locks, Lock{Ref: git.RefName(ref),
			Old: git.OID(f.clone.Record("refs/scratch", fmt.Sprint("granted", i))), New: git.OID(f.clone.Record("refs/scratch", fmt.Sprint("renewed", i)))})
		f.clone.Git("push", "-q", "origin", string(f.locks[i].Old)+":"+ref)
	}
	f.before = f.clone.Git("rev-parse", "HEAD")
	f.clone.Git("commit", "-q", "--allow-empty", "-m", "2")
	f.after = f.clone.Git("rev-parse", "HEAD")
	f.repo = open(t, f.clone)
	return f
}

// push pushes and checks that all of it happened, or nothing.
func (f *fenced) push(want State, args ...string) (Outcome, string, error) {
	f.t.Helper()
	p, err := Read(f.t.Context(), f.repo, args)
	if err != nil {
		f.t.Fatal(err)
	}
	io, said := streams(f.t)
	o, err := Push(f.t.Context(), f.repo, p, f.locks, io)
	out, stderr := said()
	if o.State != want {
		f.t.Errorf("state %d, want %d, exit %d, %v\n%s%s", o.State, want, o.Exit, err, out, stderr)
	}
	f.stand(want == Moved)
	return o, out + stderr, err
}

func (f *fenced) stand(moved bool) {
	f.t.Helper()
	main := f.before
	if moved {
		main = f.after
	}
	if got := f.server.Git("rev-parse", "main"); got != main {
		f.t.Errorf("main is at %s, want %s", got, main)
	}
	for _, l := range f.locks {
		got := git.OID(f.server.Run("", "git", "rev-parse", "-q", "--verify", string(l.Ref)).Stdout)
		if got = git.OID(strings.TrimSpace(string(got))); (got == l.New) != moved {
			f.t.Errorf("%s is at %q, moved %v", l.Ref, got, moved)
		}
	}
}

func TestPush(t *testing.T) {
	for _, transport := range gittest.Transports(t) {
		t.Run(transport.Name, func(t *testing.T) {
			t.Parallel()
			f := newFenced(t, transport)
			o, said, err := f.push(Moved, "-u", "origin", "main")
			if err != nil || o.Exit != 0 || !strings.Contains(said, "main -> main") {
				t.Errorf("%+v, %v, %s", o, err, said)
			}
			if f.clone.Git("rev-parse", "--abbrev-ref", "main@{upstream}") != "origin/main" {
				t.Error("no upstream was set")
			}
		})
	}
	for name, c := range map[string]struct {
		args  []string
		words string
	}{
		"porcelain": {[]string{"--porcelain", "origin", "main"}, " \trefs/heads/main:refs/heads/main\t"}, "tags": {[]string{"--tags", "origin", "main"}, "light -> light"},
		"lease": {[]string{"--force-with-lease", "origin", "main"}, "main -> main"}, "force": {[]string{"-f", "origin", "main"}, "main -> main"},
		"all": {[]string{"--all", "origin"}, "main -> main"}, "progress": {[]string{"--progress", "origin", "main"}, "Writing objects"},
		"sha256": {[]string{"origin", "HEAD:main"}, "HEAD -> main"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			format := "sha1"
			if name == "sha256" {
				format = name
			}
			f := newFenced(t, gittest.Transports(t)[0], "--object-format="+format)
			f.clone.Git("tag", "light")
			if _, said, err := f.push(Moved, c.args...); err != nil || !strings.Contains(said, c.words) {
				t.Errorf("%v, %s", err, said)
			}
		})
	}
}

func TestRelease(t *testing.T) {
	f := newFenced(t, gittest.Transports(t)[0])
	f.locks[0].New, f.locks[1].New = "", ""
	if o, _, err := f.push(Moved, "origin", "main"); err != nil || o.Exit != 0 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestDryRun(t *testing.T) {
	f := newFenced(t, gittest.Transports(t)[0])
	if o, _, err := f.push(Dry, "-n", "origin", "main"); err != nil || o.Exit != 0 {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestLost: the lock was broken, renewed by somebody else or deleted; neither
// --force nor a lease of the caller's helps.
func TestLost(t *testing.T) {
	for _, args := range []string{"origin main", "-f origin main", "--force-with-lease origin main", "--force --force-if-includes origin main", "--all -f origin"} {
		for name, change := range map[string]func(f *fenced){
			"taken": func(f *fenced) { f.server.Record(string(f.locks[1].Ref), "taken") },
			"gone":  func(f *fenced) { f.server.Git("update-ref", "-d", string(f.locks[1].Ref)) },
		} {
			t.Run(args+" "+name, func(t *testing.T) {
				t.Parallel()
				f := newFenced(t, gittest.Transports(t)[0])
				change(f)
				o, said, err := f.push(Lost, strings.Fields(args)...)
				if err != nil || o.Exit != 1 || len(o.Lost) != 1 || o.Lost[0] != f.locks[1] || !strings.Contains(said, "stale info") {
					t.Errorf("%+v, %v, %s", o, err, said)
				}
			})
		}
	}
	t.Run("released by somebody else", func(t *testing.T) {
		f := newFenced(t, gittest.Transports(t)[0])
		f.locks = f.locks[:1]
		f.locks[0].New = ""
		f.server.Git("update-ref", "-d", string(f.locks[0].Ref))
		p, err := Read(t.Context(), f.repo, []string{"origin", "main"})
		if err != nil {
			t.Fatal(err)
		}
		io, _ := streams(t)
		if o, err := Push(t.Context(), f.repo, p, f.locks, io); err != nil || o.State != Lost {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

// TestKept: git says no for a reason of its own, and the locks stand.
func TestKept(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(f *fenced)
		words   string
	}{
		"branch race": {func(f *fenced) {
			f.before = f.server.GitIn("", "commit-tree", "-m", "other", "main^{tree}")
			f.server.Git("update-ref", "refs/heads/main", f.before)
		}, "rejected"},
		"server's hook":   {func(f *fenced) { f.server.Hook("pre-receive", "exit 1") }, "pre-receive hook declined"},
		"update hook":     {func(f *fenced) { f.server.Hook("update", `[ "$1" != refs/heads/main ]`) }, "hook declined"},
		"pre-push hook":   {func(f *fenced) { f.clone.Hook("pre-push", "exit 1") }, "failed to push"},
		"server died":     {func(f *fenced) { f.server.Hook("pre-receive", "kill -9 $PPID") }, "hung up"},
		"unknown refspec": {func(f *fenced) { f.clone.Git("branch", "-m", "other") }, "does not match any"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFenced(t, gittest.Transports(t)[0])
			c.prepare(f)
			if o, said, err := f.push(Kept, "origin", "main"); err != nil || o.Exit == 0 || !strings.Contains(said, c.words) {
				t.Errorf("%+v, %v, %s", o, err, said)
			}
		})
	}
}

// TestAnswerLost: the server did it, and died before it could say so.
func TestAnswerLost(t *testing.T) {
	for _, transport := range gittest.Transports(t) {
		for _, release := range []bool{false, true} {
			t.Run(fmt.Sprint(transport.Name, release), func(t *testing.T) {
				t.Parallel()
				f := newFenced(t, transport)
				if release {
					f.locks = f.locks[:1]
					f.locks[0].New = ""
				}
				f.server.Hook("post-receive", "kill -9 $PPID")
				if o, _, err := f.push(Moved, "origin", "main"); err != nil || o.Exit == 0 {
					t.Errorf("%+v, %v", o, err)
				}
			})
		}
	}
}

// TestStopped: a user who stops the push is told what became of it.
func TestStopped(t *testing.T) {
	f := newFenced(t, gittest.Transports(t)[0])
	f.server.Hook("post-receive", "sleep 20")
	p, err := Read(t.Context(), f.repo, []string{"origin", "main"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for f.server.Run("", "git", "rev-parse", "main").Stdout != f.after+"\n" {
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	}()
	io, _ := streams(t)
	o, err := Push(ctx, f.repo, p, f.locks, io)
	if !errors.Is(err, context.Canceled) || o.State != Moved {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestNotAtomic(t *testing.T) {
	for _, transport := range gittest.Transports(t) {
		t.Run(transport.Name, func(t *testing.T) {
			t.Parallel()
			f := newFenced(t, transport)
			f.server.Git("config", "receive.advertiseAtomic", "false")
			if o, _, err := f.push(Kept, "origin", "main"); !errors.Is(err, ErrNotAtomic) || o.Exit == 0 {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	f := newFenced(t, gittest.Transports(t)[0])
	f.clone.Git("remote", "set-url", "origin", "/no/such/repository")
	if o, _, err := f.push(Unknown, "origin", "main"); err == nil || o.Exit != 128 {
		t.Errorf("%+v, %v", o, err)
	}
}
