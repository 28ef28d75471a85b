package git

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// HasFile tells whether something of exactly this name, relative to the top, is
// in the work tree.
func (r *Repo) HasFile(path string) bool {
	if r.WorkTree == "" {
		return false
	}
	_, err := os.Lstat(filepath.Join(r.WorkTree, filepath.FromSlash(path)))
	return err == nil
}

// IsDirectory tells whether path, relative to the top, is a directory in the
// work tree or, where nothing stands there, in the index.
func (r *Repo) IsDirectory(ctx context.Context, path string) (bool, error) {
	if r.WorkTree == "" {
		return false, nil
	}
	if st, err := os.Lstat(filepath.Join(r.WorkTree, filepath.FromSlash(path))); err == nil {
		return st.IsDir(), nil
	}
	if !r.indexMentions(path) {
		return false, nil
	}
	out, err := r.run(ctx, command{
		args: []string{"--literal-pathspecs", "ls-files", "-z", "--full-name", "--", path + "/"},
		dir:  r.WorkTree,
	})
	return len(out) > 0, err
}

// indexMentions is false when the index surely has nothing below path. It saves
// asking git in the common case of a path that does not exist yet: versions 2
// and 3 of the index hold each path in full (gitformat-index(5)). Version 4
// compresses them, and the extensions of split and sparse indexes leave some
// out; then git is asked.
func (r *Repo) indexMentions(path string) bool {
	file := lookup(r.env, "GIT_INDEX_FILE")
	if file == "" {
		file = filepath.Join(r.GitDir, "index")
	} else if !filepath.IsAbs(file) {
		file = filepath.Join(r.WorkTree, file)
	}
	index, err := os.ReadFile(file)
	if err != nil {
		return !os.IsNotExist(err)
	}
	if len(index) < 12 || string(index[:4]) != "DIRC" || binary.BigEndian.Uint32(index[4:]) > 3 ||
		bytes.Contains(index, []byte("link")) || bytes.Contains(index, []byte("sdir")) {
		return true
	}
	return bytes.Contains(index, []byte(path+"/"))
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
