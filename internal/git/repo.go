package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Repo is a repository as seen from one directory. Its fields are read-only.
type Repo struct {
	GitDir    string // absolute; of this work tree
	CommonDir string // absolute; shared by all linked work trees
	WorkTree  string // absolute; "" in a bare repository
	Prefix    string // from WorkTree down to the directory, with slashes and a final one; "" at the top

	dir    string // where children run: the caller's directory
	env    []string
	raw    []string // the caller's environment, for git that runs the user's hooks
	config localConfig
	asked  *localConfig // git's answer about remotes, where config is no help

	checked string // what CheckVersionOnce found and could not write down yet
}

// Open finds the repository of dir, which must be absolute, the way git does
// for a process with environment env. It returns ErrNoRepository (wrapped)
// when git would not find or not use one, and ErrNoGit.
func Open(ctx context.Context, dir string, env []string) (*Repo, error) {
	r := &Repo{dir: dir, env: environment(env), raw: env}
	if !r.discover() {
		if err := r.ask(ctx); err != nil {
			return nil, err
		}
	}
	if r.WorkTree != "" && r.Prefix == "" {
		r.Prefix = prefix(r.WorkTree, dir)
	}
	// An alias "!git grite" runs at the top with GIT_PREFIX naming where the
	// user stood; inside a hook GIT_PREFIX is set as well, but hooks take no
	// paths relative to it (git 2.39).
	if p := lookup(env, "GIT_PREFIX"); p != "" && r.Prefix == "" && r.WorkTree != "" && filepath.IsLocal(p) {
		r.Prefix = filepath.ToSlash(filepath.Clean(p)) + "/"
	}
	return r, nil
}

// Linked tells whether this is a linked work tree, and its name, which is the
// name of its directory below .git/worktrees.
func (r *Repo) Linked() (name string, ok bool) {
	if r.GitDir == r.CommonDir {
		return "", false
	}
	return filepath.Base(r.GitDir), true
}

// LinkedWorktrees names all linked work trees of the repository.
func (r *Repo) LinkedWorktrees() []string {
	entries, err := os.ReadDir(filepath.Join(r.CommonDir, "worktrees"))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// discover finds the repository without git in the ordinary cases: a .git
// directory or .git file in dir or above, or the GIT_DIR that git exports to
// hooks. It reports false for everything else, and git is asked.
func (r *Repo) discover() bool {
	for _, name := range []string{"GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_CEILING_DIRECTORIES", "GIT_OBJECT_DIRECTORY"} {
		if lookup(r.env, name) != "" {
			return false
		}
	}
	if gitDir := lookup(r.env, "GIT_DIR"); gitDir != "" {
		if !filepath.IsAbs(gitDir) {
			gitDir = filepath.Join(r.dir, gitDir)
		}
		return r.settle(filepath.Clean(gitDir), r.dir)
	}
	for top := r.dir; ; {
		dotGit := filepath.Join(top, ".git")
		if st, err := os.Stat(dotGit); err == nil {
			if st.IsDir() {
				return r.settle(dotGit, top)
			}
			text, err := os.ReadFile(dotGit)
			target, ok := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), "gitdir: ")
			if err != nil || !ok {
				return false
			}
			if !filepath.IsAbs(target) {
				target = filepath.Join(top, target)
			}
			return r.settle(filepath.Clean(target), top)
		}
		if _, err := os.Stat(filepath.Join(top, "HEAD")); err == nil {
			return false // perhaps a bare repository, or inside a git directory
		}
		parent := filepath.Dir(top)
		if parent == top {
			return false
		}
		top = parent
	}
}

// settle fills in r for a git directory whose work tree should be top.
func (r *Repo) settle(gitDir, top string) bool {
	if _, err := os.Stat(filepath.Join(gitDir, "HEAD")); err != nil {
		return false
	}
	common := gitDir
	if text, err := os.ReadFile(filepath.Join(gitDir, "commondir")); err == nil {
		common = strings.TrimRight(string(text), "\r\n")
		if !filepath.IsAbs(common) {
			common = filepath.Join(gitDir, common)
		}
	}
	config := readLocalConfig(filepath.Join(common, "config"))
	linked := common != gitDir
	switch {
	case config.odd:
		return false
	case config.value["core.bare"] == "true" && !linked:
		return false
	case config.value["core.worktree"] != "" && !linked:
		tree := config.value["core.worktree"]
		if !filepath.IsAbs(tree) {
			tree = filepath.Join(gitDir, tree)
		}
		if !sameFile(tree, top) {
			return false
		}
	}
	r.GitDir, r.CommonDir, r.WorkTree, r.config = gitDir, common, top, config
	return true
}

// ask lets git find the repository.
func (r *Repo) ask(ctx context.Context) error {
	out, err := r.read(ctx, "rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir", "--is-inside-work-tree")
	if err != nil {
		return r.refused(ctx, err)
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if len(lines) != 3 {
		return fmt.Errorf("git rev-parse answered %d lines instead of 3; is git 2.31 or newer on PATH?", len(lines))
	}
	r.GitDir, r.CommonDir = filepath.FromSlash(lines[0]), filepath.FromSlash(lines[1])
	r.config = readLocalConfig(filepath.Join(r.CommonDir, "config"))
	if lines[2] != "true" {
		return nil
	}
	out, err = r.read(ctx, "rev-parse", "--path-format=absolute", "--show-toplevel", "--show-prefix")
	if err != nil {
		return r.refused(ctx, err)
	}
	lines = strings.Split(string(out), "\n")
	r.WorkTree = filepath.FromSlash(lines[0])
	if len(lines) > 1 {
		r.Prefix = lines[1]
	}
	return nil
}

// refused turns the failure of a rev-parse into ErrNoRepository with git's own
// reason, or into a complaint about a git that is too old to be asked.
func (r *Repo) refused(ctx context.Context, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	if old := r.CheckVersion(ctx); old != nil {
		return old
	}
	return &repositoryError{strings.TrimPrefix(e.Stderr, "fatal: ")}
}

// repositoryError is ErrNoRepository in git's words.
type repositoryError struct{ reason string }

func (e *repositoryError) Error() string { return "git cannot use a repository here: " + e.reason }
func (e *repositoryError) Unwrap() error { return ErrNoRepository }

// Diagnose tells why git failed with err: when git cannot use the repository
// at all (no such repository, another owner, a newer format) it returns
// ErrNoRepository with git's reason, else err itself.
func (r *Repo) Diagnose(ctx context.Context, err error) error {
	var e *Error
	if !errors.As(err, &e) || e.ExitCode != 128 {
		return err
	}
	if _, probe := r.read(ctx, "rev-parse", "--git-dir"); probe != nil {
		return r.refused(ctx, probe)
	}
	return err
}

// prefix is dir seen from top, in git's form; "" when dir is not below top.
func prefix(top, dir string) string {
	rel, err := filepath.Rel(top, dir)
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel) + "/"
}

func sameFile(a, b string) bool {
	sa, err := os.Stat(a)
	if err != nil {
		return false
	}
	sb, err := os.Stat(b)
	return err == nil && os.SameFile(sa, sb)
}
