package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/git-grite/git-grite/internal/cli"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/signals"
)

// TestMain puts git-grite and grite on PATH, so that "git grite …" and the hooks
// of a real commit run the code under test. They are this test binary under
// another name, built once more where it has the race detector: that costs each
// process sixty milliseconds, the tests start thousands, and what runs at the
// same time is processes, not goroutines. Only here can a clock be shifted:
// GRITE_TEST_SHIFT is added to the time, and so is what the file GRITE_TEST_CLOCK
// says at that moment, which a test may change while the program runs; and
// GRITE_TEST_HOST is the name of another machine. What it had in memory at most, in
// KiB, goes to the file GRITE_TEST_PEAK. With GRITE_TEST_CRASH it crashes when it
// asks for the time.
func TestMain(m *testing.M) {
	switch strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") {
	case "git-grite", "grite":
		asProgram()
	}
	os.Exit(runTests(m))
}

func asProgram() {
	cli.CollectLate()
	ctx, stop := signals.Context(context.Background())
	env := cli.SystemEnv()
	shift, err := time.ParseDuration(os.Getenv("GRITE_TEST_SHIFT"))
	if err != nil {
		shift = 0
	}
	env.Now = func() time.Time {
		text, _ := os.ReadFile(os.Getenv("GRITE_TEST_CLOCK"))
		if more, err := time.ParseDuration(strings.TrimSpace(string(text))); err == nil {
			return time.Now().Add(shift + more)
		}
		return time.Now().Add(shift)
	}
	if how := os.Getenv("GRITE_TEST_CRASH"); how != "" {
		env.Now = func() time.Time { return crash(how) }
	}
	if host := os.Getenv("GRITE_TEST_HOST"); host != "" {
		env.Host = host
	}
	code := cli.Main(ctx, env)
	stop()
	if path := os.Getenv("GRITE_TEST_PEAK"); path != "" {
		status, _ := os.ReadFile("/proc/self/status")
		_, peak, _ := strings.Cut(string(status), "VmHWM:")
		_ = os.WriteFile(path, []byte(peak), 0o666)
	}
	os.Exit(code)
}

// crash ends the program in a way that nothing in it can catch.
func crash(how string) time.Time {
	switch how {
	case "panic":
		go func() { panic("injected") }()
	case "fatal":
		new(sync.Mutex).Unlock()
	default:
		signals := map[string]syscall.Signal{"abort": syscall.SIGABRT, "fault": syscall.SIGSEGV, "kill": syscall.SIGKILL}
		if p, err := os.FindProcess(os.Getpid()); err == nil {
			_ = p.Signal(signals[how])
		}
	}
	select {}
}

func runTests(m *testing.M) int {
	for _, kv := range os.Environ() { // of a hook that the tests are run by
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "GIT_") {
			os.Unsetenv(name)
		}
	}
	gittest.HearHangups()
	bin, err := os.MkdirTemp("", "git-grite-bin-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(bin)
	program := filepath.Join(bin, "git-grite")
	if self, err := os.Executable(); err != nil || raced() || os.Link(self, program) != nil {
		build := exec.Command("go", "test", "-c", "-tags", "urfave_cli_no_docs", "-o", program, ".")
		if out, err := build.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("go test -c: %v: %s", err, out))
		}
	}
	if err := os.Link(program, filepath.Join(bin, "grite")); err != nil {
		panic(err)
	}
	if err := os.Chmod(bin, 0o755); err != nil { // for those tests that run as nobody
		panic(err)
	}
	if err := os.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
		panic(err)
	}
	flag.Parse()
	// Many of them wait, for leases to end or for each other.
	if err := flag.Set("test.parallel", fmt.Sprint(max(6, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	code := m.Run()
	if left := gittest.Left(bin); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "the tests left processes behind, which are ended now:\n%s\n", strings.Join(left, "\n"))
		return max(code, 1)
	}
	return code
}

// raced reports whether this program has the race detector.
func raced() bool {
	info, _ := debug.ReadBuildInfo()
	return info == nil || slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func TestScripts(t *testing.T) { runScripts(t, "*", "") }

// TestScriptsRemote plays the stories about locks once more in a clone whose
// locks a remote grants: to the user there is no difference.
func TestScriptsRemote(t *testing.T) { runScripts(t, "lock_*", "origin") }

// odd are the scripts about repositories that are set up in ways of their own, or
// damaged: what git does with them in a year has to work at their end.
var odd = regexp.MustCompile(`^(acquire|clone|damage|dotfiles|environment|gc|hook|index|layouts|lock_name|merge|objects|push|refs|release|remote|settings|shared|sync|offline)_`)

func runScripts(t *testing.T, names, remote string) {
	t.Parallel()
	files, err := filepath.Glob("testdata/script/" + names + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			path := env.Getenv("PATH")
			env.Vars = append(gittest.Scrub(env.Vars), gittest.Settings(env.WorkDir)...)
			env.Setenv("PATH", path)
			if err := gittest.WriteConfig(env.WorkDir); err != nil {
				return err
			}
			env.Setenv("REMOTE", remote)
			name := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
			how := gittest.Objects
			if odd.MatchString(name) {
				how = gittest.Year
			}
			env.Defer(func() { gittest.CheckWorld(t, env.WorkDir, env.Vars, how) })
			repo := filepath.Join(env.WorkDir, "repo")
			return os.MkdirAll(repo, 0o777)
		},
		Condition: whatGitCan,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit": expectExit, "repo": makeRepo, "clones": makeClones, "oneobject": oneObject, "signal": signal, "require": require, "refs": countRefs,
		},
	})
}

// makeRepo makes a repository with one commit in $WORK/repo, or the directory
// named, and goes there.
func makeRepo(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs("repo")
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		dir, args = ts.MkAbs(args[0]), args[1:]
	}
	ts.Check(os.MkdirAll(filepath.Join(dir, "src"), 0o777))
	ts.Check(os.WriteFile(filepath.Join(dir, "src", "a.go"), []byte("package src\n"), 0o666))
	ts.Check(os.WriteFile(filepath.Join(dir, "README"), []byte("read me\n"), 0o666))
	ts.Check(ts.Chdir(dir))
	ts.Check(ts.Exec("git", append([]string{"init", "-q"}, args...)...))
	ts.Check(ts.Exec("git", "add", "."))
	ts.Check(ts.Exec("git", "commit", "-q", "-m", "first"))
	if ts.Getenv("REMOTE") != "" {
		addRemote(ts, dir)
	}
}

// makeClones makes a bare repository $WORK/origin.git and the clones alice and
// bob of it, each with its user and its actor, and goes to that of alice.
func makeClones(ts *testscript.TestScript, _ bool, _ []string) {
	makeRepo(ts, false, []string{"first"})
	origin := ts.MkAbs("../origin.git")
	ts.Check(ts.Exec("git", "clone", "-q", "--bare", ".", origin))
	for _, name := range []string{"bob", "alice"} {
		clone := filepath.Join(filepath.Dir(origin), name)
		ts.Check(ts.Exec("git", "clone", "-q", "-c", "user.email="+name+"@example.com", origin, clone))
		ts.Check(ts.Chdir(clone))
		ts.Check(ts.Exec("git-grite", "init", "-q", "--label", name))
	}
}

// whatGitCan decides the conditions of scripts: git-VERSION is a git as new, root a
// user who may change owners.
func whatGitCan(condition string) (bool, error) {
	if condition == "root" {
		return os.Getuid() == 0, nil
	}
	wanted, ok := strings.CutPrefix(condition, "git-")
	if !ok {
		return false, fmt.Errorf("there is no condition %q", condition)
	}
	out, err := exec.Command("git", "version").Output()
	var major, minor, wantMajor, wantMinor int
	if _, scanned := fmt.Sscanf(string(out), "git version %d.%d", &major, &minor); err != nil || scanned != nil {
		return false, fmt.Errorf("git version: %v, %v", err, scanned)
	}
	if _, err := fmt.Sscanf(wanted, "%d.%d", &wantMajor, &wantMinor); err != nil {
		return false, err
	}
	return major > wantMajor || major == wantMajor && minor >= wantMinor, nil
}

// require sets the policy require in the repository of the current directory.
func require(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.Exec("sh", "-c", `f=$(git rev-parse --path-format=absolute --git-common-dir)/grite/config.toml
		{ echo 'lock_policy = "require"'; cat "$f"; } >"$f.new" && mv "$f.new" "$f"`))
}

// countRefs wants a number of lock refs in a repository: refs DIR NUMBER.
func countRefs(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: refs DIR NUMBER")
	}
	ts.Check(ts.Exec("git", "-C", ts.MkAbs(args[0]), "for-each-ref", "refs/grite/locks"))
	if n := strings.Count(ts.ReadFile("stdout"), "\n"); fmt.Sprint(n) != args[1] {
		ts.Fatalf("%s has %d locks", args[0], n)
	}
}

// addRemote gives a repository a bare remote, whose clocks are all the same.
func addRemote(ts *testscript.TestScript, dir string) {
	ts.Check(ts.Exec("git", "clone", "-q", "--bare", dir, dir+".git"))
	ts.Check(ts.Exec("git", "remote", "add", "origin", dir+".git"))
	ts.Check(os.MkdirAll(filepath.Join(dir, ".git", "grite"), 0o777))
	ts.Check(os.WriteFile(filepath.Join(dir, ".git", "grite", "config.toml"), []byte("[lock]\nclock_skew = \"0s\"\n"), 0o666))
}

// expectExit runs a program that has to end with a code: exit CODE PROGRAM ARG….
func expectExit(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARG…")
	}
	code, err := 0, ts.Exec(args[1], args[2:]...)
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		code, err = exit.ExitCode(), nil
	}
	ts.Check(err)
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%s: exit %d, wanted %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// signal runs a program that waits for a lock, sends it a signal as soon as it
// has said so or, with --json, created its actor, and wants it to end with a
// code: signal NAME CODE PROGRAM ARG….
func signal(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: signal NAME CODE PROGRAM ARG…")
	}
	const script = `signal=$1; shift
"$@" 2>said & pid=$!
case $* in
*--json*) until grep -qs "label = \"$GRITE_ACTOR\"" .git/grite/actors/*/config.toml || ! kill -0 $pid; do sleep 0.01; done ;;
*) until grep -q "^waiting for " said || ! kill -0 $pid; do sleep 0.01; done ;;
esac
kill -s $signal $pid; wait $pid; code=$?
cat said >&2; rm said; echo "exit $code" >&2`
	ts.Check(ts.Exec("sh", append([]string{"-c", script, "sh", args[0]}, args[2:]...)...))
	if stderr := ts.ReadFile("stderr"); !strings.HasSuffix(strings.TrimSpace(stderr), "exit "+args[1]) {
		ts.Fatalf("%s: wanted exit %s", strings.Join(args[2:], " "), args[1])
	}
}

// oneObject checks that stdout is exactly one JSON object with the given ok and,
// where given, error code.
func oneObject(ts *testscript.TestScript, _ bool, args []string) {
	stdout := ts.ReadFile("stdout")
	if strings.Count(strings.TrimSpace(stdout), "\n") != 0 {
		ts.Fatalf("more than one line on stdout")
	}
	object := decodeEnvelope(ts, stdout)
	if want := len(args) == 0; object.OK != want {
		ts.Fatalf("ok is %v", object.OK)
	}
	if len(args) > 0 && (object.Error == nil || object.Error.Code != args[0]) {
		ts.Fatalf("the error is %+v, not %s", object.Error, args[0])
	}
}
