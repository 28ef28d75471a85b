package hook

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/git-grite/git-grite/hooks"
	"github.com/git-grite/git-grite/internal/git"
)

// Place is where git looks for the hooks of one work tree.
type Place struct {
	Dir          string // "" when core.hooksPath turns all hooks off
	Value, Scope string // of core.hooksPath; no Scope when it is not set
	Fault        *PathError
}

// PathError is a core.hooksPath into which hooks are not installed.
type PathError struct {
	Value, Scope string // of core.hooksPath
	Reason       string // with what to do
	Lines        []Line // to add to hooks that are not ours to write
}

// Line is a line of sh to add to a file.
type Line struct{ Path, Text string }

func (e *PathError) Error() string {
	return fmt.Sprintf("core.hooksPath is %q (%s): %s", e.Value, e.Scope, e.Reason)
}

// Own is the hooks directory that git uses unless core.hooksPath says
// otherwise; all linked work trees share it.
func Own(repo *git.Repo) string { return filepath.Join(repo.CommonDir, "hooks") }

// Find finds the directory in which git looks for the hooks of a work tree. It
// is at fault when it is none that is ours to write to: core.hooksPath is never
// changed, files that may be tracked are not written, and a directory that
// serves all repositories of a user is left alone.
func Find(ctx context.Context, repo *git.Repo) (Place, error) {
	value, scope, err := repo.HooksPath(ctx)
	if err != nil || scope == "" {
		return Place{Dir: Own(repo)}, err
	}
	p := Place{Value: value, Scope: scope}
	if value == "" || value == os.DevNull || value == "/dev/null" { // git rev-parse dies of an empty one (git 2.39)
		p.Fault = p.fault("it turns all hooks off; unset it, then install again: git config --" + scope + " --unset core.hooksPath")
		return p, nil
	}
	if p.Dir, err = repo.HooksDir(ctx); err != nil {
		return p, err
	}
	switch {
	case sameDir(p.Dir, Own(repo)):
		p.Dir = Own(repo)
	case scope != "local" && scope != "worktree":
		p.Fault = p.fault("hooks there run in all repositories; to use those of this one: git config core.hooksPath " + Own(repo) + "; or add a line to those there")
	case repo.WorkTree != "" && within(p.Dir, repo.WorkTree) && !within(p.Dir, repo.CommonDir):
		owner := "the work tree"
		if isHusky(p.Dir) {
			owner = "husky"
		}
		p.Fault = p.fault("the hooks there belong to " + owner + ", which is left as it is; add a line to each of these")
	}
	return p, nil
}

// fault makes the reason against installing into a place, with the lines that
// have hooks there call ours.
func (p Place) fault(reason string) *PathError {
	e := &PathError{Value: p.Value, Scope: p.Scope, Reason: reason}
	if p.Dir == "" {
		return e
	}
	dir := p.Dir
	if isHusky(dir) {
		dir = filepath.Dir(dir)
	}
	for _, name := range hooks.Names {
		e.Lines = append(e.Lines, Line{filepath.Join(dir, name), CallLine(name)})
	}
	return e
}

// CallLine is the line that makes another hook call ours: it stops the hook when
// we stop git, and lets it go on where there is no git-grite.
func CallLine(name string) string {
	return fmt.Sprintf(`if command -v git-grite >/dev/null; then git-grite hook %s -- "$@" || exit; fi`, name)
}

// sameDir tells whether two names are of one directory, which may not exist yet.
func sameDir(a, b string) bool { return real(a) == real(b) }

func within(dir, parent string) bool {
	rel, err := filepath.Rel(real(parent), real(dir))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// real is a path without symbolic links, as far as it exists.
func real(path string) string {
	if found, err := filepath.EvalSymlinks(path); err == nil {
		return found
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(real(parent), filepath.Base(path))
	}
	return path
}
