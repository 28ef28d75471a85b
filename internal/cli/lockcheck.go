package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
)

func lockCheckCommand() *command {
	return &command{
		name: "check", args: "[PATH …]", usage: "tell which paths are locked by others; exit 4 when one is",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "staged", Usage: "the paths that a commit would change"},
			&cli.StringFlag{Name: "range", Usage: "the paths that the commits of `A..B` change, as a push would be judged"},
			&cli.BoolFlag{Name: "stdin", Usage: "paths from standard input, one per line, relative to the top"},
			&cli.BoolFlag{Name: "z", Usage: "with --stdin: paths end with NUL"},
			textsFlag("as", "locks with this `LABEL` count as own; may be given several times"),
			&cli.StringFlag{Name: "policy", Usage: "judge by this `POLICY` instead of lock_policy: off, warn or require"},
			&cli.StringFlag{Name: "format", Usage: "`FORMAT` is text, or github for annotations on a pull request"},
		},
		run: runLockCheck,
	}
}

// checkQuestion is what the flags of check ask for.
type checkQuestion struct {
	rng    *git.Range // nil for the paths that are named
	as     []string
	policy guard.Policy // "" for the configured one
	github bool
}

func runLockCheck(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	q, err := parseCheck(out, cc)
	if err != nil {
		return result{}, err
	}
	s, err := openLocks(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if q.policy != "" {
		s.config.Policy = q.policy
	}
	v, err := s.look(ctx)
	if err != nil {
		return result{}, err
	}
	v.question.As = q.as
	v.question.Policy = guard.Require // whatever the policy, collisions are found
	checked := ""
	if q.rng != nil {
		checked, err = v.judgeRange(ctx, s, *q.rng)
	} else {
		var paths []string
		if paths, err = s.pathsToCheck(ctx, cc); err == nil {
			checked, err = count(len(paths), "path"), v.judge(ctx, s, paths)
		}
	}
	if err != nil {
		return result{}, err
	}
	v.Policy = s.config.Policy
	if q.github {
		if _, err := io.WriteString(env.Stdout, v.annotations()); err != nil {
			return result{}, err
		}
	}
	if len(v.Collisions) > 0 {
		return result{}, &collisionError{verdict: v, annotated: q.github}
	}
	return result{data: v.json(), text: func(w io.Writer) {
		fmt.Fprintf(w, "No locks of others on %s\n", checked)
		for _, path := range v.Unheld {
			if !q.github {
				fmt.Fprintf(w, "  must be locked before a change: %s\n", printable(path))
			}
		}
	}}, nil
}

// parseCheck reads the flags and refuses those that say two things.
func parseCheck(out *printer, cc *cli.Context) (q checkQuestion, err error) {
	q.as = textsOf(cc, "as")
	for _, label := range q.as {
		if label == "" {
			return q, usagef("--as needs a label")
		}
	}
	if p := cc.String("policy"); cc.IsSet("policy") {
		if q.policy, err = guard.ParsePolicy(p); err != nil {
			return q, &usageError{message: err.Error()}
		}
	}
	switch f := cc.String("format"); f {
	case "", "text":
	case "github":
		if q.github = true; out.json {
			return q, usagef("--format github and --json exclude each other: both are for standard output")
		}
	default:
		return q, usagef("%q is not a format; there are text and github", f)
	}
	if cc.Bool("z") && !cc.Bool("stdin") {
		return q, usagef("-z goes with --stdin")
	}
	if !cc.IsSet("range") {
		return q, nil
	}
	if cc.NArg() > 0 || cc.Bool("staged") || cc.Bool("stdin") {
		return q, usagef("--range asks about commits, and PATH, --staged and --stdin about paths: one at a time")
	}
	rng, err := git.ParseRange(cc.String("range"))
	if err != nil {
		return q, &usageError{message: err.Error(), hint: "git grite lock check --range origin/main..HEAD"}
	}
	q.rng = &rng
	return q, nil
}

// judgeRange judges the commits of a range as those of a push, and says in words
// what was looked at. A gap in the history is an error here, since a job that
// checks nothing must not look like one that found nothing.
func (v *verdict) judgeRange(ctx context.Context, s *session, rng git.Range) (checked string, err error) {
	commits, more, err := s.repo.RangeCommits(ctx, rng, maxCommits)
	if err != nil {
		return "", err
	}
	if edge := cut(commits); len(edge) > 0 {
		return "", &git.RevisionError{Revision: string(edge[0].OID), Shallow: true, Cut: true}
	}
	if more {
		s.out.warn("git-grite: the range has more than %d commits; the newest %[1]d are checked", maxCommits)
	}
	return "the paths of " + count(len(commits), "commit"), v.judgeCommits(ctx, s, commits)
}

// pathsToCheck collects the paths that the caller names, from the top of the
// repository.
func (s *session) pathsToCheck(ctx context.Context, cc *cli.Context) ([]string, error) {
	var paths []string
	for _, arg := range cc.Args().Slice() {
		r, err := lock.ParseLiteral("path:./"+arg, s.repo.Prefix)
		if err != nil {
			return nil, err
		}
		paths = append(paths, strings.TrimSuffix(r.Name(), "/"))
	}
	if cc.Bool("staged") {
		staged, err := s.repo.StagedPaths(ctx)
		if err != nil {
			return nil, err
		}
		paths = append(paths, staged...)
	}
	if cc.Bool("stdin") {
		given, err := readPaths(s.env.Stdin, cc.Bool("z"))
		if err != nil {
			return nil, err
		}
		paths = append(paths, given...)
	}
	if cc.NArg() == 0 && !cc.Bool("staged") && !cc.Bool("stdin") {
		return nil, &usageError{message: "lock check needs a PATH, --staged, --range or --stdin", hint: "git grite lock check --staged"}
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
