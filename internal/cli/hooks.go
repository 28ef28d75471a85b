package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/hook"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/wire"
)

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

func newHooksInstall() *command {
	var o agentOptions
	var server bool
	flags := append(append(o.flags(), serverFlag(&server)...), stringFlag(&o.tools, "tools", "with --agent: more tools that edit files, as a `REGEXP` of their names"))
	return &command{name: "install", usage: "let git check locks before each commit and push, or a coding agent before each edit", flags: flags, run: func(ctx context.Context, c *call) (result, error) {
		if o.host != "" {
			return o.changeSettings(ctx, c, true)
		}
		cl, err := c.open(ctx)
		if err != nil {
			return result{}, err
		}
		if server {
			return serverHook(ctx, cl.Repo, hook.InstallServer)
		}
		changes, err := c.installHooks(ctx, cl)
		if err != nil {
			return result{}, err
		}
		return changesResult("Hooks of this repository", changes), nil
	}}
}

// installHooks installs the hooks where git looks for them: for this work tree,
// and for the others as well where core.hooksPath sends those elsewhere. What
// cannot be done for the others is a notice.
func (c *call) installHooks(ctx context.Context, cl *clone.Clone) ([]hook.Change, error) {
	changes, err := installFor(ctx, cl.Repo)
	if err != nil {
		return nil, err
	}
	for _, tree := range cl.Repo.Trees(ctx) {
		more, err := installFor(ctx, tree)
		if err != nil {
			c.out.note(wire.HooksMissing, "hooks are not installed for %s: %s", treePath(tree), wire.Printable(err.Error()))
		}
		for _, change := range more {
			if !slices.ContainsFunc(changes, func(had hook.Change) bool { return had.Path == change.Path }) {
				changes = append(changes, change)
			}
		}
	}
	if slices.ContainsFunc(changes, func(change hook.Change) bool { return change.By == "lefthook" && change.Did != "unchanged" }) {
		c.out.note(wire.Advice, "lefthook moves other hooks away whenever its configuration changes; docs/hooks.md has a job for it that stays")
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

func newHooksUninstall() *command {
	var o agentOptions
	var server bool
	return &command{name: "uninstall", usage: "remove the hooks and put back what they replaced", flags: append(o.flags(), serverFlag(&server)...), run: func(ctx context.Context, c *call) (result, error) {
		if o.host != "" {
			return o.changeSettings(ctx, c, false)
		}
		cl, err := c.open(ctx)
		if err != nil {
			return result{}, err
		}
		if server {
			return serverHook(ctx, cl.Repo, hook.UninstallServer)
		}
		changes, err := uninstallHooks(ctx, cl.Repo)
		if err != nil {
			return result{}, err
		}
		return changesResult("Hooks of this repository", changes), nil
	}}
}

// uninstallHooks removes the hooks from where git looks for them and from the
// ordinary place, where an earlier setting may have put them.
func uninstallHooks(ctx context.Context, repo *git.Repo) ([]hook.Change, error) {
	changes, err := hook.Uninstall(hook.Own(repo), repo.WorkTree)
	seen := []string{hook.Own(repo)}
	for _, tree := range repo.Trees(ctx) {
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
		f.lines = append(f.lines, l.Path+":", "  "+l.Text)
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

// hintHooks says, once in a clone that is set up, that git does not run our
// hooks.
func (c *call) hintHooks(ctx context.Context, cl *clone.Clone) {
	if c.out.form() == journal.Silent || !cl.Config.Present || cl.Hinted() || hooksRun(hook.Inspect(hook.Own(cl.Repo), cl.Repo.WorkTree)) {
		return
	}
	if place, err := hook.Find(ctx, cl.Repo); err == nil && !hooksRun(hook.InspectPlace(place, cl.Repo.WorkTree)) {
		c.out.note(wire.HooksMissing, "hooks are not installed here: git grite init")
	}
	cl.SetHinted()
}

// hooksRun reports whether git runs all our hooks.
func hooksRun(all []hook.Status) bool {
	return !slices.ContainsFunc(all, func(s hook.Status) bool { return !s.OK() })
}
