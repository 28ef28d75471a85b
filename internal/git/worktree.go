package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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

// IsDirectory reports whether path, relative to the top, is a directory in the
// work tree or, where nothing stands there, in the index.
func (r *Repo) IsDirectory(ctx context.Context, path string) (bool, error) {
	if r.WorkTree == "" {
		return false, nil
	}
	if st, err := os.Lstat(filepath.Join(r.WorkTree, filepath.FromSlash(path))); err == nil {
		return st.IsDir(), nil
	}
	out, err := r.run(ctx, command{
		args: []string{"--literal-pathspecs", "ls-files", "-z", "--full-name", "--", path + "/"},
		dir:  r.WorkTree,
	})
	return len(out) > 0, err
}

// HooksPath returns core.hooksPath and the scope it is set in (system, global,
// local, worktree or command); the scope is "" when it is not set.
func (r *Repo) HooksPath(ctx context.Context) (value, scope string, err error) {
	out, err := r.read(ctx, "config", "-z", "--show-scope", "--get", "core.hooksPath")
	var failed *Error
	if errors.As(err, &failed) && failed.ExitCode == 1 {
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
