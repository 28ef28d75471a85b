package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/git-grite/git-grite/internal/git/direct"
)

// Repo is a repository as seen from one directory. Its fields are read-only.
type Repo struct {
	GitDir    string // absolute; of this work tree
	CommonDir string // absolute; shared by all linked work trees
	WorkTree  string // absolute; "" in a bare repository
	Prefix    string // from WorkTree down to the directory, with slashes and a final one; "" at the top

	// StateDir is the directory that goes with the refs: the common directory,
	// without symbolic links, or where that only links to the refs of another
	// one (git-new-workdir), the other. What has to be one for all that share
	// the refs, such as a file lock, belongs there.
	StateDir string

	dir    string       // where children run: the caller's directory, without symbolic links
	env    []string     // of children
	raw    []string     // the caller's environment, for git that runs the user's hooks
	direct *direct.Repo // nil where everything is left to git

	mu    sync.Mutex
	asked *direct.Config // git's own answer, where direct has none
	// remotes are those of Remotes, once there are any.
	remotes []RemoteConfig

	checked string // what CheckVersionOnce found and could not write down yet
}

// Open finds the repository of dir, which must be absolute, the way git does
// for a process with environment env. It returns ErrNoRepository (wrapped)
// when git would not find or not use one, and ErrNoGit. Nothing is read of a
// repository that git would refuse but what it takes to find it.
func Open(ctx context.Context, dir string, env []string) (*Repo, error) {
	// Git goes by the physical directory, not by $PWD.
	if physical, err := filepath.EvalSymlinks(dir); err == nil {
		dir = physical
	}
	r := &Repo{dir: dir, env: environment(env), raw: env}
	if d := direct.Find(dir, env); d != nil {
		r.direct, r.GitDir, r.CommonDir, r.WorkTree = d, d.GitDir, d.CommonDir, d.WorkTree
		r.Prefix = prefix(r.WorkTree, dir)
	} else {
		if err := r.ask(ctx); err != nil {
			return nil, err
		}
		r.direct = direct.At(r.GitDir, r.CommonDir, r.WorkTree, env)
	}
	if grafts := filepath.Join(r.CommonDir, "info", "grafts"); exists(grafts) {
		// Parents that only this clone knows of; a file that does not exist has none.
		r.env = append(r.env, "GIT_GRAFT_FILE="+filepath.Join(r.CommonDir, "info", "no-grafts"))
	}
	r.StateDir = r.stateDir(ctx)
	r.Prefix += r.aliasPrefix()
	return r, nil
}

func (r *Repo) stateDir(ctx context.Context) string {
	if r.direct == nil { // refs may be kept at BACKEND://DIRECTORY (git 2.54)
		place := lookup(r.env, "GIT_REFERENCE_BACKEND")
		if c, err := r.settings(ctx); err == nil && place == "" {
			place, _ = c.Last("extensions.refstorage")
		}
		if _, dir, ok := strings.Cut(place, "://"); ok && dir != "" {
			if physical, err := filepath.EvalSymlinks(below(r.CommonDir, dir)); err == nil {
				return physical
			}
		}
	}
	if refs, err := filepath.EvalSymlinks(filepath.Join(r.CommonDir, "refs")); err == nil {
		return filepath.Dir(refs)
	}
	return r.CommonDir
}

// aliasPrefix is where the user stood who called us by an alias "!git grite":
// that runs at the top, with GIT_PREFIX naming the directory. In a hook and in
// "rebase --exec" GIT_PREFIX is set just so, but there a path is seen from the
// top, by git's own commands too. Some are known by other variables; of a
// pre-push or post-checkout hook only the git above it tells (git 2.39).
func (r *Repo) aliasPrefix() string {
	p := lookup(r.raw, "GIT_PREFIX")
	if p == "" || r.Prefix != "" || r.WorkTree == "" || !sameFile(r.dir, r.WorkTree) || !filepath.IsLocal(p) {
		return ""
	}
	for _, name := range []string{"GIT_INDEX_FILE", "GIT_CHERRY_PICK_HELP", "GIT_SEQUENCE_EDITOR", "GIT_REFLOG_ACTION", "GIT_EDITOR"} {
		if v := lookup(r.raw, name); v != "" && (name != "GIT_EDITOR" || v == ":") {
			return ""
		}
	}
	if belowGit() {
		return ""
	}
	return filepath.ToSlash(filepath.Clean(p)) + "/"
}

// Linked reports whether this is a linked work tree, and its name, which is the
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

// Share gives a file or directory that was just made below the git directory the
// permissions that core.sharedRepository asks for.
func (r *Repo) Share(ctx context.Context, path string) error {
	mode, err := r.sharing(ctx)
	if err == nil {
		mode.Apply(path)
	}
	return err
}

func (r *Repo) sharing(ctx context.Context) (direct.Sharing, error) {
	c, err := r.settings(ctx)
	value, _ := c.Last("core.sharedrepository")
	return direct.ParseSharing(value), err
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
	// Git's advice may be in lines of its own.
	return &RepositoryError{Reason: strings.Join(strings.Fields(strings.TrimPrefix(e.Stderr, "fatal: ")), " "), Found: r.inSight()}
}

// RepositoryError is ErrNoRepository in git's words.
type RepositoryError struct {
	Reason string
	Found  bool // there is one, which git refuses for another reason
}

func (e *RepositoryError) Error() string { return "git cannot use a repository here: " + e.Reason }
func (e *RepositoryError) Unwrap() error { return ErrNoRepository }

// inSight reports whether something that looks like a repository is in the
// directory or above it, or is named by GIT_DIR.
func (r *Repo) inSight() bool {
	if lookup(r.raw, "GIT_DIR") != "" {
		return true
	}
	for dir := r.dir; ; dir = filepath.Dir(dir) {
		if exists(filepath.Join(dir, ".git")) || exists(filepath.Join(dir, "HEAD")) && exists(filepath.Join(dir, "objects")) {
			return true
		}
		if filepath.Dir(dir) == dir {
			return false
		}
	}
}

// Diagnose returns why git failed with err: when git cannot use the repository
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

func sameFile(a, b string) bool { return direct.SameFile(a, b) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
