package receive_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/receive"
	"github.com/git-grite/git-grite/internal/refstore"
)

// TestMain is the hook when git runs this program as one.
func TestMain(m *testing.M) {
	if os.Getenv("RECEIVE_TEST_HOOK") != "" {
		os.Exit(runHook())
	}
	os.Exit(m.Run())
}

func runHook() int {
	ctx := context.Background()
	fail := func(err error) int { fmt.Fprintln(os.Stderr, "hook failed:", err); return 3 }
	dir, err := os.Getwd()
	if err != nil {
		return fail(err)
	}
	repo, err := git.Open(ctx, dir, os.Environ())
	if err != nil {
		return fail(err)
	}
	ours := filepath.Join(repo.CommonDir, "grite")
	rules, err := config.LoadReceive(ours)
	if err != nil {
		return fail(err)
	}
	updates, err := receive.ReadUpdates(os.Stdin)
	if err != nil {
		return fail(err)
	}
	store := refstore.NewLocal(repo, ours, time.Now)
	server := &receive.Server{Repo: repo, Dir: ours, Rules: rules, Now: time.Now, Locks: func(ctx context.Context) ([]lock.Entry, error) {
		t, err := store.Load(ctx, true)
		if err != nil {
			return nil, err
		}
		return t.Entries, nil
	}}
	v := server.Judge(ctx, updates, receive.PusherOf(os.Getenv, func(string) []string { return nil }))
	for _, line := range v.Lines() {
		fmt.Fprintln(os.Stderr, line)
	}
	if v.Refused() {
		return 1
	}
	return 0
}

// world is a server with the hook installed, and what is pushed to it.
type world struct {
	t      *testing.T
	server *gittest.Repo
	clone  *gittest.Repo
}

func newWorld(t *testing.T, rules string, initArgs ...string) *world {
	return newWorldOver(t, gittest.Transports(t)[0], rules, initArgs...)
}

func newWorldOver(t *testing.T, transport gittest.Transport, rules string, initArgs ...string) *world {
	t.Helper()
	w := &world{t: t, server: gittest.NewRemote(t, initArgs...)}
	url, env := transport.Serve(t, w.server.Dir)
	w.clone = w.server.With(env...).Clone(t, url)
	w.commit("README", "first")
	w.clone.Git("push", "-q", "origin", "HEAD:main")
	w.install(rules)
	return w
}

func (w *world) install(rules string) {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	w.server.Hook("pre-receive", "RECEIVE_TEST_HOOK=1 exec '"+self+"'")
	w.server.Write("grite/receive.toml", "[receive]\n"+rules)
}

func (w *world) commit(path, text string) {
	w.t.Helper()
	w.clone.Write(path, text)
	w.clone.Git("add", ".")
	w.clone.Git("commit", "-q", "-m", text)
}

// as is the clone in the hands of a login, as GitLab would name it; "" for none.
func (w *world) as(login string) *gittest.Repo {
	if login == "" {
		return w.clone
	}
	return w.clone.With("GITEA_PUSHER_NAME=" + login)
}

var (
	alice = strings.Repeat("a1", 16)
	bob   = strings.Repeat("b2", 16)
)

// record is lock.json, with more fields behind the four.
func record(owner, resource string, ttl time.Duration, more string) string {
	return fmt.Sprintf(`{"owner": %q, "nonce": "n-%s", "expires_unix_ms": %d, "resource": %q%s}`,
		owner, owner, time.Now().Add(ttl).UnixMilli(), resource, more)
}

// write makes the commit of a record in the clone.
func (w *world) write(json string) string {
	w.t.Helper()
	return w.clone.Record("refs/scratch", json)
}

// push pushes refspecs and reports whether the server took them.
func (w *world) push(as string, args ...string) (ok bool, said string) {
	w.t.Helper()
	res := w.as(as).Run("", "git", append([]string{"push", "-q", "origin"}, args...)...)
	if res.Code != 0 && !strings.Contains(res.Stderr, "pre-receive hook declined") || strings.Contains(res.Stderr, "hook failed") {
		w.t.Fatalf("the hook did not judge: %s", res.Stderr)
	}
	return res.Code == 0, res.Stderr
}

func (w *world) want(ok bool, as, words string, args ...string) {
	w.t.Helper()
	got, said := w.push(as, args...)
	if got != ok || !strings.Contains(said, words) {
		w.t.Errorf("%q pushes %.100q: accepted %v, want %v with %q\n%s", as, args, got, ok, words, said)
	}
}

// put pushes a record to the ref of its resource.
func (w *world) put(ok bool, as, words, resource, json string) {
	w.t.Helper()
	w.want(ok, as, words, "+"+w.write(json)+":"+gittest.LockRef(resource))
}

func (w *world) del(ok bool, as, words, resource string) {
	w.t.Helper()
	w.want(ok, as, words, ":"+gittest.LockRef(resource))
}

// TestWhatTheClientPushes is all that git-grite itself does to its refs, with and
// without a login, over each way to reach a server.
func TestWhatTheClientPushes(t *testing.T) {
	const a = "path:a"
	for _, transport := range gittest.Transports(t) {
		for _, format := range []string{"sha1", "sha256"} {
			if format == "sha256" && transport.Name != "path" {
				continue
			}
			t.Run(transport.Name+" "+format, func(t *testing.T) {
				t.Parallel()
				w := newWorldOver(t, transport, "policy = \"require\"\n", "--object-format="+format)
				w.put(true, "", "", a, record(alice, a, hour, `, "ticket": 1`))
				w.put(true, "", "", a, record(alice, a, 2*hour, ""))
				w.del(true, "", "", a)
				w.put(true, "", "", a, record(alice, a, -time.Second, ""))
				over := w.write(record(alice, "path:b/", hour, ""))
				w.want(true, "", "", "--atomic", over+":"+gittest.LockRef("path:b/"), ":"+gittest.LockRef(a))
				w.put(true, "", "", "path:b/", tombstone(bob, alice, "n-"+alice, "path:b/"))
				w.put(true, "", "", "path:b/", record(alice, "path:b/", hour, ""))
			})
		}
	}
}
