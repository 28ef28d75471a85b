// Package cli is what the person or program at the command line meets: the
// commands, their flags, their words for people, and the exit codes. What a
// command does is in clone, check and hook; here flags become their requests,
// and their results and errors become words, or the objects of wire.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/git-grite/git-grite/internal/keep"
)

// Env is the world that a command runs in.
type Env struct {
	Args     []string // with the program's name first
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
	Environ  []string
	Dir      string // absolute
	Host     string // the name of this machine
	Now      func() time.Time
	Terminal bool // stdout is one, or a pager on one
	Columns  int  // of the terminal that stdout is, 0 for none
	Console  bool // stderr is one
	Prompts  bool // there is somebody at a terminal whom git may ask
	// Chdir is where programs that are started find themselves after -C; nil leaves
	// the directory of the process alone.
	Chdir func(dir string) error

	moved   bool // by -C
	noPager bool
}

// SystemEnv is the world of this process.
func SystemEnv() Env {
	dir, err := os.Getwd()
	if err != nil {
		dir = "" // a deleted directory; clone.Open says so
	}
	host, _ := os.Hostname() // "" is as good a name as any, as long as it stays
	env := Env{
		Args: os.Args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(),
		Dir: dir, Host: host, Now: time.Now, Chdir: os.Chdir, Terminal: term.IsTerminal(int(os.Stdout.Fd())), Console: term.IsTerminal(int(os.Stderr.Fd())),
		Prompts: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())),
	}
	if env.Terminal {
		if env.Columns, _, err = term.GetSize(int(os.Stdout.Fd())); err != nil || env.Columns <= 0 {
			env.Columns = 80
		}
	}
	env.Terminal = env.Terminal || env.getenv("GIT_PAGER_IN_USE") != "" // git runs the pager, as pager.grite says
	return env
}

// getenv returns the value of an environment variable, "" when it is not set.
func (e Env) getenv(name string) string {
	value, _ := e.lookup(name)
	return value
}

func (e Env) lookup(name string) (value string, set bool) {
	for _, kv := range slices.Backward(e.Environ) {
		if v, ok := strings.CutPrefix(kv, name); ok && strings.HasPrefix(v, "=") {
			return v[1:], true
		}
	}
	return "", false
}

// abs makes a path absolute.
func (e Env) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(e.Dir, path)
}

// CollectLate is for a process that runs one command: most end before collecting
// garbage would pay. The others, once they have 16 MB, collect as all programs do.
func CollectLate() {
	debug.SetGCPercent(400)
	runtime.SetFinalizer(new([8]*int), func(*[8]*int) { debug.SetGCPercent(100) })
}

// Main runs one command and returns its exit code; docs/commands.md lists them.
func Main(ctx context.Context, env Env) int {
	out := &printer{json: wantsJSON(env.Args)}
	err := env.enter()
	if out.env = env; err != nil {
		return out.finish(err)
	}
	if len(env.Args) > 1 {
		// Those that run before each commit skip building the command tree.
		switch help := isHelp(env.Args[len(env.Args)-1]); {
		case env.Args[1] == "hook" && !help:
			return runHook(ctx, env, env.Args[2:])
		case env.Args[1] == "receive" && !help: // by a server, for each push
			return runReceive(ctx, env, env.Args[2:])
		}
		switch env.Args[1] {
		case guardVerb:
			return keep.Guard(keep.NewClock(env.Now))
		case completeVerb:
			if len(env.Args) > 3 && env.Args[2] == "--" {
				return runComplete(ctx, env, env.Args[3:])
			}
		case keeperVerb:
			return runKeeper(ctx, env, env.Args[2:])
		}
	}
	tree := commands()
	l, err := arrange(tree, env.Args[1:])
	switch {
	case err != nil:
	case l.help:
		err = out.result(helpOf(tree, l.path))
	default:
		err = runApp(ctx, env, out, l)
	}
	return out.finish(err)
}

// runApp lets urfave/cli parse the arguments that arrange put in order. It is
// given the command that they name and no other: setting up all of them takes
// longer than starting the program.
func runApp(ctx context.Context, env Env, out *printer, l line) error {
	app := &cli.App{
		Name: "git-grite", HelpName: "git grite", HideHelp: true, HideVersion: true,
		DisableSliceFlagSeparator: true,                         // paths have commas
		Writer:                    io.Discard,                   // help and errors go through the printer
		ErrWriter:                 io.Discard,                   //
		ExitErrHandler:            func(*cli.Context, error) {}, // Main is the only exit
		OnUsageError:              onUsageError,
	}
	for _, c := range slices.Backward(l.path) {
		built := &cli.Command{Name: c.name, HideHelp: true, OnUsageError: onUsageError, Subcommands: app.Commands}
		if c.run != nil {
			built.Flags = append(slices.Clone(c.flags), common()...)
			built.Action = func(cc *cli.Context) error {
				r, err := c.call(ctx, env, out, cc)
				if err != nil {
					return err
				}
				return out.result(r)
			}
		}
		app.Commands = []*cli.Command{built}
	}
	return app.RunContext(ctx, append([]string{"git-grite"}, l.words()...))
}

// usageError is a command line that means nothing.
type usageError struct {
	message string
	hint    string // a command line, or ""
}

func (e *usageError) Error() string { return e.message }

func explainUsage(e *usageError, _ time.Time) (f failure) {
	if e.hint != "" {
		f.hints = []string{e.hint}
	}
	return f
}

func usagef(format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...)}
}

func onUsageError(cc *cli.Context, err error, _ bool) error {
	return &usageError{message: err.Error(), hint: cc.Command.HelpName + " -h"}
}

// result is what a command brings: the data of its JSON and its words.
type result struct {
	data any
	text func(io.Writer)
	// silent is a command that has said all it has to.
	silent bool
	// paged is a text of any length.
	paged bool
}

// command is one command of the tree: a group has subcommands, a leaf runs.
type command struct {
	name, usage string
	aliases     []string
	plumbing    bool              // no command for people
	args        string            // of the usage line; "" for a command that takes none
	runs        bool              // what follows "--" is a command line
	flags       []cli.Flag        // bound to the options that run reads
	group       func() []*command // makes the subcommands; only those that are looked for
	run         func(ctx context.Context, c *call) (result, error)
}

// subcommands are those of a group; each caller gets its own.
func (c *command) subcommands() []*command {
	if c.group == nil {
		return nil
	}
	return c.group()
}

// call runs a leaf with its positional arguments and the flags that all take.
func (c *command) call(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	out.quiet = cc.Bool("quiet")
	run := &call{
		Env: env, out: out, name: cc.Command.HelpName, args: cc.Args().Slice(),
		actor: cc.String("actor"), dataDir: cc.String("data-dir"),
	}
	if c.args == "" && len(run.args) > 0 {
		return result{}, &usageError{message: fmt.Sprintf("%s takes no argument %q", run.name, run.args[0]), hint: run.name + " -h"}
	}
	for _, name := range named {
		if cc.IsSet(name) && cc.String(name) == "" {
			return result{}, &usageError{message: "--" + name + " is empty", hint: run.name + " -h"}
		}
	}
	return c.run(ctx, run)
}

// named are flags that say which one is meant: "", as of a variable that is not set
// in a script, must not mean any.
var named = []string{"actor", "data-dir", "nonce", "remote", "label", "to", "agent"}

// commands is the whole command tree.
func commands() []*command {
	return append([]*command{
		newInit(), newDeinit(),
		{name: "actor", usage: "who holds locks", group: func() []*command {
			return []*command{
				newActorInit(), newActorList(), newActorShow(), newActorCurrent(), newActorUse(), newActorAdopt(), newActorRm(),
			}
		}},
		{name: "lock", usage: "take, renew, release and look at locks", group: func() []*command {
			return []*command{
				newAcquire(), newRenew(), newRelease(), newBreak(), newAsk(), newAnswer(), newStatus(), newCheck(), newGC(), newLog(),
				newRun(), newReport(),
				{name: "keep", usage: "have locks renewed in the background", group: func() []*command { return []*command{newKeepStart(), newKeepStop(), newKeepStatus()} }},
			}
		}},
		newIssue(),
		newSync(), newPush(),
		{name: "hooks", usage: "the git hooks of this repository", group: func() []*command {
			return []*command{
				newHooksInstall(), newHooksUninstall(), newHooksStatus(), newHooksTest(),
			}
		}},
		newConfig(), newDoctor(), newMCP(), newCompletion(), newVersion(),
	}, plumbing()...)
}
