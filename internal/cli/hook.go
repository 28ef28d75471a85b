package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/hook"
)

// hookRun is one run of a hook by git.
type hookRun struct {
	name  string
	args  []string
	chain string // an older hook that runs first, "" for none
}

// runHook runs "hook pre-commit" or "hook pre-push", which the shims call:
//
//	git-grite hook NAME [--chain OLD] [--] ARG …
//
// It fails on conflicts, never on infrastructure: whatever goes wrong in
// git-grite itself is one line, and the commit or push goes on.
func runHook(ctx context.Context, env Env, args []string) int {
	out := &printer{env: env}
	run, err := parseHook(args)
	if err != nil {
		return out.finish(err)
	}
	if code := run.runChain(ctx, &env); code != 0 {
		return code
	}
	if env.getenv("GRITE_LOCK_POLICY") == string(guard.Off) {
		return 0
	}
	verdict, err := run.judge(ctx, env, out)
	var stopped *signalError
	switch {
	case errors.As(err, &stopped):
		return out.finish(err)
	case err != nil:
		out.warn("git-grite: locks were not fully checked: %s; going on", printable(oneLine(err)))
	}
	verdict.tell(out, run.name)
	if verdict.Blocked() {
		return exitOf(codeConflict)
	}
	return 0
}

func parseHook(args []string) (run hookRun, err error) {
	if len(args) == 0 || args[0] != "pre-commit" && args[0] != "pre-push" {
		return run, &usageError{message: "git calls this: hook pre-commit or hook pre-push", hint: "git grite hooks install"}
	}
	run.name, args = args[0], args[1:]
	if len(args) > 1 && args[0] == "--chain" {
		run.chain, args = args[1], args[2:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	run.args = args
	return run, nil
}

// runChain runs the older hook as git would: with the same arguments and the
// same input, and not at all when it is not executable. It returns its exit
// code. What it reads is kept for us.
func (run *hookRun) runChain(ctx context.Context, env *Env) int {
	if run.chain == "" {
		return 0
	}
	if st, err := os.Stat(run.chain); err != nil || !hook.Executable(st) {
		return 0
	}
	stdin := env.Stdin
	if run.name == "pre-push" {
		text, err := io.ReadAll(env.Stdin)
		if err != nil {
			fmt.Fprintf(env.Stderr, "git-grite: cannot read what git says of the push: %v\n", err)
			return 1
		}
		stdin, env.Stdin = bytes.NewReader(text), bytes.NewReader(text)
	}
	start := func(name string, args ...string) error {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = stdin, env.Stdout, env.Stderr, env.Environ, env.Dir
		return cmd.Run()
	}
	err := error(syscall.ENOEXEC)
	if runtime.GOOS != "windows" {
		err = start(run.chain, run.args...)
	}
	if errors.Is(err, syscall.ENOEXEC) { // no shebang, or no such thing: git would ask sh too
		err = start("sh", append([]string{run.chain}, run.args...)...)
	}
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	case !errors.As(err, &exit):
		fmt.Fprintf(env.Stderr, "git-grite: cannot run %s: %v\n", run.chain, err)
	}
	return 1
}
