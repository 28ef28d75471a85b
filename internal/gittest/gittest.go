// Package gittest makes hermetic git worlds for tests: real repositories with
// real git, in an environment from which every GIT_* variable is gone. Tests
// that run inside a hook have corrupted the repository that they were started
// from; these cannot. It knows nothing of locks but the form of their refs.
package gittest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// gitconfig is the only configuration that git reads besides a repository's own.
const gitconfig = `[init]
	defaultBranch = main
[user]
	name = Test
	email = test@example.com
[protocol "file"]
	allow = always
[gc]
	auto = 0
[maintenance]
	auto = false
[receive]
	autogc = false
[commit]
	gpgsign = false
[advice]
	detachedHead = false
`

// Env is a hermetic environment: the process's own without GIT_*, GRITE_* and
// whatever else leads to somebody's settings, with a home of its own. extra
// comes last. What still runs in it when the test ends is killed.
func Env(t testing.TB, extra ...string) []string {
	t.Helper()
	return append(Scrub(os.Environ()), append(Settings(newHome(t)), extra...)...)
}

func newHome(t testing.TB) string {
	t.Helper()
	home := t.TempDir()
	if err := WriteConfig(home); err != nil {
		t.Fatal(err)
	}
	endWith(t, home)
	return home
}

// worlds has the directory of the homes of each test that is running.
var worlds sync.Map

// endWith kills, at the end of the test, what then runs in any of its homes,
// which t.TempDir makes in one directory, and checks the repositories there.
func endWith(t testing.TB, home string) {
	world := filepath.Dir(home)
	if _, known := worlds.LoadOrStore(world, true); !known {
		t.Cleanup(func() {
			worlds.Delete(world)
			endAll(world)
			healthyInTheEnd(t, world, home)
		})
	}
}

// Scrub drops what could reach out of the test.
func Scrub(environ []string) []string {
	var env []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case strings.HasPrefix(name, "GIT_"), strings.HasPrefix(name, "GRITE_"), strings.HasPrefix(name, "XDG_"),
			name == "HOME", name == "NO_COLOR", name == "EDITOR", name == "VISUAL", strings.HasPrefix(name, "SSH_"),
			strings.HasSuffix(strings.ToLower(name), "_proxy"),
			name == "CLAUDE_ENV_FILE", strings.HasSuffix(name, "_SESSION_ID"), name == "CODEX_THREAD_ID": // of a coding agent
		default:
			env = append(env, kv)
		}
	}
	return env
}

// Settings are the variables that point git at a home with a .gitconfig.
func Settings(home string) []string {
	return []string{
		"HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + filepath.Join(home, ".gitconfig"),
		"GIT_TERMINAL_PROMPT=0", "GIT_EDITOR=true", "LC_ALL=C", "TZ=UTC",
		// A program built with the race detector sleeps a second at its end, and
		// the tests run thousands.
		"GORACE=atexit_sleep_ms=0",
	}
}

// WriteConfig writes the .gitconfig of a home.
func WriteConfig(home string) error {
	return os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(gitconfig), 0o666)
}

// Repo is a repository, or a work tree of one.
type Repo struct {
	Dir string
	Env []string
	t   testing.TB
}

// New makes a repository with one commit; args go to git init.
func New(t testing.TB, args ...string) *Repo {
	t.Helper()
	r := &Repo{Dir: filepath.Join(t.TempDir(), "repo"), Env: Env(t), t: t}
	if err := os.Mkdir(r.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	r.Git(append([]string{"init", "-q"}, args...)...)
	r.Write("README", "read me\n")
	r.Git("add", ".")
	r.Git("commit", "-q", "-m", "first")
	return r
}

// At is the same world seen from another directory.
func (r *Repo) At(dir string) *Repo {
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(r.Dir, dir)
	}
	return &Repo{Dir: dir, Env: r.Env, t: r.t}
}

// With is the repository with more in its environment.
func (r *Repo) With(env ...string) *Repo {
	return &Repo{Dir: r.Dir, Env: append(r.Env[:len(r.Env):len(r.Env)], env...), t: r.t}
}

// Worktree adds a linked work tree on a new branch of the same name.
func (r *Repo) Worktree(name string) *Repo {
	r.t.Helper()
	dir := filepath.Join(filepath.Dir(r.Dir), name)
	r.Git("worktree", "add", "-q", "-b", name, dir)
	return r.At(dir)
}

// Copy copies the repository, which has no linked work trees, in the same world.
func (r *Repo) Copy() *Repo {
	r.t.Helper()
	dir := filepath.Join(r.t.TempDir(), "repo")
	if err := os.CopyFS(dir, os.DirFS(r.Dir)); err != nil {
		r.t.Fatal(err)
	}
	return r.At(dir)
}

// Write writes a file below the repository.
func (r *Repo) Write(path, content string) {
	r.t.Helper()
	path = filepath.Join(r.Dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		r.t.Fatal(err)
	}
}

// Result is what a program printed and how it ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// command is a program of the repository's own PATH, or of the test's where
// that has none of the name.
func (r *Repo) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = r.Dir, r.Env
	if filepath.Base(name) != name {
		return cmd
	}
	for _, dir := range filepath.SplitList(lookup(r.Env, "PATH")) {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil && filepath.IsAbs(path) {
			cmd.Path, cmd.Err = path, nil
			break
		}
	}
	return cmd
}

// lookup is the value of a variable, of which the last setting counts.
func lookup(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(env[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// Run runs a program in the repository.
func (r *Repo) Run(stdin string, name string, args ...string) Result {
	cmd := r.command(name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	res := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		res.Code = exit.ExitCode()
	case err != nil:
		res.Code, res.Stderr = -1, err.Error()
	}
	return res
}

// Git runs git, which has to succeed, and returns its trimmed stdout.
func (r *Repo) Git(args ...string) string { return r.GitIn("", args...) }

// GitIn is Git with something on its standard input.
func (r *Repo) GitIn(stdin string, args ...string) string {
	r.t.Helper()
	res := r.Run(stdin, "git", args...)
	if res.Code != 0 {
		r.t.Fatalf("git %s: exit %d: %s", strings.Join(args, " "), res.Code, res.Stderr)
	}
	return strings.TrimSpace(res.Stdout)
}

// LockRef is the name of the ref of a resource.
func LockRef(resource string) string {
	sum := sha256.Sum256([]byte(resource))
	return "refs/grite/locks/" + hex.EncodeToString(sum[:8])
}

// Record writes lock.json with plain plumbing, as another program would, and
// points ref to it. It returns the id of the commit.
func (r *Repo) Record(ref, lockJSON string) string {
	r.t.Helper()
	blob := r.GitIn(lockJSON, "hash-object", "-w", "--stdin")
	tree := r.GitIn("100644 blob "+blob+"\tlock.json\n", "mktree")
	commit := r.GitIn("Lock\n", "commit-tree", tree)
	r.Git("update-ref", ref, commit)
	return commit
}

// Records is Record for thousands at once: lock.json by ref.
func (r *Repo) Records(lockJSON map[string]string) {
	r.t.Helper()
	r.GitIn(Stream(lockJSON), "fast-import", "--quiet")
}
