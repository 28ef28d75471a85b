package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/hook"
	"github.com/git-grite/git-grite/internal/signals"
)

// runChain runs the older hooks as git would: with the same arguments and the
// same input, and not at all when they are not executable. The first that fails
// ends it with its exit code. What they read is kept for us.
func (run *hookRun) runChain(ctx context.Context, env *Env) int {
	if run.chain == "" {
		return 0
	}
	var input []byte
	for _, old := range hook.Chain(run.chain) {
		stdin := env.Stdin
		if run.name != "pre-commit" {
			if input == nil {
				text, err := io.ReadAll(env.Stdin)
				if err != nil {
					fmt.Fprintf(env.Stderr, "git-grite: cannot read what git says of the push: %v\n", err)
					return 1
				}
				input = text
			}
			stdin, env.Stdin = bytes.NewReader(input), bytes.NewReader(input)
		}
		if code := runOld(ctx, *env, old, stdin, run.args); code != 0 {
			return code
		}
	}
	return 0
}

// runOld runs one older hook and returns its exit code.
func runOld(ctx context.Context, env Env, path string, stdin io.Reader, args []string) int {
	signals.Caught(ctx)
	start := func(name string, args ...string) error {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = stdin, env.Stdout, env.Stderr, env.Environ, env.Dir
		return cmd.Run()
	}
	err := error(syscall.ENOEXEC)
	if runtime.GOOS != "windows" {
		err = start(path, args...)
	}
	if errors.Is(err, syscall.ENOEXEC) { // no shebang, or no such thing: git would ask sh too
		err = start("sh", append([]string{path}, args...)...)
	}
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	case !errors.As(err, &exit):
		fmt.Fprintf(env.Stderr, "git-grite: cannot run %s: %v\n", path, err)
	}
	return 1
}

// pushed is what git is about to push, as git says it or, where we are one of
// the hooks of the pre-commit framework, as that does.
func (run *hookRun) pushed(ctx context.Context, env Env, cl *clone.Clone) (p check.PushRequest, err error) {
	args := run.args
	p.Process = run.process
	p.Updates, err = hook.ReadPush(env.Stdin)
	if err == nil && len(p.Updates) == 0 && hook.FrameworkPushes(env.getenv) {
		var update git.PushUpdate
		if update, args = hook.FrameworkPush(env.getenv); update.LocalOID == "" {
			// A first push: the framework names the branch and no commit.
			update.LocalOID, err = cl.Repo.CommitOf(ctx, string(update.Local))
		}
		p.Updates = []git.PushUpdate{update}
	}
	if len(args) > 1 && args[0] != args[1] {
		p.Remote = args[0]
	}
	return p, err
}
