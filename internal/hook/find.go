package hook

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/git-grite/git-grite/internal/git"
)

// PathError is a core.hooksPath that hooks cannot be installed into.
type PathError struct {
	Value string // of core.hooksPath
	Fault string // with what to do
}

func (e *PathError) Error() string { return fmt.Sprintf("core.hooksPath is %q: %s", e.Value, e.Fault) }

// Own is the hooks directory that git uses unless core.hooksPath says
// otherwise; all linked work trees share it.
func Own(repo *git.Repo) string { return filepath.Join(repo.CommonDir, "hooks") }

// Find returns the directory in which git looks for the hooks of a repository.
// It returns *PathError when that is none that is ours to write to: core.hooksPath
// is never changed, files that may be tracked are not written, and a directory
// that serves all repositories of a user is left alone.
func Find(ctx context.Context, repo *git.Repo) (string, error) {
	value, scope, err := repo.HooksPath(ctx)
	if err != nil || scope == "" {
		return Own(repo), err
	}
	if value == "" || value == "/dev/null" {
		return "", &PathError{value, "it turns all hooks off; unset it, then install again: git config --unset core.hooksPath"}
	}
	dir, err := repo.HooksDir(ctx)
	if err != nil {
		return "", err
	}
	switch {
	case dir == Own(repo):
	case scope != "local" && scope != "worktree":
		return "", &PathError{value, fmt.Sprintf("it is set for more than this repository (%s), and hooks there would run in all of them; set it for this one: git config core.hooksPath %s", scope, Own(repo))}
	case repo.WorkTree != "" && within(dir, repo.WorkTree) && !within(dir, repo.CommonDir):
		return "", &PathError{value, "its files are part of the work tree; add this line to pre-commit and pre-push there: git-grite hook \"$(basename \"$0\")\" -- \"$@\" || exit"}
	}
	return dir, nil
}

func within(dir, parent string) bool {
	rel, err := filepath.Rel(parent, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
