package git

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The empty trees of both object formats. Git knows them without having them.
const (
	emptyTreeSHA1   = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
	emptyTreeSHA256 = "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
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
	if tree == "HEAD" && errors.As(err, &failed) && failed.ExitCode == 128 && r.unborn(ctx) {
		empty := emptyTreeSHA1
		if r.config.value["extensions.objectformat"] == "sha256" {
			empty = emptyTreeSHA256
		}
		out, err = diff(empty)
	}
	return splitZ(out), err
}

// unborn tells whether HEAD names a branch without commits.
func (r *Repo) unborn(ctx context.Context) bool {
	_, err := r.read(ctx, "rev-parse", "--verify", "--quiet", "HEAD")
	return err != nil
}

// PushUpdate is one line of what git tells a pre-push hook: the new value of a
// remote ref, and its old one as the remote advertised it. An empty OID stands
// for all zeros: a ref to be deleted, or that does not exist yet.
type PushUpdate struct {
	Local, Remote       RefName
	LocalOID, RemoteOID OID
}

// Commit is a commit with more than what its id tells.
type Commit struct {
	OID   OID
	Merge bool
}

// PushedCommits lists the commits that a push would publish, newest first, at
// most most of them; more tells that there are others. remote is the name of
// the remote, "" for a push to a URL. Commits that a remote-tracking branch has
// already are not among them.
func (r *Repo) PushedCommits(ctx context.Context, updates []PushUpdate, remote string, most int) (commits []Commit, more bool, err error) {
	args := []string{"rev-list", "--parents", "--ignore-missing", "--max-count=" + strconv.Itoa(most+1)}
	for _, u := range updates {
		if u.LocalOID != "" {
			args = append(args, string(u.LocalOID))
		}
	}
	args = append(args, "--not")
	if remote == "" {
		args = append(args, "--remotes")
	} else {
		args = append(args, "--remotes="+remote)
	}
	for _, u := range updates {
		if u.RemoteOID != "" { // after a forced push of others it may be unknown here: --ignore-missing
			args = append(args, string(u.RemoteOID))
		}
	}
	out, err := r.read(ctx, append(args, "--")...)
	if err != nil {
		return nil, false, err
	}
	for line := range strings.Lines(string(out)) {
		ids := strings.Fields(line)
		if len(commits) == most {
			return commits, true, nil
		}
		commits = append(commits, Commit{OID: OID(ids[0]), Merge: len(ids) > 2})
	}
	return commits, false, nil
}

// ChangedPaths calls see for each path that each commit changes against its
// parent or, in merges, against all of its parents. What it has seen before ctx
// ends is valid; the error tells that it is not all.
func (r *Repo) ChangedPaths(ctx context.Context, commits []Commit, see func(c Commit, path string)) error {
	var in bytes.Buffer
	for _, c := range commits {
		in.WriteString(string(c.OID) + "\n")
	}
	out, err := r.run(ctx, command{stdin: in.Bytes(), args: []string{"diff-tree", "--stdin", "-r", "-c", "--root",
		"--name-only", "-z", "--no-renames", "--ignore-submodules=none"}})
	// Each commit with changes is its id and then its paths. Commits come in the
	// order they went in, and no path is the id of a commit that contains it.
	next := 0
	var at Commit
	for _, item := range splitZ(out) {
		if i := slices.IndexFunc(commits[next:], func(c Commit) bool { return string(c.OID) == item }); i >= 0 {
			at, next = commits[next+i], next+i+1
			continue
		}
		see(at, item)
	}
	return err
}

// MergeEdits returns the paths in which a merge commit differs from what git
// would have merged by itself (git 2.35); those are its author's own edits. For
// an older git it returns an error.
func (r *Repo) MergeEdits(ctx context.Context, merge OID) ([]string, error) {
	out, err := r.read(ctx, "log", "-1", "--remerge-diff", "--format=", "--name-only", "-z", "--no-renames",
		"--no-ext-diff", "--no-show-signature", "--no-notes", "--no-relative", "--ignore-submodules=none", "-O/dev/null", string(merge), "--")
	return splitZ(out), err
}

// IgnoreCase tells whether core.ignorecase is set.
func (r *Repo) IgnoreCase(ctx context.Context) bool {
	if !r.mentions("ignorecase") {
		return false
	}
	out, err := r.read(ctx, "config", "--type=bool", "--get", "core.ignorecase")
	return err == nil && strings.TrimSpace(string(out)) == "true"
}

// splitZ takes -z output apart.
func splitZ(out []byte) []string {
	text := strings.Trim(string(out), "\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\x00")
}
