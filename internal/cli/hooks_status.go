package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/hook"
	"github.com/git-grite/git-grite/internal/wire"
)

// hookJSON is one hook of one work tree as programs see it.
type hookJSON struct {
	Name      string         `json:"name"`
	WorkTree  string         `json:"worktree"` // or the bare repository
	Path      string         `json:"path,omitempty"`
	State     hook.State     `json:"state"`
	By        string         `json:"by,omitempty"`
	Shim      string         `json:"shim,omitempty"`
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

func newHooksStatus() *command {
	var o agentOptions
	return &command{name: "status", usage: "show what git would run, in each work tree, and agents", flags: o.flags(), run: func(ctx context.Context, c *call) (result, error) {
		if o.host != "" {
			return o.inspect(ctx, c, 0)
		}
		return runHooksStatus(ctx, c)
	}}
}

func runHooksStatus(ctx context.Context, c *call) (result, error) {
	cl, err := c.open(ctx)
	if err != nil {
		return result{}, err
	}
	f := hookFindings{}
	server, isServer, err := serverStatus(ctx, cl.Repo)
	if err != nil {
		return result{}, err
	}
	for _, tree := range cl.Repo.Trees(ctx) {
		place, err := hook.Find(ctx, tree)
		if err != nil {
			return result{}, err
		}
		for _, st := range hook.InspectPlace(place, tree.WorkTree) {
			h := newHookJSON(tree, place, st)
			// Nobody commits in a bare repository, and a server does not push.
			h.OK = h.OK || tree.WorkTree == "" && (h.Name == "pre-commit" || isServer && server.State != hook.Missing)
			if !h.OK {
				f.explain(place)
			}
			f.add(h.WorkTree, h, h.OK)
		}
	}
	if isServer {
		f.add(server.WorkTree, server, server.OK)
	}
	if n := len(f.trees); n > 0 {
		f.agents(c, cl.Repo.WorkTree, f.trees[n-1])
	}
	configured, err := hook.ConfiguredHooks(ctx, cl.Repo)
	if err != nil {
		return result{}, err
	}
	for _, h := range configured {
		c.out.note(wire.Advice, "git 2.54 and later run hook.%s.command = %s for %s too", wire.Printable(h.Name), wire.Printable(h.Command), strings.Join(h.Events, " and "))
	}
	return f.result("Git runs our hooks", "git does not run all of our hooks here")
}

func newHookJSON(tree *git.Repo, place hook.Place, st hook.Status) hookJSON {
	h := hookJSON{
		Name: st.Name, WorkTree: treePath(tree), Path: st.Path, State: st.State, By: st.By, Moved: st.Moved,
		Chained: len(st.Saved) > 0, Saved: st.Saved, OK: st.OK(),
	}
	if st.State == hook.Installed || st.State == hook.Outdated || st.State == hook.Disabled {
		h.Shim = st.ShimPath
	}
	if place.Scope != "" {
		h.HooksPath = &hooksPathJSON{place.Value, place.Scope}
	}
	return h
}

func (h hookJSON) String() string { return h.Name + ": " + h.what() }

// what says what git finds.
func (h hookJSON) what() string {
	by := h.By
	if by == "" {
		by = "another program"
	}
	words := string(h.State)
	switch h.State {
	case hook.Outdated:
		words = "installed, in an older form"
	case hook.Called:
		words = "git-grite is called by " + by
	case hook.Foreign:
		words = "not installed, there is a hook of " + by
	case hook.Disabled:
		words = "not executable, so that git ignores it"
	case hook.Dangling:
		words = "a link to nothing, which git ignores"
	case hook.Renamed:
		return fmt.Sprintf("%s moved ours to %s, where it does not run", by, wire.Printable(h.Moved[0]))
	case hook.Shadowed:
		words = "not installed, the hooks directory is a link to another place"
		if h.HooksPath != nil {
			words = fmt.Sprintf("shadowed by core.hooksPath = %q (%s)", h.HooksPath.Value, h.HooksPath.Scope)
		}
		if h.Path == "" {
			return words
		}
	}
	at := h.Path
	if h.Shim != "" {
		at = h.Shim
	}
	words += fmt.Sprintf(" (%s)", wire.Printable(at))
	if at != h.Path {
		words += ", run by " + by
	}
	if h.Chained && h.OK && h.State != hook.Called {
		words += ", an older hook runs first"
	}
	return words
}

// hookFindings are what a look at the hooks of all work trees, or a trial of them,
// has found.
type hookFindings struct {
	hooks   []hookLine
	trees   []string
	missing bool            // one that should run does not
	install bool            // installing would fix it
	hint    string          // how, "" for the hooks of git
	fault   *hook.PathError // why it is not installed, if so
	title   string
}

// hookLine is one hook in one work tree.
type hookLine struct {
	tree string
	hook fmt.Stringer // and JSON
}

func (f *hookFindings) add(tree string, h fmt.Stringer, ok bool) {
	if n := len(f.trees); n == 0 || f.trees[n-1] != tree {
		f.trees = append(f.trees, tree)
	}
	f.hooks = append(f.hooks, hookLine{tree, h})
	f.missing = f.missing || !ok
}

// explain notes why a hook in this place does not run.
func (f *hookFindings) explain(place hook.Place) {
	switch {
	case place.Fault == nil:
		f.install = true
	case f.fault == nil:
		f.fault = place.Fault
	}
}

func (f *hookFindings) result(good, bad string) (result, error) {
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

func (f *hookFindings) json() map[string]any {
	list := make([]any, 0, len(f.hooks))
	for _, h := range f.hooks {
		list = append(list, h.hook)
	}
	return map[string]any{"hooks": list}
}

// lines has a line per hook, below its work tree where there are several.
func (f *hookFindings) lines() (lines []string) {
	tree := ""
	indent := ""
	for _, h := range f.hooks {
		if len(f.trees) > 1 && h.tree != tree {
			tree, indent = h.tree, "  "
			lines = append(lines, wire.Printable(tree))
		}
		lines = append(lines, indent+h.hook.String())
	}
	return lines
}

// hooksError is a repository in which git does not run all our hooks.
type hooksError struct{ found *hookFindings }

func (e *hooksError) Error() string { return e.found.title }

func explainHooks(e *hooksError, now time.Time) failure {
	data := e.found.json()
	f := failure{data: data, details: data, lines: e.found.lines()}
	switch {
	case e.found.hint != "":
		f.hints = []string{e.found.hint}
	case e.found.install:
		f.hints = []string{"git grite hooks install"}
	}
	if e.found.fault != nil {
		why := explainHooksPath(e.found.fault, now)
		f.lines = append(append(f.lines, wire.Printable(e.found.fault.Error())), why.lines...)
	}
	return f
}
