package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
)

func lockCheckCommand() *command {
	return &command{
		name: "check", args: "[PATH …]", usage: "tell which paths are locked by others; exit 4 when one is",
		flags: []cli.Flag{
			&cli.BoolFlag{Name: "staged", Usage: "the paths that a commit would change"},
			&cli.BoolFlag{Name: "stdin", Usage: "paths from standard input, one per line, relative to the top"},
			&cli.BoolFlag{Name: "z", Usage: "with --stdin: paths end with NUL"},
		},
		run: runLockCheck,
	}
}

func runLockCheck(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := openLocks(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	paths, err := s.pathsToCheck(ctx, cc)
	if err != nil {
		return result{}, err
	}
	v, err := s.look(ctx)
	if err != nil {
		return result{}, err
	}
	v.Policy, v.question.Policy = s.config.Policy, guard.Require // whatever the policy, collisions are found
	if err := v.judge(ctx, s, paths); err != nil {
		return result{}, err
	}
	v.Policy = s.config.Policy
	if len(v.Collisions) > 0 {
		return result{}, &collisionError{v}
	}
	return result{data: v.json(), text: func(w io.Writer) {
		fmt.Fprintf(w, "No locks of others on %s\n", count(len(paths), "path"))
		for _, path := range v.Unheld {
			fmt.Fprintf(w, "  must be locked before a change: %s\n", printable(path))
		}
	}}, nil
}

// pathsToCheck collects the paths that the caller names, from the top of the
// repository.
func (s *session) pathsToCheck(ctx context.Context, cc *cli.Context) ([]string, error) {
	if cc.Bool("z") && !cc.Bool("stdin") {
		return nil, usagef("-z goes with --stdin")
	}
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
		return nil, &usageError{message: "lock check needs a PATH, --staged or --stdin", hint: "git grite lock check --staged"}
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
