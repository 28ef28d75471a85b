package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/hook"
)

func hooksCommand() *command {
	return &command{name: "hooks", usage: "the git hooks of this repository", subcommands: []*command{
		{name: "install", usage: "let git check locks at commit and push", run: runHooksInstall},
		{name: "uninstall", usage: "remove the hooks and put back what they replaced", run: runHooksUninstall},
		{name: "status", usage: "show what git would run", run: runHooksStatus},
	}}
}

// hookJSON is one hook as programs see it.
type hookJSON struct {
	Name    string     `json:"name"`
	Path    string     `json:"path"`
	State   hook.State `json:"state,omitempty"`
	Did     string     `json:"did,omitempty"`
	Chained bool       `json:"chained,omitempty"`
	OK      bool       `json:"ok"`
}

func changesResult(title string, changes []hook.Change) result {
	list := make([]hookJSON, 0, len(changes))
	for _, c := range changes {
		list = append(list, hookJSON{Name: c.Name, Path: c.Path, Did: c.Did, OK: true})
	}
	return result{data: map[string]any{"hooks": list}, text: func(w io.Writer) {
		fmt.Fprintln(w, title)
		for _, c := range changes {
			fmt.Fprintf(w, "  %s: %s (%s)\n", c.Name, c.Did, c.Path)
		}
	}}
}

func runHooksInstall(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	changes, err := s.installHooks(ctx)
	if err != nil {
		return result{}, err
	}
	return changesResult("Hooks of this repository", changes), nil
}

// installHooks installs the hooks where git looks for them.
func (s *session) installHooks(ctx context.Context) ([]hook.Change, error) {
	dir, err := hook.Find(ctx, s.repo)
	if err != nil {
		return nil, err
	}
	return hook.Install(dir)
}

func runHooksUninstall(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	changes, err := s.uninstallHooks(ctx)
	if err != nil {
		return result{}, err
	}
	return changesResult("Hooks of this repository", changes), nil
}

// uninstallHooks removes the hooks from where git looks for them and from the
// ordinary place, where an earlier setting may have put them.
func (s *session) uninstallHooks(ctx context.Context) ([]hook.Change, error) {
	dirs := []string{hook.Own(s.repo)}
	if dir, err := hook.Find(ctx, s.repo); err == nil && dir != dirs[0] {
		dirs = append(dirs, dir)
	}
	var all []hook.Change
	for _, dir := range dirs {
		changes, err := hook.Uninstall(dir)
		if all = append(all, changes...); err != nil {
			return all, err
		}
	}
	return all, nil
}

func runHooksStatus(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	dir, findErr := hook.Find(ctx, s.repo)
	if findErr != nil {
		dir = hook.Own(s.repo)
	}
	states := hook.Inspect(dir)
	list := make([]hookJSON, 0, len(states))
	ok := findErr == nil
	for _, st := range states {
		ok = ok && st.OK()
		list = append(list, hookJSON{Name: st.Name, Path: st.Path, State: st.State, Chained: st.Chained, OK: st.OK() && findErr == nil})
	}
	if !ok {
		return result{}, &hooksError{hooks: list, cause: findErr}
	}
	return result{data: map[string]any{"hooks": list}, text: func(w io.Writer) {
		fmt.Fprintln(w, "Git runs our hooks")
		for _, h := range list {
			fmt.Fprintf(w, "  %s\n", h)
		}
	}}, nil
}

func (h hookJSON) String() string {
	line := fmt.Sprintf("%s: %s (%s)", h.Name, h.State, h.Path)
	if h.Chained {
		line += ", an older hook runs first"
	}
	return line
}

// hooksError is a repository in which git does not run our hooks.
type hooksError struct {
	hooks []hookJSON
	cause error // why they cannot be installed, if so
}

func (e *hooksError) Error() string {
	if e.cause != nil {
		return e.cause.Error()
	}
	return "git does not run all of our hooks here"
}

func explainHooks(e *hooksError, _ time.Time) failure {
	data := map[string]any{"hooks": e.hooks}
	f := failure{data: data, details: data, hints: []string{"git grite hooks install"}}
	for _, h := range e.hooks {
		f.lines = append(f.lines, h.String())
	}
	if e.cause != nil {
		f.hints = nil
	}
	return f
}

// hintHooks says, once in a clone that is set up, that its hooks are missing.
func (s *session) hintHooks(ctx context.Context) {
	told := filepath.Join(s.dir, "hinted")
	if !s.config.Present || hooksIn(hook.Own(s.repo)) {
		return
	}
	if _, err := os.Stat(told); err == nil {
		return
	}
	if dir, err := hook.Find(ctx, s.repo); err == nil && !hooksIn(dir) {
		s.out.note("hooks are not installed here: git grite init")
	}
	if os.MkdirAll(s.dir, 0o777) == nil {
		_ = os.WriteFile(told, nil, 0o666) // at worst it is said again
	}
}

// hooksIn tells whether all our hooks are in a directory.
func hooksIn(dir string) bool {
	return !slices.ContainsFunc(hook.Inspect(dir), func(s hook.Status) bool { return !s.OK() })
}
