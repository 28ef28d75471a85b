package gittest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// NewRemote makes an empty bare repository; args go to git init. Clones come
// from the URL that a Transport serves it under:
//
//	remote := gittest.NewRemote(t)
//	url, env := transport.Serve(t, remote.Dir)
//	alice := remote.With(env...).Clone(t, url)
func NewRemote(t testing.TB, initArgs ...string) *Repo {
	t.Helper()
	r := &Repo{Dir: filepath.Join(t.TempDir(), "remote.git"), Env: Env(t), t: t}
	if err := os.Mkdir(r.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	r.Git(append([]string{"init", "-q", "--bare"}, initArgs...)...)
	return r
}

// Seed makes a commit with files on main, in one process.
func (r *Repo) Seed(files map[string]string) {
	r.t.Helper()
	commit := "commit refs/heads/main\ncommitter Test <test@example.com> now\ndata 5\nfirst\n"
	for path, content := range files {
		commit += fmt.Sprintf("M 100644 inline %s\ndata %d\n%s\n", path, len(content), content)
	}
	r.GitIn(commit, "fast-import", "--quiet", "--date-format=now")
}

// clones counts the clones of this test run, to name their users.
var clones atomic.Int64

// Clone clones the remote r from url, with the environment of r but a home and
// a user of its own; args go to git clone ("-c", "user.email=…" sets the user).
func (r *Repo) Clone(t testing.TB, url string, args ...string) *Repo {
	t.Helper()
	user := fmt.Sprintf("user-%d", clones.Add(1))
	dir := filepath.Join(t.TempDir(), user)
	c := &Repo{Dir: filepath.Dir(dir), Env: append(r.Env[:len(r.Env):len(r.Env)], Settings(newHome(t))...), t: t}
	// git before 2.41 makes a SHA-1 repository of an empty SHA-256 one.
	format := "GIT_DEFAULT_HASH=sha1"
	if config, err := os.ReadFile(filepath.Join(r.Dir, "config")); err != nil || strings.Contains(string(config), "objectformat") {
		format = "GIT_DEFAULT_HASH=" + r.Git("rev-parse", "--show-object-format")
	}
	c.With(format).Git(append(append([]string{"clone", "-q", "-c", "user.name=" + user, "-c", "user.email=" + user + "@example.com"}, args...), url, dir)...)
	return c.At(dir)
}

// Hook writes an executable hook: a POSIX sh script, or one that starts with
// "#!". A server's hooks can do what nothing else can at the same moment, since
// $PPID is the git receive-pack at work: "kill -9 $PPID" in pre-receive ends it
// before any ref has moved, in post-receive after all have but before it has
// answered, and in reference-transaction, when $1 is "prepared", while the refs
// are locked, and leaves their .lock files.
func (r *Repo) Hook(name, script string) {
	r.t.Helper()
	if !strings.HasPrefix(script, "#!") {
		script = "#!/bin/sh\n" + script
	}
	dir := r.Git("rev-parse", "--path-format=absolute", "--git-path", "hooks")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		r.t.Fatal(err)
	}
	Executable(r.t, filepath.Join(dir, name), script+"\n")
}

// Policy is something that a server may allow less of than git does.
type Policy struct {
	Name string
	// Apply gives the policy to a bare repository.
	Apply func(*Repo)
	// Refuses is set where no lock can be pushed under it.
	Refuses bool
}

// Policies lists what servers are set to. receive.denyNonFastForwards and
// receive.denyDeletes speak of branches only and leave other refs alone.
func Policies() []Policy {
	config := func(key, value string) func(*Repo) {
		return func(r *Repo) { r.t.Helper(); r.Git("config", key, value) }
	}
	return []Policy{
		{Name: "no atomic", Apply: config("receive.advertiseAtomic", "false")},
		{Name: "deny non-fast-forwards", Apply: config("receive.denyNonFastForwards", "true")},
		{Name: "deny deletes", Apply: config("receive.denyDeletes", "true")},
		{Name: "fsck", Apply: config("receive.fsckObjects", "true")},
		{Name: "hidden namespace", Refuses: true, Apply: config("transfer.hideRefs", "refs/grite")},
		{Name: "declining hook", Refuses: true, Apply: func(r *Repo) {
			r.t.Helper()
			r.Hook("pre-receive", "echo 'no refs but branches here' >&2\n! grep -v ' refs/heads/'")
		}},
	}
}
