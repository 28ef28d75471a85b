// Package git is the only package that runs git. It knows how to ask git for
// exactly what the rest of the program needs, in typed verbs with typed
// errors, and how git fails. It does not know what a lock is, prints nothing,
// and decides nothing by git's prose: exit codes, -z output and re-reading do.
//
// Starting git costs three to four milliseconds, so two things are done here
// without it: finding the git directory in the ordinary cases, and reading and
// writing loose objects. Whatever is out of the ordinary is left to git.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// OID is an object id in lowercase hex: 40 digits in SHA-1, 64 in SHA-256
// repositories. The empty OID stands for "no object".
type OID string

// RefName is a full ref name such as refs/heads/main.
type RefName string

// ErrNoGit is returned when there is no git program on PATH.
var ErrNoGit = errors.New("git was not found on PATH")

// ErrNoRepository is returned, wrapped, when the directory belongs to no
// repository that git is willing to use.
var ErrNoRepository = errors.New("not a git repository")

// Error is a git process that ended with a failure.
type Error struct {
	Args     []string // without "git"
	ExitCode int      // -1 when a signal ended it
	Stderr   string   // trimmed
	Err      error
}

func (e *Error) Error() string {
	verb := "git"
	if len(e.Args) > 0 {
		verb += " " + e.Args[0]
	}
	if e.Stderr != "" {
		return fmt.Sprintf("%s: %s", verb, e.Stderr)
	}
	return fmt.Sprintf("%s: %v", verb, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

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
}

// read runs a git command that changes nothing and returns its stdout.
func (r *Repo) read(ctx context.Context, args ...string) ([]byte, error) {
	return r.run(ctx, command{args: args})
}

// change runs a git command that changes the repository.
func (r *Repo) change(ctx context.Context, stdin []byte, args ...string) error {
	_, err := r.run(ctx, command{args: args, stdin: stdin})
	return err
}

func (r *Repo) run(ctx context.Context, c command) ([]byte, error) {
	dir := c.dir
	if dir == "" {
		dir = r.dir
	}
	// A cancelled git gets SIGINT, so that it can remove its lock files, and is
	// killed killDelay later.
	cmd := exec.CommandContext(ctx, "git", c.args...)
	cmd.Dir, cmd.Env = dir, append(r.env[:len(r.env):len(r.env)], c.env...)
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = killDelay
	if c.detached {
		ownSession(cmd)
		cmd.Cancel = func() error { return interruptSession(cmd.Process) }
		cmd.WaitDelay = detachedDelay
	}
	if c.stdin != nil {
		cmd.Stdin = bytes.NewReader(c.stdin)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err == nil {
		return stdout.Bytes(), nil
	}
	if cause := context.Cause(ctx); cause != nil {
		if c.detached && cmd.Process != nil {
			killSession(cmd.Process)
		}
		return stdout.Bytes(), cause
	}
	if errors.Is(err, exec.ErrNotFound) {
		return nil, ErrNoGit
	}
	e := &Error{Args: c.args, ExitCode: -1, Stderr: strings.TrimSpace(stderr.String()), Err: err}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		e.ExitCode = exit.ExitCode()
	}
	return stdout.Bytes(), e
}

// environment makes the environment of git children from the caller's: prose
// in English, and no refreshing of an index that a running commit holds.
func environment(env []string) []string {
	out := make([]string, 0, len(env)+2)
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if name != "LC_ALL" && name != "LANGUAGE" && name != "GIT_OPTIONAL_LOCKS" {
			out = append(out, kv)
		}
	}
	return append(out, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0")
}

// lookup returns the last value of name in env, as the system would see it.
func lookup(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(env[i], "="); ok && k == name {
			return v
		}
	}
	return ""
}
