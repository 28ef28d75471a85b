package clone

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// files names everything that git-grite keeps in a repository beside its refs:
// all of it is below grite/ in the directory that the refs are in, but for the actor that
// "actor use --worktree" chose, which is in the git directory of its work tree.
type files struct {
	dir     string // grite/ in the common git directory, or where the refs are
	private string // grite/ in the git directory of this work tree
}

func filesOf(repo *git.Repo) files {
	return files{dir: filepath.Join(repo.StateDir, "grite"), private: filepath.Join(repo.GitDir, "grite")}
}

// PushMemo is the file in which check remembers the last judgement of a push.
func (c *Clone) PushMemo() string { return c.files.pushed() }

// Faults is the file in which the hooks of coding agents say what went wrong.
func (c *Clone) Faults() string { return c.files.faults() }

// IssueIndex is the file that the tracker keeps its index of issues in.
func (c *Clone) IssueIndex() string { return c.files.issues() }

func (f files) issues() string              { return filepath.Join(f.dir, "issues") }             // the tracker's index
func (f files) journal() string             { return filepath.Join(f.dir, "log.jsonl") }          // and what was put aside of it
func (f files) keepLog() string             { return filepath.Join(f.dir, "keep.log") }           // what keepers did
func (f files) gitVersion() string          { return filepath.Join(f.dir, "git") }                // of the git that was tried last
func (f files) hinted() string              { return filepath.Join(f.dir, "hinted") }             // the missing hooks were told of
func (f files) pushed() string              { return filepath.Join(f.dir, "pushed") }             // check's memo of the last push
func (f files) silent() string              { return filepath.Join(f.dir, "silent") }             // when the arbiter did not answer a hook
func (f files) faults() string              { return filepath.Join(f.dir, "agent.log") }          // of the hooks of coding agents
func (f files) warned() string              { return filepath.Join(f.dir, "warned") }             // what hooks said about the settings
func (f files) actors() string              { return filepath.Join(f.dir, "actors") }             // config's, and refstore's grants below it
func (f files) untold(id lock.Owner) string { return filepath.Join(f.dir, "untold-"+id.Short()) } // losses are to be told
func (f files) worktree() string            { return filepath.Join(f.private, "actor") }          // chosen for this work tree

// Hinted reports whether the user was told that git does not run our hooks.
func (c *Clone) Hinted() bool {
	_, err := os.Lstat(c.files.hinted())
	return err == nil
}

// SetHinted remembers that. Failing to means that it is told again.
func (c *Clone) SetHinted() {
	if atomicfile.Mkdir(c.files.dir) == nil {
		_ = atomicfile.Write(c.files.hinted(), nil, 0o666)
	}
}

// NewWarnings are the warnings about the settings for a caller that must not
// repeat itself: none until they change.
func (c *Clone) NewWarnings() []config.Warning {
	var text strings.Builder
	for _, w := range c.Config.Warnings {
		text.WriteString(w.Message + "\n")
	}
	known, err := os.ReadFile(c.files.warned())
	switch {
	case text.String() == string(known):
		return nil
	case text.Len() == 0:
		_ = os.Remove(c.files.warned())
	case err == nil || os.MkdirAll(c.files.dir, 0o777) == nil:
		_ = atomicfile.Write(c.files.warned(), []byte(text.String()), 0o666) // failing means that it is told again
	}
	return c.Config.Warnings
}

// all lists the patterns of everything in dir, for deinit: the actors are left
// out, because each is removed by its own directory, and the file lock is last.
func (f files) all() []string {
	var paths []string
	for _, name := range []string{
		"config.toml", "clone.toml", // config's
		"log.jsonl", "log.jsonl.1", "git", "hinted", "pushed", "allowed_signers", "vouched", "silent", "warned", "untold-*", "agent.log",
		"issues*", "ISSUE_EDITMSG-*", // of the issues
		"keep.log", "keep.log.1", // keep's; what is kept is below the actors
		"records*", "mirror.*", "lock", // refstore's
	} {
		paths = append(paths, filepath.Join(f.dir, name))
	}
	return paths
}
