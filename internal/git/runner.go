package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/signals"
)

// killDelay is how long a git that was asked to stop (SIGINT) may take to
// remove its lock files before it is killed.
const killDelay = 3 * time.Second

// detachedDelay is killDelay for a git that waits for a remote rather than
// writes here.
const detachedDelay = 500 * time.Millisecond

// command is one git process to run.
type command struct {
	args  []string
	stdin []byte
	env   []string // appended to the repository's environment
	dir   string   // "" means the repository's directory
	// detached runs git in a session of its own, so that all that it starts
	// (ssh, git-remote-https) ends with it when ctx does.
	detached bool
	// mute is a git that writes nothing to its stdout.
	mute bool
	// mortal is a git that had better end with us, however we end.
	mortal bool
}

type underKey struct{}

// Under returns a context in which every git holds the file lock of an open file
// for as long as it runs: the lock belongs to what was opened (flock(2)), and ends
// with the last process that has it. A git whose parent is killed goes on, and
// nobody else may take its lock before it has ended. On Windows, where a lock
// belongs to a process, and without a file this does nothing.
//
// What git starts does not have the file: git gives pipes to its children for the
// one stream that the file is at, and daemons close it, which they do not do
// with a descriptor that they do not know (git 2.39, run-command.c).
func Under(ctx context.Context, lock *os.File) context.Context {
	if lock == nil {
		return ctx
	}
	return context.WithValue(ctx, underKey{}, lock)
}

// read runs a git command that changes nothing and returns its stdout.
func (r *Repo) read(ctx context.Context, args ...string) ([]byte, error) {
	return r.run(ctx, command{args: args})
}

// change runs a git command that changes the repository.
func (r *Repo) change(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	return r.run(ctx, command{args: args, stdin: stdin})
}

// run runs one git and returns its stdout. The error is *Error, ErrNoGit, or the
// cause of ctx.
func (r *Repo) run(ctx context.Context, c command) ([]byte, error) {
	cmd := r.prepare(ctx, c)
	if c.stdin != nil {
		cmd.Stdin = bytes.NewReader(c.stdin)
	}
	var stdout output
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if lock, _ := ctx.Value(underKey{}).(*os.File); lock != nil && c.stdin == nil {
		cmd.Stdin = lock
	} else if lock != nil && c.mute {
		cmd.Stdout = lock
	}
	if c.mortal {
		endWithUs(cmd)
		runtime.LockOSThread() // whose end would be ours
		defer runtime.UnlockOSThread()
	}
	err := cmd.Run()
	if err != nil && c.detached && ctx.Err() != nil && cmd.Process != nil {
		killSession(cmd.Process)
	}
	if errors.Is(err, exec.ErrWaitDelay) && (stdout.whole || c.mute) {
		err = nil
	}
	if err = failure(ctx, c.args, err, stderr.String()); errors.Is(err, ErrNoGit) {
		return nil, err
	}
	return stdout.Bytes(), err
}

// output is what a process wrote. A process that it left behind, such as a daemon
// that a credential helper starts, may keep its streams open after its end
// (exec.ErrWaitDelay): where that is stderr alone, its stdout is whole.
type output struct {
	bytes.Buffer
	whole bool // read up to its end
}

func (o *output) ReadFrom(r io.Reader) (int64, error) {
	n, err := o.Buffer.ReadFrom(r)
	o.whole = err == nil
	return n, err
}

func (r *Repo) prepare(ctx context.Context, c command) *exec.Cmd {
	signals.Caught(ctx)
	cmd := exec.CommandContext(ctx, "git", c.args...)
	cmd.Dir, cmd.Env = c.dir, slices.Concat(r.env, c.env)
	if cmd.Dir == "" {
		cmd.Dir = r.dir
	}
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = killDelay
	if c.detached {
		ownSession(cmd)
		cmd.Cancel = func() error { return interruptSession(cmd.Process) }
		cmd.WaitDelay = detachedDelay
	}
	return cmd
}

// failure makes a typed error of what a git process ended with.
func failure(ctx context.Context, args []string, err error, stderr string) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.Is(err, exec.ErrNotFound) {
		return ErrNoGit
	}
	e := &Error{Args: args, ExitCode: -1, Stderr: strings.TrimSpace(stderr), Err: err}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		e.ExitCode = exit.ExitCode()
	}
	return e
}

// conversation is a git that answers one question after the other.
type conversation struct {
	in     io.WriteCloser
	out    *bufio.Reader
	finish func() error
}

// converse starts a git that reads questions from its stdin.
func (r *Repo) converse(ctx context.Context, c command) (*conversation, error) {
	cmd := r.prepare(ctx, c)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = failure(ctx, c.args, cmd.Start(), "")
	}
	if err != nil {
		in.Close()
		return nil, err
	}
	finish := func() error {
		in.Close()
		_, err := io.Copy(io.Discard, out)
		ended := cmd.Wait()
		if err == nil && errors.Is(ended, exec.ErrWaitDelay) {
			ended = nil
		}
		return failure(ctx, c.args, ended, stderr.String())
	}
	return &conversation{in: in, out: bufio.NewReader(out), finish: finish}, nil
}

// dropped are variables that would change what our own questions mean, or where
// git writes its complaints: they are the user's, for the user's own commands.
var dropped = []string{
	"LC_ALL", "LANGUAGE", "GIT_OPTIONAL_LOCKS", "PWD", "GIT_PREFIX", "GIT_CONFIG", "GIT_FLUSH", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS",
	"GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS",
	"GIT_REDIRECT_STDIN", "GIT_REDIRECT_STDOUT", "GIT_REDIRECT_STDERR", "GIT_NO_REPLACE_OBJECTS", "GIT_NAMESPACE",
}

// environment makes the environment of git children from the caller's: prose in
// English, no refreshing of an index that a running commit holds, and no
// replacement of objects (git-replace(1)), because what is pushed is what is
// really there. Traces go on to files, but not to a descriptor: that would be
// among the errors that are read.
func environment(env []string) []string {
	out := make([]string, 0, len(env)+3)
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if slices.Contains(dropped, name) || strings.HasPrefix(name, "GIT_TRACE") && (len(value) == 1 || strings.EqualFold(value, "true")) {
			continue
		}
		out = append(out, kv)
	}
	return append(out, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1")
}

// setConfig returns what has to be added to env for git to see settings that
// count more than all others. Unlike "git -c", it takes keys with "=" in them.
func setConfig(env []string, settings [][2]string) []string {
	n, _ := strconv.Atoi(lookup(env, "GIT_CONFIG_COUNT"))
	var out []string
	for _, s := range settings {
		at := strconv.Itoa(n)
		out = append(out, "GIT_CONFIG_KEY_"+at+"="+s[0], "GIT_CONFIG_VALUE_"+at+"="+s[1])
		n++
	}
	if out == nil {
		return nil
	}
	return append(out, "GIT_CONFIG_COUNT="+strconv.Itoa(n))
}
