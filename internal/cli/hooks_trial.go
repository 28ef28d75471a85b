package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/hook"
	"github.com/git-grite/git-grite/internal/wire"
)

func newHooksTest() *command {
	var timeout time.Duration
	var server bool
	var o agentOptions
	return &command{
		name: "test", usage: "let git run the hooks in each work tree, without a commit or a push, and say which fired",
		flags: append(append(o.flags(), serverFlag(&server)...), &cli.DurationFlag{Name: "timeout", Value: time.Minute, Usage: "end a hook after this `DURATION`", Destination: &timeout}),
		run: func(ctx context.Context, c *call) (result, error) {
			if timeout <= 0 {
				return result{}, usagef("--timeout must be above zero, such as 30s")
			}
			if o.host != "" {
				return o.inspect(ctx, c, timeout)
			}
			if server {
				return runHooksTestServer(ctx, c, timeout)
			}
			return runHooksTest(ctx, c, timeout)
		},
	}
}

// probeVar names a file to our hooks: each adds its name to it, runs the hook
// that it replaced, judges nothing and stops git.
const probeVar = "GRITE_HOOK_PROBE"

// firedJSON is what came of letting git run one hook, as programs see it.
type firedJSON struct {
	Name     string `json:"name"`
	WorkTree string `json:"worktree"` // or the bare repository
	Fired    bool   `json:"fired"`
	Expected bool   `json:"expected"` // it should fire; a bare repository has no commits made in it
	Reason   string `json:"reason,omitempty"`
	Output   string `json:"output,omitempty"` // of git and the hooks, when it should have fired
	OK       bool   `json:"ok"`
}

func runHooksTest(ctx context.Context, c *call, timeout time.Duration) (result, error) {
	cl, err := c.open(ctx)
	if err != nil {
		return result{}, err
	}
	scratch, err := os.MkdirTemp("", "git-grite-hooks-test-")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(scratch)
	f := hookFindings{}
	for i, tree := range cl.Repo.Trees(ctx) {
		place, err := hook.Find(ctx, tree)
		if err != nil {
			return result{}, err
		}
		for _, st := range hook.InspectPlace(place, tree.WorkTree) {
			dir := filepath.Join(scratch, fmt.Sprintf("%d-%s", i, st.Name))
			if err := os.Mkdir(dir, 0o777); err != nil {
				return result{}, err
			}
			fired, err := fire(ctx, tree, st, dir, timeout)
			if err != nil {
				return result{}, err
			}
			if !fired.OK && !st.OK() {
				f.explain(place)
				if fired.Reason == "" {
					fired.Reason = newHookJSON(tree, place, st).what()
				}
			}
			f.add(fired.WorkTree, fired, fired.OK)
		}
	}
	return f.result("Git ran our hooks", "git did not run all of our hooks")
}

// fire lets git run one hook of a work tree. The error is none of the hook.
func fire(ctx context.Context, tree *git.Repo, st hook.Status, scratch string, timeout time.Duration) (firedJSON, error) {
	f := firedJSON{Name: st.Name, WorkTree: treePath(tree), Expected: true}
	if f.Name == "pre-commit" && tree.WorkTree == "" {
		f.Expected, f.OK, f.Reason = false, true, "nothing is committed in a bare repository"
		return f, nil
	}
	probe := filepath.Join(scratch, "fired")
	trial := git.Trial{Repo: tree, Scratch: scratch, Env: []string{probeVar + "=" + probe}, Stage: st.State == hook.Called}
	late := fmt.Errorf("it was ended after %s", timeout)
	limited, cancel := context.WithTimeoutCause(ctx, timeout, late)
	defer cancel()
	run := trial.Push
	if f.Name == "pre-commit" {
		run = trial.Commit
	}
	output, err := run(limited)
	if err != nil && (ctx.Err() != nil || !errors.Is(err, late)) {
		return f, fmt.Errorf("try %s in %s: %w", f.Name, f.WorkTree, err)
	}
	told, _ := os.ReadFile(probe) // no file: it did not fire
	f.Fired = strings.Contains("\n"+string(told), "\n"+f.Name+"\n")
	f.OK = f.Fired
	if err != nil {
		f.Reason = err.Error()
	}
	if !f.Fired {
		f.Output = strings.TrimSpace(output)
	}
	return f, nil
}

func (f firedJSON) String() string {
	line := f.Name + ": fired"
	switch {
	case !f.Expected:
		return f.Name + ": not tried, " + f.Reason
	case !f.Fired:
		line = f.Name + ": did not fire"
	}
	if f.Reason != "" {
		line += ", " + f.Reason
	}
	if f.Output != "" && f.Reason == "" {
		last := f.Output[strings.LastIndex(f.Output, "\n")+1:]
		line += "; the last that was said: " + wire.Printable(last)
	}
	return line
}

// answerProbe tells the probe, when there is one, that a hook fired.
func answerProbe(env Env, name string) bool {
	probe := env.getenv(probeVar)
	if probe == "" {
		return false
	}
	f, err := os.OpenFile(probe, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err == nil {
		_, err = f.WriteString(name + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "git-grite: cannot answer %s: %v\n", probeVar, err)
	}
	return true
}
