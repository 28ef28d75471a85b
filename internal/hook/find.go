package hook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/git-grite/git-grite/hooks"
	"github.com/git-grite/git-grite/internal/git"
)

// Place is where git looks for the hooks of one work tree.
type Place struct {
	Dir          string // "" when core.hooksPath turns all hooks off
	Value, Scope string // of core.hooksPath; no Scope when it is not set
	Fault        *PathError
}

// PathError is a hooks directory into which nothing is written.
type PathError struct {
	Value, Scope string // of core.hooksPath; no Scope when it is not set
	Link         string // the directory that is a symbolic link, when that is what is wrong
	Reason       string // with what to do
	Lines        []Line // to add to hooks that are not ours to write
}

// Line is a line of sh to add to a file.
type Line struct{ Path, Text string }

func (e *PathError) Error() string {
	if e.Link != "" {
		return fmt.Sprintf("%s is a link to %s: %s", e.Link, e.Value, e.Reason)
	}
	return fmt.Sprintf("core.hooksPath is %q (%s): %s", e.Value, e.Scope, e.Reason)
}

// Own is the hooks directory that git uses unless core.hooksPath says
// otherwise; all linked work trees share it.
func Own(repo *git.Repo) string { return filepath.Join(repo.CommonDir, "hooks") }

// Find finds the directory in which git looks for the hooks of a work tree.
// Fault is set when we must not write there: core.hooksPath is never changed,
// files that may be tracked are not written, and a directory whose hooks other
// repositories run is left alone, whether a setting or a link leads there.
func Find(ctx context.Context, repo *git.Repo) (Place, error) {
	value, scope, err := repo.HooksPath(ctx)
	if err != nil {
		return Place{Dir: Own(repo)}, err
	}
	p := Place{Dir: Own(repo), Value: value, Scope: scope}
	unset := "unset it, then install again: git config --" + scope + " --unset core.hooksPath"
	if scope != "" {
		if value == "" || value == os.DevNull || value == "/dev/null" { // git rev-parse dies of an empty one (git 2.39)
			p.Dir = ""
			p.Fault = p.fault("it turns all hooks off; " + unset)
			return p, nil
		}
		// Relative to a work tree it may lead below a file: git 2.39 dies of that.
		var failed *git.Error
		p.Dir, err = repo.HooksDir(ctx)
		_, notThere := os.Stat(p.Dir)
		if errors.As(err, &failed) && failed.ExitCode == 128 || err == nil && errors.Is(notThere, syscall.ENOTDIR) {
			p.Dir = ""
			p.Fault = p.fault("there is no such directory from here, so that git runs no hooks; give the whole path: git config --" + scope + " core.hooksPath " + Own(repo))
			return p, nil
		}
		if err != nil {
			return p, err
		}
		if real(p.Dir) == real(Own(repo)) {
			p.Dir = Own(repo)
		}
	} else if p.Dir == real(p.Dir) || isPart(p.Dir, repo) {
		return p, nil
	}
	switch {
	case repo.WorkTree != "" && within(p.Dir, repo.WorkTree) && !within(p.Dir, repo.CommonDir):
		owner := "the work tree"
		if isHusky(p.Dir) {
			owner = "husky"
		}
		p.Fault = p.fault("the hooks there belong to " + owner + ", which is left as it is; add a line to each of these")
	case isPart(p.Dir, repo):
	case scope != "local" && scope != "worktree" && scope != "":
		p.Fault = p.fault("hooks there run in all repositories; to use those of this one: git config core.hooksPath " + Own(repo) + "; or add a line to those there")
	case scope == "":
		p.Fault = p.fault("hooks there may run in other repositories; to use hooks of this one, replace the link by a directory; or add a line to each of these")
	case isGitDir(filepath.Dir(real(p.Dir))):
		p.Fault = p.fault("hooks there are another repository's; " + unset + "; or add a line to each of these")
	}
	return p, nil
}

// isPart reports whether a hooks directory belongs to this repository: it lies in
// the common git directory, or beside the refs that this one shares by links, as
// git-new-workdir makes them.
func isPart(dir string, repo *git.Repo) bool {
	return within(dir, repo.CommonDir) || filepath.Dir(real(dir)) == filepath.Dir(real(filepath.Join(repo.CommonDir, "refs")))
}

// isGitDir reports whether a directory is the git directory of some repository.
func isGitDir(dir string) bool {
	for _, name := range []string{"HEAD", "objects", "refs"} {
		if !lookAt(filepath.Join(dir, name)).exists {
			return false
		}
	}
	return true
}

// fault makes the reason against installing into a place, with the lines that
// have hooks there call ours.
func (p Place) fault(reason string) *PathError {
	e := &PathError{Value: p.Value, Scope: p.Scope, Reason: reason}
	if p.Dir == "" {
		return e
	}
	if p.Scope == "" {
		e.Link, e.Value = p.Dir, real(p.Dir)
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

// CallLine is the line that makes another hook call ours, also under "set -e": it
// stops the hook when we stop git or are interrupted, and lets it go on where
// there is no git-grite or it fails.
func CallLine(name string) string {
	return fmt.Sprintf(`if command -v git-grite >/dev/null; then git-grite hook %s -- "$@" || case $? in 4 | 130 | 143) exit 4 ;; esac; fi`, name)
}

func within(dir, parent string) bool {
	rel, err := filepath.Rel(real(parent), real(dir))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// real is a path without symbolic links, as far as it exists; a link to nothing
// counts too, because that is where a file would be made.
func real(path string) string {
	for range 40 { // as many links as Linux follows
		if found, err := filepath.EvalSymlinks(path); err == nil {
			return found
		}
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(real(parent), filepath.Base(path))
	}
	return path
}
