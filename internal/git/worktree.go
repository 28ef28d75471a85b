package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// HasFile reports whether something of exactly this name, relative to the top, is
// in the work tree.
func (r *Repo) HasFile(path string) bool {
	if r.WorkTree == "" {
		return false
	}
	_, err := os.Lstat(filepath.Join(r.WorkTree, filepath.FromSlash(path)))
	return err == nil
}

// Find reports whether something is at a path, relative to the top, in the work
// tree or, where nothing stands there, in the index, and whether it is a directory.
func (r *Repo) Find(ctx context.Context, path string) (found, dir bool, err error) {
	if r.WorkTree == "" {
		return true, false, nil // there is nowhere to look
	}
	if st, err := os.Lstat(filepath.Join(r.WorkTree, filepath.FromSlash(path))); err == nil {
		return true, st.IsDir(), nil
	}
	if r.direct != nil && lookup(r.raw, "GIT_INDEX_FILE") == "" && r.direct.Lacks(path) {
		return false, false, nil // the usual case of a path that does not exist yet
	}
	out, err := r.run(ctx, command{
		args: []string{"--literal-pathspecs", "ls-files", "-z", "--stage", "--full-name", "--", path},
		dir:  r.WorkTree,
	})
	stage, name, found := strings.Cut(string(out), "\t")
	return found, strings.HasPrefix(name, path+"/") || strings.HasPrefix(stage, "160000 "), err
}

// Files lists the paths of the index or, with untracked, those of the work tree
// that are not in it, ignored ones too.
func (r *Repo) Files(ctx context.Context, untracked bool) ([]string, error) {
	args := []string{"ls-files", "-z", "--full-name"}
	if untracked {
		args = append(args, "--others")
	}
	out, err := r.run(ctx, command{args: args, dir: r.WorkTree})
	return splitZ(out), err
}

// Submodule is the submodule that a path, relative to the top, lies in; "" for
// none. Git is asked only where there may be one.
func (r *Repo) Submodule(ctx context.Context, path string) (string, error) {
	if r.WorkTree == "" {
		return "", nil
	}
	suspect := exists(filepath.Join(r.WorkTree, ".gitmodules"))
	parts := strings.Split(strings.Trim(path, "/"), "/")
	args := []string{"--literal-pathspecs", "ls-files", "-z", "--stage", "--full-name", "--"}
	for i := 1; i < len(parts); i++ {
		above := strings.Join(parts[:i], "/")
		args = append(args, above)
		suspect = suspect || exists(filepath.Join(r.WorkTree, filepath.FromSlash(above), ".git"))
	}
	if !suspect || len(parts) == 1 {
		return "", nil
	}
	out, err := r.run(ctx, command{args: args, dir: r.WorkTree})
	for _, entry := range splitZ(out) {
		_, name, _ := strings.Cut(entry, "\t")
		if strings.HasPrefix(entry, "160000 ") && strings.HasPrefix(path, name+"/") {
			return name, err
		}
	}
	return "", err
}

// PathError is a path that git refuses: no commit of this repository can change
// what is there.
type PathError struct{ Reason string } // in git's words

func (e *PathError) Error() string { return e.Reason }

// CheckPath returns *PathError for a path, relative to the top, that lies beyond a
// symbolic link, inside a submodule or in a git directory. Git is asked where that may be so: where a
// directory on the way is a link, has a repository of its own or is empty, as
// submodules are that are not checked out, and where there are submodules.
func (r *Repo) CheckPath(ctx context.Context, path string) error {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if slices.ContainsFunc(parts, func(part string) bool { return strings.EqualFold(part, ".git") }) {
		return &PathError{Reason: fmt.Sprintf("invalid path '%s': git tracks nothing that is called .git", path)}
	}
	if r.WorkTree == "" {
		return nil
	}
	suspect := exists(filepath.Join(r.WorkTree, ".gitmodules"))
	at := r.WorkTree
	for _, part := range parts[:len(parts)-1] {
		at = filepath.Join(at, part)
		st, err := os.Lstat(at)
		if err != nil || suspect {
			break
		}
		suspect = st.Mode()&os.ModeSymlink != 0 || exists(filepath.Join(at, ".git")) || emptyDir(at)
	}
	if !suspect || len(parts) == 1 {
		return nil
	}
	// It reads the index and the work tree, and exits with 1 for most paths.
	_, err := r.run(ctx, command{args: []string{"check-ignore", "-q", "--", "./" + path}, dir: r.WorkTree})
	var failed *Error
	if No(err) {
		return nil
	}
	if errors.As(err, &failed) && failed.ExitCode == 128 {
		return &PathError{Reason: reason(failed.Stderr)}
	}
	return err
}

func emptyDir(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = f.Readdirnames(1)
	return err == io.EOF
}

// HooksPath returns core.hooksPath and the scope it is set in (system, global,
// local, worktree or command); the scope is "" when it is not set.
func (r *Repo) HooksPath(ctx context.Context) (value, scope string, err error) {
	out, err := r.read(ctx, "config", "-z", "--show-scope", "--get", "core.hooksPath")
	if No(err) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	scope, value, _ = strings.Cut(string(out), "\x00")
	return strings.TrimSuffix(value, "\x00"), scope, nil
}

// HooksDir is the absolute directory in which git looks for hooks.
func (r *Repo) HooksDir(ctx context.Context) (string, error) {
	out, err := r.read(ctx, "rev-parse", "--path-format=absolute", "--git-path", "hooks")
	return filepath.FromSlash(strings.TrimSuffix(string(out), "\n")), err
}
