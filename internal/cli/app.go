// Package cli is what the person or program at the command line meets: the
// commands, their words for people and their JSON, and the exit codes. It
// composes the packages below it and holds no rule of locking itself.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// Env is the world that a command runs in.
type Env struct {
	Args     []string // with the program's name first
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
	Environ  []string
	Dir      string // absolute
	Now      func() time.Time
	Terminal bool // stdout is one
	Prompts  bool // there is somebody at a terminal whom git may ask
}

// SystemEnv is the world of this process.
func SystemEnv() Env {
	dir, err := os.Getwd()
	if err != nil {
		dir = "" // a deleted directory; git.Open says so
	}
	return Env{
		Args: os.Args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(),
		Dir: dir, Now: time.Now, Terminal: term.IsTerminal(int(os.Stdout.Fd())),
		Prompts: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())),
	}
}

// getenv returns the value of an environment variable, "" when it is not set.
func (e Env) getenv(name string) string {
	for _, kv := range slices.Backward(e.Environ) {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			return v
		}
	}
	return ""
}

// abs makes a path absolute.
func (e Env) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(e.Dir, path)
}

// signalError is the cause of a context that a signal ended.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string { return "stopped by " + e.signal.String() }

// WithSignals returns a context that SIGINT and SIGTERM end, with a cause that
// Main turns into the exit codes 130 and 143.
func WithSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			cancel(&signalError{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}

// Main runs one command and returns its exit code; docs/commands.md lists them.
func Main(ctx context.Context, env Env) int {
	out := &printer{env: env, json: wantsJSON(env.Args)}
	if len(env.Args) > 1 && env.Args[1] == "hook" {
		// On the way of every commit: nothing of the command tree is built.
		return runHook(ctx, env, env.Args[2:])
	}
	args, err := arrange(commands(), env.Args[1:])
	if err == nil {
		err = runApp(ctx, env, out, args)
	}
	return out.finish(err)
}

// runApp lets urfave/cli parse the arguments that arrange put in order.
func runApp(ctx context.Context, env Env, out *printer, args []string) error {
	var help strings.Builder
	app := &cli.App{
		Name: "git-grite", HelpName: "git grite", Usage: "say \"I am working on this\" and let git respect it",
		Description:     "The exit codes and the JSON are in docs/commands.md and in git-grite(1).",
		HideHelpCommand: true, HideVersion: true,
		DisableSliceFlagSeparator: true,                         // paths have commas
		Writer:                    &help,                        // help goes through the printer
		ErrWriter:                 io.Discard,                   // so do errors
		ExitErrHandler:            func(*cli.Context, error) {}, // Main is the only exit
		OnUsageError:              onUsageError,
		CommandNotFound:           func(*cli.Context, string) {},
	}
	for _, c := range commands() {
		app.Commands = append(app.Commands, c.build(func(c *command, cc *cli.Context) error {
			out.quiet = cc.Bool("quiet")
			r, err := c.run(ctx, env, out, cc)
			if err != nil {
				return err
			}
			return out.result(r)
		}))
	}
	if err := app.RunContext(ctx, append([]string{"git-grite"}, args...)); err != nil {
		return err
	}
	if help.Len() > 0 {
		return out.result(result{data: map[string]string{"help": help.String()}, text: func(w io.Writer) { io.WriteString(w, help.String()) }})
	}
	return nil
}

// usageError is a command line that means nothing.
type usageError struct {
	message string
	hint    string // a command line, or ""
}

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...)}
}

func onUsageError(cc *cli.Context, err error, _ bool) error {
	message := strings.TrimPrefix(err.Error(), "flag provided but not defined: ")
	if message != err.Error() {
		message = fmt.Sprintf("unknown flag %s", "-"+message)
	}
	hint := "git grite -h"
	if cc.Command != nil && cc.Command.HelpName != "" {
		hint = cc.Command.HelpName + " -h"
	}
	return &usageError{message: message, hint: hint}
}

// result is what a command brings: the data of its JSON and its words.
type result struct {
	data any
	text func(io.Writer)
}

// runFunc runs a leaf command.
type runFunc func(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error)

// command is one command of the tree: a group has subcommands, a leaf runs.
type command struct {
	name, usage, args string
	description       string
	flags             []cli.Flag
	subcommands       []*command
	run               runFunc
}

// common are the flags that every leaf takes.
func common() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print errors only"},
		&cli.StringFlag{Name: "actor", Usage: "act as the actor with this `ID|LABEL` (also GRITE_ACTOR)"},
		&cli.StringFlag{Name: "data-dir", Usage: "act as the actor of this `DIR` (also GRITE_HOME)"},
	}
}

func (c *command) build(action func(*command, *cli.Context) error) *cli.Command {
	built := &cli.Command{
		Name: c.name, Usage: c.usage, ArgsUsage: c.args, Description: c.description,
		HideHelpCommand: true, OnUsageError: onUsageError,
	}
	for _, sub := range c.subcommands {
		built.Subcommands = append(built.Subcommands, sub.build(action))
	}
	if c.run != nil {
		built.Flags = append(slices.Clone(c.flags), common()...)
		built.Action = func(cc *cli.Context) error { return action(c, cc) }
	}
	return built
}

// commands is the whole command tree.
func commands() []*command {
	return []*command{
		initCommand(), deinitCommand(), actorCommand(), lockCommand(), syncCommand(), hooksCommand(), doctorCommand(), versionCommand(),
	}
}

// noArgs refuses positional arguments.
func noArgs(cc *cli.Context) error {
	if cc.NArg() > 0 {
		return &usageError{message: fmt.Sprintf("%s takes no argument %q", cc.Command.HelpName, cc.Args().First()), hint: cc.Command.HelpName + " -h"}
	}
	return nil
}

var errNoDirectory = errors.New("the current directory does not exist any more")
