// Package git is the only package that runs git. It knows how to ask git for
// exactly what the rest of the program needs, in typed verbs with typed
// errors, and how git fails. It does not know what a lock is, prints nothing,
// and decides nothing by git's prose: exit codes, -z output and re-reading do.
//
// What package direct can answer or write without git, it does; the verbs here
// choose, so that nobody else has to know.
package git

import (
	"errors"
	"fmt"
	"strings"

	"github.com/git-grite/git-grite/internal/git/direct"
)

// OID is an object id in lowercase hex: 40 digits in SHA-1, 64 in SHA-256
// repositories. The empty OID stands for "no object".
type OID = direct.OID

// RefName is a full ref name such as refs/heads/main.
type RefName = direct.RefName

// Ref is one ref as it stands.
type Ref = direct.Ref

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
	args := e.Args
	for len(args) > 2 && args[0] == "-c" {
		args = args[2:]
	}
	if len(args) > 0 {
		verb += " " + args[0]
	}
	if file := e.LockFile(); file != "" {
		return fmt.Sprintf("%s: %s is in the way: a git that is running holds it, or one that was killed left it behind", verb, file)
	}
	if e.Stderr != "" {
		return fmt.Sprintf("%s: %s", verb, e.Stderr)
	}
	return fmt.Sprintf("%s: %v", verb, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// No reports whether a git that was asked something, such as rev-parse --quiet,
// answered no. One that could not find out complains, some with the same exit code
// (merge-base, git 2.39).
func No(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.ExitCode == 1 && !strings.Contains("\n"+e.Stderr, "\nerror: ")
}

// lookup returns the last value of name in env, as the system would see it.
func lookup(env []string, name string) string { return direct.Getenv(env, name) }
