package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// How a test runs something and says what has to come of it, in one line:
//
//	grite(t, alice, "lock", "acquire", "src")                          // set-up: has to succeed
//	try(t, bob, "lock", "acquire", "src/a.go").exits(4, "alice")       // what is tested
//	try(t, bob, "lock", "status").exits(0, "path:src/").lacks("bob")
//	git(t, bob, "commit", "-am", "x").stopped("src/a.go")              // by a hook of ours
//	git(t, bob, "push", "origin", "main").silent()

// outcome is how a program ended, and the command line that the messages of the
// test show.
type outcome struct {
	gittest.Result
	t    *testing.T
	what string
}

// grite runs git-grite, which has to succeed, or the test ends here.
func grite(t *testing.T, r *gittest.Repo, args ...string) gittest.Result {
	t.Helper()
	res := r.Run("", "git-grite", args...)
	if res.Code != 0 {
		t.Fatalf("git-grite %s: exit %d: %s", strings.Join(args, " "), res.Code, res.Stderr)
	}
	return res
}

// try runs git-grite.
func try(t *testing.T, r *gittest.Repo, args ...string) outcome {
	return came(t, "git-grite "+strings.Join(args, " "), r.Run("", "git-grite", args...))
}

// git runs git, which may run hooks.
func git(t *testing.T, r *gittest.Repo, args ...string) outcome {
	return came(t, "git "+strings.Join(args, " "), r.Run("", "git", args...))
}

// came is the outcome of something that the test ran by itself.
func came(t *testing.T, what string, res gittest.Result) outcome { return outcome{res, t, what} }

// exits wants the exit code, and each of the words on stdout or stderr.
func (o outcome) exits(code int, words ...string) outcome {
	o.t.Helper()
	if o.Code != code {
		o.t.Errorf("%s: exit %d instead of %d: %s%s", o.what, o.Code, code, o.Stdout, o.Stderr)
	}
	for _, w := range words {
		if !strings.Contains(o.Stdout+o.Stderr, w) {
			o.t.Errorf("%s: no %q in %s%s", o.what, w, o.Stdout, o.Stderr)
		}
	}
	return o
}

// lacks wants none of the words on stdout or stderr.
func (o outcome) lacks(words ...string) outcome {
	o.t.Helper()
	for _, w := range words {
		if strings.Contains(o.Stdout+o.Stderr, w) {
			o.t.Errorf("%s: %q in %s%s", o.what, w, o.Stdout, o.Stderr)
		}
	}
	return o
}

// stopped wants a hook to have ended it for these words, on stderr alone.
func (o outcome) stopped(words ...string) outcome {
	o.t.Helper()
	if o.Code == 0 || !strings.Contains(o.Stderr, "git-grite: ") || strings.Contains(o.Stdout, "git-grite") {
		o.t.Errorf("%s: not stopped by a hook: exit %d, %s%s", o.what, o.Code, o.Stdout, o.Stderr)
	}
	return o.exits(o.Code, words...)
}

// silent wants success, and not a word of ours.
func (o outcome) silent() outcome {
	o.t.Helper()
	return o.exits(0).lacks("git-grite")
}

// stoppedFor is stopped for a path, or silent where that is "".
func (o outcome) stoppedFor(path string) outcome {
	o.t.Helper()
	if path == "" {
		return o.silent()
	}
	return o.stopped(path)
}

// check runs lock check, which has to end with a code.
func check(t *testing.T, r *gittest.Repo, code int, args ...string) gittest.Result {
	t.Helper()
	return try(t, r, append([]string{"lock", "check"}, args...)...).exits(code).Result
}

// push pushes under the policy require, and is stopped for a path, or is silent
// where that is "".
func push(t *testing.T, r *gittest.Repo, what, path string, args ...string) gittest.Result {
	t.Helper()
	res := r.With("GRITE_LOCK_POLICY=require").Run("", "git", append([]string{"push"}, args...)...)
	return came(t, what, res).stoppedFor(path).Result
}

// healthyInTheEnd has git checked in clones and remotes when the test is over, but
// before the servers that it starts from now on are gone.
func healthyInTheEnd(t *testing.T, repos ...*gittest.Repo) {
	t.Cleanup(func() {
		for _, r := range repos {
			r.Healthy()
		}
	})
}

// appears waits for a file that a script makes.
func appears(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not appear", path)
		}
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	write(t, path, "")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tools is a directory with the programs that hooks need, and no git-grite
// wherever that may be installed.
func tools(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"basename", "cat", "git", "grep", "sh", "sleep"} {
		for _, from := range []string{"/usr/bin", "/bin", "/usr/local/bin"} {
			if path := filepath.Join(from, name); os.Symlink(path, filepath.Join(dir, name)) == nil {
				if _, err := os.Stat(path); err == nil {
					break
				}
				os.Remove(filepath.Join(dir, name))
			}
		}
	}
	return dir
}

// desktop is r in the environment that a desktop gives its programs: git-grite
// is in ~/.local/bin, and not on PATH.
func desktop(t *testing.T, r *gittest.Repo) *gittest.Repo {
	t.Helper()
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".local/bin"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(mustLook(t), filepath.Join(home, ".local/bin/git-grite")); err != nil {
		t.Fatal(err)
	}
	return r.With("PATH="+tools(t), "HOME="+home)
}

// systemDirs are the directories that a shim adds to PATH and that are the same
// for everybody.
var systemDirs = regexp.MustCompile(`(?m)^PATH=.*$`)

// without calls f with r as on a machine where there is no git-grite: it is on
// no PATH, and while f runs the shims of r add no directory of the system's to
// it, where one may be installed.
func without(t *testing.T, r *gittest.Repo, f func(r *gittest.Repo)) {
	t.Helper()
	hooks, err := filepath.Glob(filepath.Join(r.Git("rev-parse", "--path-format=absolute", "--git-path", "hooks"), "pre-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range hooks {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "git-grite hook shim") {
			continue
		}
		bare := systemDirs.ReplaceAllStringFunc(string(text), func(line string) string {
			return regexp.MustCompile(`:/[^:"]*`).ReplaceAllString(line, "")
		})
		gittest.Executable(t, path, bare)
		defer gittest.Executable(t, path, string(text))
	}
	f(r.With("PATH="+tools(t), "HOME=/nowhere"))
}

// mustLook is the path of the program under test.
func mustLook(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("git-grite")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
