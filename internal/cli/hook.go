package cli

import (
	"context"
	"errors"

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
	probed := answerProbe(env, run.name)
	if code := run.runChain(ctx, &env); code != 0 {
		return code
	}
	if probed {
		return exitOf(codeConflict) // so that git stops
	}
	if env.getenv("GRITE_LOCK_POLICY") == string(guard.Off) {
		return 0
	}
	if run.name == "pre-commit" && hook.FrameworkPushes(env.getenv) {
		return 0 // the pre-commit framework runs its hooks in all stages
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
