package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// StagedPaths returns the paths, relative to the top, that the commit in the
// making changes: both sides of a rename, deletions, modes, types, submodules.
// During a merge those are what the committer edits, not what the merge carries
// in. The index is the one that the environment names, which for "commit -a"
// and "commit -- path" is a temporary one.
func (r *Repo) StagedPaths(ctx context.Context) ([]string, error) {
	heads, err := os.ReadFile(filepath.Join(r.GitDir, "MERGE_HEAD"))
	if err != nil {
		return r.stagedSince(ctx, "HEAD")
	}
	// AUTO_MERGE is the tree that the merge itself came to, conflicts and all
	// (git 2.36, merges of two heads): what differs from it was done by hand.
	if _, err := os.Stat(filepath.Join(r.GitDir, "AUTO_MERGE")); err == nil {
		if paths, err := r.stagedSince(ctx, "AUTO_MERGE"); err == nil {
			return paths, nil
		}
	}
	paths, err := r.stagedSince(ctx, "HEAD")
	for _, head := range strings.Fields(string(heads)) {
		if err != nil || len(paths) == 0 {
			return paths, err
		}
		var others []string
		others, err = r.stagedSince(ctx, head)
		paths = slices.DeleteFunc(paths, func(p string) bool { return !slices.Contains(others, p) })
	}
	return paths, err
}

// stagedSince compares the index with a tree; HEAD may be unborn. Plumbing is
// used because "git diff" obeys diff.renames, which hides the source of a
// rename, diff.relative, diff.orderFile and submodule settings (git 2.39).
func (r *Repo) stagedSince(ctx context.Context, tree string) ([]string, error) {
	diff := func(tree string) ([]byte, error) {
		return r.read(ctx, "diff-index", "--cached", "--name-only", "-z", "--no-renames",
			"--ita-invisible-in-index", "--ignore-submodules=none", tree, "--")
	}
	out, err := diff(tree)
	var failed *Error
	if tree == "HEAD" && errors.As(err, &failed) && failed.ExitCode == 128 {
		if _, there := r.CommitOf(ctx, tree); No(there) {
			var empty OID
			if empty, err = r.emptyTree(ctx); err == nil {
				out, err = diff(string(empty))
			}
		}
	}
	return splitZ(out), err
}

// UnstagedPaths returns the paths, relative to the top, whose content in the work
// tree is not that of the index, and the files that git does not track and does
// not ignore.
func (r *Repo) UnstagedPaths(ctx context.Context) ([]string, error) {
	changed, err := r.read(ctx, "diff-files", "--name-only", "-z", "--no-renames", "--ignore-submodules=dirty")
	if err != nil {
		return nil, err
	}
	// ":/" because ls-files lists what is below the current directory.
	untracked, err := r.read(ctx, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", ":/")
	return append(splitZ(changed), splitZ(untracked)...), err
}

// splitZ takes -z output apart.
func splitZ(out []byte) []string {
	text := strings.Trim(string(out), "\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\x00")
}
