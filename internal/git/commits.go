package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// PushUpdate is one line of what git tells a pre-push hook: the new value of a
// remote ref, and its old one as the remote advertised it. An empty OID stands
// for all zeros: a ref to be deleted, or that does not exist yet.
type PushUpdate struct {
	Local, Remote       RefName
	LocalOID, RemoteOID OID
}

// ProjectRef reports whether a remote ref takes commits of the project: branches
// and tags, and where review servers take proposals (Gerrit's refs/for). What
// others hold, such as notes, bugs or our own locks, has no paths of the project.
func ProjectRef(name RefName) bool {
	for _, place := range []string{"heads", "tags", "for", "drafts", "publish", "changes", "pull", "merge-requests"} {
		if strings.HasPrefix(string(name), "refs/"+place+"/") {
			return true
		}
	}
	return false
}

// Commit is a commit with more than what its id tells.
type Commit struct {
	OID   OID
	Merge bool
	// Cut marks a commit at the edge of a shallow clone: its parents are not
	// here, so that nobody can tell what it changes.
	Cut     bool
	Dropped bool // a branch had it, and a forced push takes it from it
}

// Published is what is known to be published already.
type Published struct {
	Remotes []string // whose tracking branches have it; none means those of all remotes
	// Tips are objects that a remote has, from [Remote.Heads]: tracking branches
	// may be missing (a bare clone, another refspec), or there may be none for a URL.
	Tips []OID
	Only bool // only the tips count, no tracking branches
}

const maxForced = 100 // branches whose dropped commits are listed: each takes arguments

// PushedCommits lists the commits that a push would publish, and those that branches
// lose by it and no other ref of what is published has, newest first, at most most of
// them; more reports that there are others.
func (r *Repo) PushedCommits(ctx context.Context, updates []PushUpdate, published Published, most int) (commits []Commit, more bool, err error) {
	var tips bytes.Buffer // thousands of refs do not fit into arguments
	var own []string
	for _, u := range updates {
		if u.LocalOID == "" {
			continue
		}
		fmt.Fprintf(&tips, "%s\n", u.LocalOID)
		branch, isBranch := strings.CutPrefix(string(u.Remote), "refs/heads/")
		switch at := append(published.Remotes, "")[0]; {
		case u.RemoteOID == "":
		case !isBranch || at == "" && !published.Only || len(updates) > maxForced:
			fmt.Fprintf(&tips, "^%s\n", u.RemoteOID)
		default: // the left side is what is dropped; a line with an unknown old value is ignored
			fmt.Fprintf(&tips, "%s...%s\nrefs/remotes/%s/%s...%[2]s\n", u.RemoteOID, u.LocalOID, at, branch)
			own = append(own, "--exclude="+literalGlob(at+"/"+branch), "--exclude="+literalGlob(at)+"/HEAD")
		}
	}
	tips.Write(lines("^", published.Tips))
	// After a forced push of others the old value may be unknown here, which is
	// --ignore-missing, and nobody is to be asked for it, which is --missing: a
	// partial clone would fetch it (git 2.39).
	args := append([]string{"--ignore-missing", "--missing=allow-any", "--stdin", "--not"}, own...)
	if len(published.Remotes) == 0 && !published.Only {
		args = append(args, "--remotes")
	}
	for _, name := range published.Remotes {
		args = append(args, "--remotes="+literalGlob(name)+"/*")
	}
	return r.listCommits(ctx, tips.Bytes(), most, args...)
}

// lines has a line for each of oids, which prefix begins.
func lines(prefix string, oids []OID) (text []byte) {
	for _, oid := range oids {
		text = fmt.Appendf(text, "%s%s\n", prefix, oid)
	}
	return text
}

// OutgoingPaths lists what a push of sources would change on a remote, as far as
// its tracking branches say, and whether that is all of it: at most most commits
// are looked at. Every file counts as changed by those at the edge of a shallow
// clone. A source is a revision, a pattern of refs with * in it, or ":" for all
// branches. The error is *Error for one that names nothing.
func (r *Repo) OutgoingPaths(ctx context.Context, sources []string, remote string, most int) (paths map[string]bool, all bool, err error) {
	args := []string{"log", "-c", "--root", "--format=%x00%x00%x00%H", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-show-signature", "--no-notes",
		"--no-relative", "--ignore-submodules=none", "-O/dev/null", "--max-count=" + strconv.Itoa(most+1), "--not", "--remotes=" + literalGlob(remote) + "/*", "--not"}
	var revisions []string
	for _, source := range sources {
		switch {
		case source == ":":
			args = append(args, "--branches")
		case strings.Contains(source, "*"):
			args = append(args, "--glob="+source)
		default:
			revisions = append(revisions, source)
		}
	}
	out, err := r.run(ctx, command{args: slices.Concat(args, []string{"--end-of-options"}, revisions, []string{"--"}), detached: true})
	if err != nil {
		return nil, false, err
	}
	// Three NULs announce an id. Behind it and a NUL are its paths, each with a NUL,
	// the first behind a line feed or, in merges, one more NUL. No path is empty.
	paths = map[string]bool{}
	commits, empty, first := 0, 0, false
	for item := range strings.SplitSeq(string(out), "\x00") {
		switch {
		case item == "":
			empty++
			continue
		case empty >= 3:
			commits, first = commits+1, true
		case first && empty == 0:
			paths[strings.TrimPrefix(item, "\n")], first = true, false
		default:
			paths[item], first = true, false
		}
		empty = 0
	}
	return paths, commits <= most, nil
}

// literalGlob makes a pattern that matches name and nothing else.
func literalGlob(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

// RevisionError is a name that names no commit of this clone, or commits that
// cannot be judged because the history of the clone was cut off there.
type RevisionError struct {
	Revision string
	Shallow  bool // the clone is shallow
	Cut      bool // it is there, but its parents are not
}

func (e *RevisionError) Error() string {
	if e.Cut {
		return fmt.Sprintf("what commit %s changes is not known here: this shallow clone does not have its parents", e.Revision)
	}
	return fmt.Sprintf("%s has no commit %q", map[bool]string{false: "this clone", true: "this shallow clone"}[e.Shallow], e.Revision)
}

// RangeCommits lists the commits that to has and from has not. It returns
// *RevisionError.
func (r *Repo) RangeCommits(ctx context.Context, from, to string, most int) (commits []Commit, more bool, err error) {
	commits, more, err = r.listCommits(ctx, nil, most, to+"^{commit}", "^"+from+"^{commit}")
	var failed *Error
	if errors.As(err, &failed) && failed.ExitCode == 128 {
		for _, name := range []string{from, to} {
			if _, err := r.CommitOf(ctx, name); No(err) {
				return nil, false, &RevisionError{Revision: name, Shallow: len(r.shallow()) > 0}
			}
		}
	}
	return commits, more, err
}

func (r *Repo) listCommits(ctx context.Context, stdin []byte, most int, args ...string) (commits []Commit, more bool, err error) {
	args = append([]string{"rev-list", "--parents", "--left-right", "--max-count=" + strconv.Itoa(most+1)}, args...)
	out, err := r.run(ctx, command{args: append(args, "--"), stdin: stdin, detached: true})
	if err != nil {
		return nil, false, err
	}
	edge := r.shallow()
	for line := range strings.Lines(string(out)) {
		ids := strings.Fields(line[1:])
		if len(commits) == most {
			return commits, true, nil
		}
		commits = append(commits, Commit{OID: OID(ids[0]), Merge: len(ids) > 2, Cut: edge[OID(ids[0])], Dropped: line[0] == '<'})
	}
	return commits, false, nil
}

// shallow returns the commits whose parents a shallow clone does not have.
func (r *Repo) shallow() map[OID]bool {
	text, err := os.ReadFile(filepath.Join(r.CommonDir, "shallow"))
	if err != nil {
		return nil
	}
	edge := map[OID]bool{}
	for id := range strings.FieldsSeq(string(text)) {
		edge[OID(id)] = true
	}
	return edge
}

// ChangedPaths calls see for each path that each commit changes against its
// parent or, in merges, against all of its parents. Those at the edge of a
// shallow clone are left out: every file would look added. What it has seen
// before ctx ends is valid; the error says that it is not all. No contents of
// files are needed for it.
func (r *Repo) ChangedPaths(ctx context.Context, commits []Commit, see func(c Commit, path string)) error {
	var in bytes.Buffer
	known := make(map[string]Commit, len(commits))
	for _, c := range commits {
		if !c.Cut {
			in.WriteString(string(c.OID) + "\n")
			known[string(c.OID)] = c
		}
	}
	if len(known) == 0 {
		return nil
	}
	out, err := r.run(ctx, command{stdin: in.Bytes(), detached: true, args: []string{"diff-tree", "--stdin", "-r", "-c", "--root",
		"--name-status", "-z", "--no-renames", "--ignore-submodules=none"}})
	// Each commit with changes is its id, and then a status in capitals and a
	// path for each. Names alone would be ambiguous: a file may be called like a
	// commit. What a git that was stopped wrote may end in the middle.
	var at Commit
	items := strings.Split(string(out), "\x00")
	for items = items[:len(items)-1]; len(items) > 0; {
		if c, ok := known[items[0]]; ok {
			at, items = c, items[1:]
			continue
		}
		if len(items) > 1 {
			see(at, items[1])
		}
		items = items[min(2, len(items)):]
	}
	return err
}

// MergeEdits returns the paths in which a merge commit differs from what git
// would have merged by itself (git 2.35); those are its author's own edits. For
// an older git, and for a merge of more than two heads, of which git 2.39 lists
// nothing and says so in a warning only, it returns an error. It is the one
// question here for which a partial clone may have to fetch contents: those that
// both sides changed.
func (r *Repo) MergeEdits(ctx context.Context, merge OID) ([]string, error) {
	out, err := r.run(ctx, command{detached: true, args: []string{"log", "-1", "--remerge-diff", "--format=%P", "--name-only", "-z", "--no-renames",
		"--no-ext-diff", "--no-show-signature", "--no-notes", "--no-relative", "--ignore-submodules=none", "-O/dev/null", string(merge), "--"}})
	if err != nil {
		return nil, err
	}
	parents, rest, _ := strings.Cut(string(out), "\x00")
	if n := len(strings.Fields(parents)); n != 2 {
		return nil, fmt.Errorf("git cannot merge the %d parents of %s again", n, merge)
	}
	return splitZ([]byte(strings.TrimPrefix(rest, "\n"))), nil
}

// Undone returns those of the paths that concern the caller which a branch has
// otherwise after its move from old to next although none of the commits that it gets
// changes them: a merge among commits kept another version than the branch's own
// ("merge -s ours") or, where old was not merged, a commit that is dropped changed
// them. There are none where old is not here, or where the two are more than most
// commits apart.
func (r *Repo) Undone(ctx context.Context, old, next OID, commits []Commit, most int, concern func(paths []string) ([]string, error)) (paths []string, err error) {
	if old == "" || !slices.ContainsFunc(commits, func(c Commit) bool { return c.Merge || c.Dropped }) {
		return nil, nil
	}
	out, err := r.run(ctx, command{detached: true, args: []string{"diff-tree", "-r", "--name-only", "-z", "--no-renames", "--ignore-submodules=none", string(old), string(next), "--"}})
	if err == nil {
		paths, err = concern(splitZ(out))
	} else if _, there := r.CommitOf(ctx, string(old)); No(there) {
		return nil, nil
	}
	if err != nil || len(paths) == 0 {
		return nil, err
	}
	sides, more, err := r.listCommits(ctx, nil, most, string(old)+"..."+string(next))
	if err != nil || more {
		return nil, err
	}
	forced := slices.ContainsFunc(sides, func(c Commit) bool { return c.Dropped })
	gone, gets, loses := map[Commit]bool{}, map[string]bool{}, map[string]bool{}
	for _, c := range commits {
		gone[c] = c.Dropped
	}
	err = r.ChangedPaths(ctx, sides, func(c Commit, path string) {
		gets[path] = gets[path] || !c.Dropped
		loses[path] = loses[path] || gone[c]
	})
	return slices.DeleteFunc(paths, func(path string) bool { return gets[path] || forced && !loses[path] }), err
}
