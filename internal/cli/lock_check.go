package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/check"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

type checkOptions struct {
	staged, stdin, z bool
	rng              optional
	as               texts
	policy           optional
	format, remote   string
	cached           bool
}

func newCheck() *command {
	var o checkOptions
	return &command{
		name: "check", args: "[PATH …]", usage: "report which paths are locked by others; exit 4 when one is",
		flags: []cli.Flag{
			boolFlag(&o.staged, "staged", "the paths that a commit would change"),
			optionalFlag(&o.rng, "range", "the paths that the commits of `A..B` change, as a push would be judged"),
			boolFlag(&o.stdin, "stdin", "paths from standard input, one per line, relative to the top"),
			boolFlag(&o.z, "z", "with --stdin: paths end with NUL"),
			textsFlag(&o.as, "as", "locks with this `LABEL` count as yours; may be given several times"),
			optionalFlag(&o.policy, "policy", "judge by this `POLICY` instead of lock_policy: off, warn or require"),
			stringFlag(&o.format, "format", "`FORMAT` is text, or github for annotations on a pull request"),
			stringFlag(&o.remote, "remote", "the remote with this `NAME` has the locks, whatever the settings say"),
			boolFlag(&o.cached, "cached", "judge by the last view, without asking the remote"),
		},
		run: func(ctx context.Context, c *call) (result, error) { return runCheck(ctx, c, o) },
	}
}

func runCheck(ctx context.Context, c *call, o checkOptions) (result, error) {
	by, rng, err := c.checkRules(o)
	if err != nil {
		return result{}, err
	}
	cl, err := c.openLocks(ctx)
	if cl != nil && rng != nil { // whatever is wrong with the settings of the work tree is no matter
		err = cl.TeamOf(ctx, rng.From)
	}
	if err != nil {
		return result{}, err
	}
	if o.remote != "" {
		cl.Config.Remote = o.remote
	}
	ask := lookOnce(o.cached)
	var v check.Verdict
	checked := ""
	if rng != nil {
		v, err = check.Range(ctx, cl, *rng, by, ask)
		checked = "the paths of " + wire.Count(v.Looked, "commit")
	} else {
		var paths []string
		if paths, err = c.pathsToCheck(ctx, cl, o); err == nil {
			v, err = check.Paths(ctx, cl, paths, by, ask)
			if err == nil && !o.cached && v.View.Unreachable != nil && v.View.AsOf.IsZero() {
				err = &check.BlindError{Remote: v.View.Remote, Err: v.View.Unreachable}
			}
		}
		checked = wire.Count(v.Looked, "path")
	}
	c.out.report(v.View.Report)
	c.tellAge(v.View)
	for _, gap := range v.Gaps {
		c.out.note(wire.NotDone, "%s", wire.Printable(gap.Error()))
	}
	if err != nil {
		return result{}, err
	}
	github := o.format == "github"
	if github {
		if _, err := io.WriteString(c.Stdout, annotations(v)); err != nil {
			return result{}, err
		}
	}
	if len(v.Collisions) > 0 {
		return result{}, &collisionError{verdict: v, reader: c.reader(v.View.Actor), annotated: github}
	}
	return result{data: c.reader(v.View.Actor).Verdict(v), text: func(w io.Writer) {
		fmt.Fprintf(w, "No locks of others on %s\n", checked)
		for _, path := range v.Unheld {
			if !github {
				fmt.Fprintf(w, "  must be locked before a change: %s\n", wire.Printable(path))
			}
		}
	}}, nil
}

// checkRules reads the flags, and refuses those that say two things. The range
// is nil for paths that are named.
func (c *call) checkRules(o checkOptions) (by check.Options, rng *check.Commits, err error) {
	by = check.Options{As: o.as, Always: true, Below: len(c.args) > 0}
	for _, label := range o.as {
		if label == "" {
			return by, nil, usagef("--as needs a label")
		}
	}
	if o.policy.given {
		if by.Policy, err = guard.ParsePolicy(o.policy.text); err != nil {
			return by, nil, &usageError{message: err.Error()}
		}
	}
	switch {
	case o.format != "" && o.format != "text" && o.format != "github":
		return by, nil, usagef("%q is not a format; there are text and github", o.format)
	case o.format == "github" && c.out.json:
		return by, nil, usagef("--format github and --json exclude each other: both are for standard output")
	case o.z && !o.stdin:
		return by, nil, usagef("-z goes with --stdin")
	case !o.rng.given && len(c.args) == 0 && !o.staged && !o.stdin:
		return by, nil, &usageError{message: "lock check needs a PATH, --staged, --range or --stdin", hint: "git grite lock check --staged"}
	case !o.rng.given:
		return by, nil, nil
	case len(c.args) > 0 || o.staged || o.stdin:
		return by, nil, usagef("--range asks about commits, and PATH, --staged and --stdin about paths: one at a time")
	}
	parsed, err := check.ParseCommits(o.rng.text)
	if err != nil {
		return by, nil, &usageError{message: err.Error(), hint: "git grite lock check --range origin/main..HEAD"}
	}
	return by, &parsed, nil
}

// pathsToCheck collects the paths that the caller names, from the top of the
// repository.
func (c *call) pathsToCheck(ctx context.Context, cl *clone.Clone, o checkOptions) ([]string, error) {
	var paths []string
	for _, arg := range c.args {
		name, err := positional(cl.Repo, arg)
		if err != nil {
			return nil, err
		}
		r, err := lock.ParseLiteral(name, cl.Repo.Prefix)
		if err != nil {
			return nil, err
		}
		if r.Namespace() != lock.Path {
			return nil, usagef("%s is not a path; lock status %[1]s shows its lock", arg)
		}
		if err := cl.Repo.CheckPath(ctx, r.Name()); err != nil {
			return nil, err
		}
		paths = append(paths, strings.TrimSuffix(r.Name(), "/"))
	}
	if o.staged {
		staged, err := cl.Repo.StagedPaths(ctx)
		if err != nil {
			return nil, err
		}
		paths = append(paths, staged...)
	}
	if o.stdin {
		given, err := readPaths(c.Stdin, o.z)
		if err != nil {
			return nil, err
		}
		paths = append(paths, given...)
	}
	return paths, nil
}

// readPaths reads paths that end with a newline or, with z, with NUL.
func readPaths(in io.Reader, z bool) ([]string, error) {
	end := byte('\n')
	if z {
		end = 0
	}
	var paths []string
	for lines := bufio.NewReader(in); ; {
		line, err := lines.ReadBytes(end)
		if line = bytes.TrimSuffix(line, []byte{end}); len(line) > 0 {
			paths = append(paths, string(line))
		}
		if err == io.EOF {
			return paths, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
