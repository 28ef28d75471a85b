package cli

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"
)

// plumbing are the commands that git, servers and agents call, from lines that
// others of ours have written. They run before the command tree is made; here is
// what help and the flags before a command need of them.
func plumbing() []*command {
	var chain, parent string
	chained := stringFlag(&chain, "chain", "run this older hook first, a `FILE`")
	passed := func(args []string, run func([]string) int) (result, error) {
		for _, flag := range []struct{ name, value string }{{"--parent", parent}, {"--chain", chain}} {
			if flag.value != "" {
				args = slices.Concat([]string{flag.name, flag.value}, args)
			}
		}
		return result{silent: true}, &exitError{code: run(args)}
	}
	return []*command{
		{
			name: "hook", args: "HOOK [-- WORD …]", usage: "what the installed hooks call", plumbing: true,
			flags: []cli.Flag{chained, stringFlag(&parent, "parent", "the `PID` of the git that runs the hook")},
			run: func(ctx context.Context, c *call) (result, error) {
				hook := c.args[:min(1, len(c.args))]
				return passed(c.args[len(hook):], func(args []string) int { return runHook(ctx, c.Env, slices.Concat(hook, args)) })
			},
		},
		{
			name: "receive", args: "[-- WORD …]", usage: "what the pre-receive hook of a server calls", plumbing: true,
			flags: []cli.Flag{chained},
			run: func(ctx context.Context, c *call) (result, error) {
				return passed(c.args, func(args []string) int { return runReceive(ctx, c.Env, args) })
			},
		},
	}
}

// porcelain are the commands of a group that people type.
func porcelain(group []*command) []*command {
	return slices.DeleteFunc(slices.Clone(group), func(c *command) bool { return c.plumbing })
}
