package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/hook"
)

// hookJSON is one hook of one work tree as programs see it.
type hookJSON struct {
	Name      string         `json:"name"`
	WorkTree  string         `json:"worktree"` // or the bare repository
	Path      string         `json:"path,omitempty"`
	State     hook.State     `json:"state"`
	By        string         `json:"by,omitempty"`
	Seat      string         `json:"shim,omitempty"`
	Moved     []string       `json:"moved,omitempty"`
	Chained   bool           `json:"chained,omitempty"`
	Saved     []string       `json:"saved,omitempty"`
	HooksPath *hooksPathJSON `json:"hooks_path,omitempty"`
	OK        bool           `json:"ok"`
}

// hooksPathJSON is core.hooksPath.
type hooksPathJSON struct {
	Value string `json:"value"`
	Scope string `json:"scope"`
}

func runHooksStatus(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	f := firing{Hooks: []hookLine{}}
	for _, tree := range s.repo.Trees(ctx) {
		place, err := hook.Find(ctx, tree)
		if err != nil {
			return result{}, err
		}
		for _, st := range hook.InspectPlace(place, tree.WorkTree) {
			h := newHookJSON(tree, place, st)
			f.add(h.WorkTree, h, h.OK || h.Name == "pre-commit" && tree.WorkTree == "")
		}
		if place.Fault != nil && f.fault == nil {
			f.fault = place.Fault
		}
	}
	return f.result("Git runs our hooks", "git does not run all of our hooks here")
}

func newHookJSON(tree *git.Repo, place hook.Place, st hook.Status) hookJSON {
	h := hookJSON{
		Name: st.Name, WorkTree: treePath(tree), Path: st.Path, State: st.State, By: st.By, Moved: st.Moved,
		Chained: len(st.Saved) > 0, Saved: st.Saved, OK: st.OK(),
	}
	if st.State == hook.Installed || st.State == hook.Outdated || st.State == hook.Disabled {
		h.Seat = st.Seat
	}
	if place.Scope != "" {
		h.HooksPath = &hooksPathJSON{place.Value, place.Scope}
	}
	return h
}

func (h hookJSON) String() string {
	by := h.By
	if by == "" {
		by = "another hook"
	}
	line := h.Name + ": "
	switch h.State {
	case hook.Installed, hook.Outdated, hook.Disabled:
		line += map[hook.State]string{hook.Installed: "installed", hook.Outdated: "installed, in an older form", hook.Disabled: "not executable, so that git ignores it"}[h.State]
		if h.Seat != h.Path {
			line += fmt.Sprintf(", %s runs it", by)
		}
		line += fmt.Sprintf(" (%s)", printable(h.Seat))
		if h.Chained && h.State != hook.Disabled {
			line += ", an older hook runs first"
		}
		return line
	case hook.Called:
		return line + fmt.Sprintf("%s calls git-grite (%s)", by, printable(h.Path))
	case hook.Renamed:
		return line + fmt.Sprintf("renamed by another program, so that it does not run (%s)", printable(h.Moved[0]))
	case hook.Shadowed:
		line += fmt.Sprintf("shadowed by core.hooksPath = %q (%s)", h.HooksPath.Value, h.HooksPath.Scope)
		if h.Path != "" {
			line += fmt.Sprintf("; git looks at %s", printable(h.Path))
		}
		return line
	case hook.Foreign:
		return line + fmt.Sprintf("a hook of %s is there and ours is not (%s)", map[bool]string{true: "another program", false: h.By}[h.By == ""], printable(h.Path))
	case hook.Dangling:
		return line + fmt.Sprintf("a dangling link (%s)", printable(h.Path))
	}
	return line + fmt.Sprintf("%s (%s)", h.State, printable(h.Path))
}

// firing is what is known of the hooks of all work trees, by a look or by a
// trial.
type firing struct {
	Hooks   []hookLine
	trees   []string
	missing bool            // one that should run does not
	fault   *hook.PathError // why it is not installed, if so
	title   string
}

// hookLine is one hook in one work tree.
type hookLine struct {
	tree string
	hook fmt.Stringer // and JSON
}

func (f *firing) add(tree string, h fmt.Stringer, ok bool) {
	if n := len(f.trees); n == 0 || f.trees[n-1] != tree {
		f.trees = append(f.trees, tree)
	}
	f.Hooks = append(f.Hooks, hookLine{tree, h})
	f.missing = f.missing || !ok
}

func (f *firing) result(good, bad string) (result, error) {
	f.title = good
	if f.missing {
		f.title = bad
		return result{}, &hooksError{f}
	}
	return result{data: f.json(), text: func(w io.Writer) {
		fmt.Fprintln(w, f.title)
		for _, line := range f.lines() {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}}, nil
}

func (f *firing) json() map[string]any {
	list := make([]any, 0, len(f.Hooks))
	for _, h := range f.Hooks {
		list = append(list, h.hook)
	}
	return map[string]any{"hooks": list}
}

// lines has a line per hook, below its work tree where there are several.
func (f *firing) lines() (lines []string) {
	tree := ""
	indent := ""
	for _, h := range f.Hooks {
		if len(f.trees) > 1 && h.tree != tree {
			tree, indent = h.tree, "  "
			lines = append(lines, printable(tree))
		}
		lines = append(lines, indent+h.hook.String())
	}
	return lines
}

// hooksError is a repository in which git does not run all our hooks.
type hooksError struct{ found *firing }

func (e *hooksError) Error() string { return e.found.title }

func explainHooks(e *hooksError, now time.Time) failure {
	data := e.found.json()
	f := failure{data: data, details: data, lines: e.found.lines(), hints: []string{"git grite hooks install"}}
	if e.found.fault != nil {
		why := explainHooksPath(e.found.fault, now)
		f.lines = append(append(f.lines, printable(e.found.fault.Error())), why.lines...)
		f.hints = nil
	}
	return f
}
