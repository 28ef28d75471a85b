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

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/hook"
)

func hooksCommand() *command {
	return &command{name: "hooks", usage: "the git hooks of this repository", subcommands: []*command{
		{name: "install", usage: "let git check locks at commit and push", run: runHooksInstall},
		{name: "uninstall", usage: "remove the hooks and put back what they replaced", run: runHooksUninstall},
		{name: "status", usage: "show what git would run, in each work tree", run: runHooksStatus},
		hooksTestCommand(),
	}}
}

// changeJSON is one hook that was changed, as programs see it.
type changeJSON struct {
	Name string `json:"name"`
	Path string `json:"path"`
	Did  string `json:"did"`
	OK   bool   `json:"ok"`
}

func changesJSON(changes []hook.Change) []changeJSON {
	list := make([]changeJSON, 0, len(changes))
	for _, c := range changes {
		list = append(list, changeJSON{Name: c.Name, Path: c.Path, Did: c.Did, OK: true})
	}
	return list
}

func changesResult(title string, changes []hook.Change) result {
	return result{data: map[string]any{"hooks": changesJSON(changes)}, text: func(w io.Writer) {
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

// installHooks installs the hooks where git looks for them: for this work tree,
// and for the others as well where core.hooksPath sends those elsewhere. What
// cannot be done for the others is a warning.
func (s *session) installHooks(ctx context.Context) ([]hook.Change, error) {
	changes, err := installFor(ctx, s.repo)
	if err != nil {
		return nil, err
	}
	for _, tree := range s.repo.Trees(ctx) {
		more, err := installFor(ctx, tree)
		if err != nil {
			s.out.warn("warning: hooks are not installed for %s: %s", treePath(tree), printable(err.Error()))
		}
		for _, c := range more {
			if !slices.ContainsFunc(changes, func(had hook.Change) bool { return had.Path == c.Path }) {
				changes = append(changes, c)
			}
		}
	}
	if slices.ContainsFunc(changes, func(c hook.Change) bool { return c.By == "lefthook" && c.Did != "unchanged" }) {
		s.out.note("note: lefthook moves other hooks away whenever its configuration changes; docs/hooks.md has a job for it that stays")
	}
	return changes, nil
}

// installFor installs the hooks of one work tree.
func installFor(ctx context.Context, tree *git.Repo) ([]hook.Change, error) {
	place, err := hook.Find(ctx, tree)
	if err != nil {
		return nil, err
	}
	if place.Fault == nil {
		return hook.Install(place.Dir, tree.WorkTree)
	}
	var changes []hook.Change
	for _, h := range hook.InspectPlace(place, tree.WorkTree) {
		if !h.OK() {
			return nil, place.Fault
		}
		changes = append(changes, hook.Change{Name: h.Name, Path: h.Path, Did: "unchanged", By: h.By})
	}
	return changes, nil
}

// treePath is where a work tree, or a bare repository, is.
func treePath(tree *git.Repo) string {
	if tree.WorkTree == "" {
		return tree.GitDir
	}
	return tree.WorkTree
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
	changes, err := hook.Uninstall(hook.Own(s.repo), s.repo.WorkTree)
	seen := []string{hook.Own(s.repo)}
	for _, tree := range s.repo.Trees(ctx) {
		place, findErr := hook.Find(ctx, tree)
		if err != nil || findErr != nil || place.Fault != nil || slices.Contains(seen, place.Dir) {
			continue
		}
		seen = append(seen, place.Dir)
		var more []hook.Change
		more, err = hook.Uninstall(place.Dir, tree.WorkTree)
		changes = append(changes, more...)
	}
	return changes, err
}

func explainForeign(e *hook.ForeignError, _ time.Time) failure {
	return withLines(e.Lines)
}

func explainHooksPath(e *hook.PathError, _ time.Time) failure {
	f := withLines(e.Lines)
	f.details = map[string]any{"hooks_path": hooksPathJSON{e.Value, e.Scope}, "lines": linesJSON(e.Lines)}
	return f
}

// withLines tells which lines to add to which hooks.
func withLines(lines []hook.Line) (f failure) {
	for _, l := range lines {
		f.lines = append(f.lines, printable(l.Path)+":", "  "+l.Text)
	}
	f.details = map[string]any{"lines": linesJSON(lines)}
	return f
}

type lineJSON struct {
	Path string `json:"path"`
	Line string `json:"line"`
}

func linesJSON(lines []hook.Line) []lineJSON {
	list := make([]lineJSON, 0, len(lines))
	for _, l := range lines {
		list = append(list, lineJSON{l.Path, l.Text})
	}
	return list
}

// hintHooks says, once in a clone that is set up, that its hooks are missing.
func (s *session) hintHooks(ctx context.Context) {
	told := filepath.Join(s.dir, "hinted")
	if !s.config.Present || hooksRun(hook.Inspect(hook.Own(s.repo), s.repo.WorkTree)) {
		return
	}
	if _, err := os.Stat(told); err == nil {
		return
	}
	if place, err := hook.Find(ctx, s.repo); err == nil && !hooksRun(hook.InspectPlace(place, s.repo.WorkTree)) {
		s.out.note("hooks are not installed here: git grite init")
	}
	if os.MkdirAll(s.dir, 0o777) == nil {
		_ = os.WriteFile(told, nil, 0o666) // at worst it is said again
	}
}

// hooksRun tells whether git runs all our hooks.
func hooksRun(all []hook.Status) bool {
	return !slices.ContainsFunc(all, func(s hook.Status) bool { return !s.OK() })
}
