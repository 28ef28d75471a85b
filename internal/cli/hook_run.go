package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/hook"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/signals"
	"github.com/git-grite/git-grite/internal/wire"
)

// hookRun is one run of a hook by git.
type hookRun struct {
	name    string
	args    []string
	process int    // the git that runs it
	chain   string // an older hook that runs first, "" for none
}

// runHook runs "hook pre-commit" or "hook pre-push", which the shims call:
//
//	git-grite hook NAME [--chain OLD] [--parent PID] [--] ARG …
//
// It fails on conflicts, never on infrastructure: whatever goes wrong in
// git-grite itself is one line, and the commit or push goes on.
func runHook(ctx context.Context, env Env, args []string) (code int) {
	if len(args) > 0 && args[0] == "agent" {
		return runAgentHook(ctx, env, args[1:])
	}
	out := &printer{env: env}
	defer func() {
		if fault := recover(); fault != nil {
			out.say("git-grite: locks were not checked, because of a fault in git-grite: %v; going on", fault)
			code = 0
		}
	}()
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
	var stopped *signals.Error
	if errors.As(err, &stopped) {
		return out.finish(err)
	}
	if v := verdict.View; v.Unreachable != nil {
		out.say("git-grite: %s; %s", oneLine(v.Unreachable), wire.JudgedBy(v, env.Now()))
	}
	for _, gap := range verdict.Gaps {
		out.say("git-grite: %s", oneLine(gap))
	}
	if err != nil {
		out.say("git-grite: locks were not fully checked: %s; going on", oneLine(err))
	}
	out.report(verdict.View.Report)
	tellVerdict(out, verdict, run.name)
	if verdict.Blocked() {
		return exitOf(codeConflict)
	}
	return 0
}

// judge finds the paths that are about to be committed or pushed and what locks
// have to say to them. The verdict is valid as far as it goes even when there
// is an error.
func (run *hookRun) judge(ctx context.Context, env Env, out *printer) (v check.Verdict, err error) {
	o := env.options(journal.Text)
	o.Prompts = false
	began := env.Now()
	opening, opened := deadline(ctx, openTimeout, openTimeout)
	defer opened()
	cl, err := clone.Open(opening, o)
	var broken *config.Error
	switch {
	case errors.As(err, &broken) && cl != nil:
		out.say("git-grite: %s; going on with lock_policy = \"warn\"", wire.Printable(err.Error()))
		cl.Config.Policy = guard.Warn
	case err != nil:
		return v, err
	}
	out.see(ctx, cl)
	if cl.Config.Policy == guard.Off {
		return v, nil
	}
	for _, w := range cl.NewWarnings() {
		out.say("git-grite: %s", wire.Printable(w.Message))
	}
	if cl.Copied() {
		out.say("git-grite: %s", wire.Copied)
	}
	limit := cl.Config.HookTimeout
	ctx, cancel := deadline(ctx, limit-env.Now().Sub(began), limit)
	defer cancel()
	if _, err := cl.Arbiter(ctx); err != nil {
		out.say("git-grite: %s; going on with the locks of this clone", wire.Printable(err.Error()))
		cl.WithoutArbiter()
	}
	if run.name == "pre-commit" {
		return check.Staged(ctx, cl, check.Options{})
	}
	push, err := run.pushed(ctx, env, cl)
	if err != nil {
		return v, err
	}
	return check.Push(ctx, cl, push, check.Options{})
}

// openTimeout bounds finding the repository and its settings, which then say how
// long all of it may take.
const openTimeout = 10 * time.Second

func deadline(ctx context.Context, left, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, left, fmt.Errorf("it took longer than %s", limit))
}

// oneLine is the first line of an error, printable.
func oneLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return wire.Printable(text)
}

func parseHook(args []string) (run hookRun, err error) {
	if len(args) == 0 || args[0] != "pre-commit" && args[0] != "pre-push" {
		return run, &usageError{message: "git calls this: hook pre-commit or hook pre-push", hint: "git grite hooks install"}
	}
	run.name, args = args[0], args[1:]
	if len(args) > 1 && args[0] == "--chain" {
		run.chain, args = args[1], args[2:]
	}
	run.process = os.Getppid() // where git or an "exec" in a shim starts us
	if len(args) > 1 && args[0] == "--parent" {
		run.process, _ = strconv.Atoi(args[1])
		args = args[2:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	run.args = args
	return run, nil
}
