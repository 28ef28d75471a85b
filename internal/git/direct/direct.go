// Package direct is what is read and written of a repository without git: where
// it is, its configuration, its refs, and loose objects. Starting git costs three
// to four milliseconds, which is more than all the rest of a command.
//
// One gate decides, when a repository is opened, whether that is allowed: it has
// to belong to the caller as safe.directory asks, to have a format and extensions
// that every git of the last years knows, to keep its refs as files, and no
// variable of the environment may say otherwise. Everything else is git's
// business. A test holds each answer against git's own on generated repositories.
package direct

import (
	"crypto/sha1"
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/atomicfile"
)

// OID is an object id in lowercase hex: 40 digits in SHA-1, 64 in SHA-256
// repositories. The empty OID stands for "no object".
type OID string

// RefName is a full ref name such as refs/heads/main.
type RefName string

// Repo is a repository that the gate lets pass.
type Repo struct {
	GitDir    string // absolute; of this work tree
	CommonDir string // absolute; shared by all linked work trees
	WorkTree  string // absolute; "" in a bare repository
	Config    Config // of all scopes, when Complete
	Complete  bool
	Objects   Objects
	Refs      Refs
}

// oddToFind and oddToOpen are variables that lead git elsewhere than to the
// ordinary places.
var (
	oddToFind = []string{"GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_CEILING_DIRECTORIES",
		"GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_TEST_ASSUME_DIFFERENT_OWNER"}
	oddToOpen = []string{"GIT_OBJECT_DIRECTORY", "GIT_QUARANTINE_PATH", "GIT_REFERENCE_BACKEND", "GIT_REF_URI"}
)

// Find finds the repository of dir, which is absolute and has no symbolic links
// in it, in the ordinary cases: a .git directory or .git file in dir or above, or
// the GIT_DIR that git exports to hooks. It returns nil for everything else, and
// for a repository of somebody else, of which it has read nothing then.
func Find(dir string, env []string) *Repo {
	if slices.ContainsFunc(oddToFind, func(name string) bool { return Getenv(env, name) != "" }) || Overrides(env, "core.bare", "core.worktree") {
		return nil
	}
	if gitDir := Getenv(env, "GIT_DIR"); gitDir != "" {
		if !filepath.IsAbs(gitDir) {
			gitDir = filepath.Join(dir, gitDir)
		}
		return settle(filepath.Clean(gitDir), dir, env)
	}
	start, err := os.Stat(dir)
	if err != nil {
		return nil
	}
	for top := dir; ; top = filepath.Dir(top) {
		dotGit := filepath.Join(top, ".git")
		if st, err := os.Stat(dotGit); err == nil {
			gitDir := dotGit
			if !st.IsDir() {
				gitDir = linkIn(dotGit, "gitdir: ", top)
			}
			if gitDir == "" || !owned(top) || !owned(dotGit) || !owned(gitDir) {
				return nil
			}
			return settle(gitDir, top, env)
		}
		// HEAD: perhaps a bare repository, or the inside of a git directory.
		if _, err := os.Lstat(filepath.Join(top, "HEAD")); err == nil || filepath.Dir(top) == top {
			return nil
		}
		if above, err := os.Stat(filepath.Dir(top)); err != nil || !sameDevice(start, above) {
			return nil
		}
	}
}

// settle opens a repository whose work tree should be top.
func settle(gitDir, top string, env []string) *Repo {
	common := gitDir
	if _, err := os.Stat(filepath.Join(gitDir, "commondir")); err == nil {
		common = linkIn(filepath.Join(gitDir, "commondir"), "", gitDir)
	}
	for _, path := range []string{filepath.Join(gitDir, "HEAD"), filepath.Join(common, "objects"), filepath.Join(common, "refs")} {
		if _, err := os.Stat(path); err != nil {
			return nil
		}
	}
	r := &Repo{GitDir: gitDir, CommonDir: common, WorkTree: top}
	shared, own, ok := r.readLocal()
	if !ok || !familiar(shared, false) {
		return nil
	}
	main := own // what is said of the work tree of this git directory
	if common == gitDir {
		main = slices.Concat(shared, own)
	}
	if bare, set := main.Last("core.bare"); set && !slices.Contains([]string{"false", "no", "off", "0"}, bare) {
		return nil
	}
	if tree, _ := main.Last("core.worktree"); tree != "" {
		if !filepath.IsAbs(tree) {
			tree = filepath.Join(gitDir, tree)
		}
		if !SameFile(tree, top) {
			return nil
		}
	}
	return r.open(shared, own, env)
}

// At opens a repository that git has found. It returns nil when only git can read
// or write in it.
func At(gitDir, commonDir, workTree string, env []string) *Repo {
	r := &Repo{GitDir: gitDir, CommonDir: commonDir, WorkTree: workTree}
	shared, own, ok := r.readLocal()
	if !ok || !familiar(shared, true) {
		return nil
	}
	return r.open(shared, own, env)
}

// readLocal reads the configuration of the repository and that of the work tree.
func (r *Repo) readLocal() (shared, own Config, ok bool) {
	ok, r.Complete = shared.readConfig(filepath.Join(r.CommonDir, "config"))
	if ok && shared.Bool("extensions.worktreeconfig") {
		whole := false
		ok, whole = own.readConfig(filepath.Join(r.GitDir, "config.worktree"))
		r.Complete = r.Complete && whole
	}
	return shared, own, ok
}

// familiar reports whether a repository has a format and extensions that mean
// nothing special to us. Git itself refuses those that it does not know, so that
// newer ones than our oldest git (2.31) count only where git has said yes.
func familiar(shared Config, gitSaidYes bool) bool {
	version, _ := shared.Last("core.repositoryformatversion")
	if version != "" && version != "0" && version != "1" {
		return false
	}
	for _, s := range shared {
		name, ok := strings.CutPrefix(s.Key, "extensions.")
		if !ok {
			continue
		}
		switch name {
		case "noop", "preciousobjects", "partialclone", "worktreeconfig":
		case "objectformat":
			if version != "1" || s.Value != "sha1" && s.Value != "sha256" {
				return false
			}
		case "relativeworktrees":
			ok = gitSaidYes
		case "refstorage":
			ok = gitSaidYes && s.Value == "files"
		default:
			ok = false
		}
		if !ok {
			return false
		}
	}
	return true
}

// open is the last part of the gate: nothing in the environment leads elsewhere.
func (r *Repo) open(shared, own Config, env []string) *Repo {
	if slices.ContainsFunc(oddToOpen, func(name string) bool { return Getenv(env, name) != "" }) {
		return nil
	}
	r.Refs.Dir, r.Objects.Dir, r.Objects.Hash = r.CommonDir, filepath.Join(r.CommonDir, "objects"), sha1.New
	if format, _ := shared.Last("extensions.objectformat"); format == "sha256" {
		r.Objects.Hash = sha256.New
	}
	user, ok := userConfig(env)
	if r.Complete = r.Complete && ok; r.Complete {
		r.Config = slices.Concat(user, shared, own)
	}
	return r
}

// ObjectFormat is the name of the repository's hash function.
func (r *Repo) ObjectFormat() string {
	if r.Objects.Hash().Size() == sha256.Size {
		return "sha256"
	}
	return "sha1"
}

// linkIn returns the path that a file holds behind mark, seen from dir; "" when it
// holds none.
func linkIn(file, mark, dir string) string {
	text, err := atomicfile.Read(file)
	target, ok := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), mark)
	if err != nil || !ok || target == "" {
		return ""
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(dir, target)
	}
	return filepath.Clean(target)
}

// SameFile reports whether two paths lead to the same file or directory.
func SameFile(a, b string) bool {
	sa, err := os.Stat(a)
	if err != nil {
		return false
	}
	sb, err := os.Stat(b)
	return err == nil && os.SameFile(sa, sb)
}

// Getenv returns the value of name in env that the system would see.
func Getenv(env []string, name string) string {
	for _, kv := range slices.Backward(env) {
		if v, ok := strings.CutPrefix(kv, name); ok && strings.HasPrefix(v, "=") {
			return v[1:]
		}
	}
	return ""
}
