package git

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// localVars are the variables that tie a git process to one repository, as "git
// rev-parse --local-env-vars" lists them (git 2.39), without those of "git -c":
// what the user overrides there holds in all work trees.
var localVars = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE",
	"GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
	"GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
}

// Elsewhere returns the environment of a process that does not stand in the
// repository, or work tree, that git tied it to.
func Elsewhere(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(localVars, name)
	})
}

// Trees returns the repository as it is seen from each of its work trees: from
// the main one first, where a bare repository stands for itself, then from the
// linked ones that are there. r itself is among them.
func (r *Repo) Trees(ctx context.Context) []*Repo {
	env := Elsewhere(r.raw)
	var trees []*Repo
	add := func(gitDir, dir string) {
		if sameFile(gitDir, r.GitDir) {
			trees = append(trees, r)
			return
		}
		if t, err := Open(ctx, dir, env); err == nil && sameFile(t.CommonDir, r.CommonDir) && sameFile(t.GitDir, gitDir) {
			trees = append(trees, t)
		}
	}
	add(r.CommonDir, r.mainDir(ctx))
	for _, name := range r.LinkedWorktrees() {
		admin := filepath.Join(r.CommonDir, "worktrees", name)
		text, err := os.ReadFile(filepath.Join(admin, "gitdir"))
		if err != nil {
			continue
		}
		dotGit := below(admin, strings.TrimRight(string(text), "\r\n")) // worktree.useRelativePaths, git 2.48
		add(admin, filepath.Dir(dotGit))
	}
	return trees
}

// below is a path that may be relative to a directory.
func below(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// mainDir is the main work tree as a linked one knows it, or the git directory
// where there is none. After "git init --separate-git-dir" only the main work
// tree itself knows where it is; its git directory stands for it.
func (r *Repo) mainDir(ctx context.Context) string {
	c, err := r.settings(ctx)
	if tree, _ := c.Last("core.worktree"); tree != "" {
		return below(r.CommonDir, tree)
	}
	if filepath.Base(r.CommonDir) == ".git" && err == nil && !c.Bool("core.bare") {
		return filepath.Dir(r.CommonDir)
	}
	return r.CommonDir
}

// CommitOf returns the commit that a revision stands for; the error is one that
// [No] knows when there is none.
func (r *Repo) CommitOf(ctx context.Context, revision string) (OID, error) {
	out, err := r.read(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	return OID(strings.TrimSpace(string(out))), err
}
