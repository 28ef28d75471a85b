package check

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// Unmatched is a resource that covers nothing here. Its holder may have misspelt
// it, or be about to create what it names.
type Unmatched struct {
	Resource  lock.Resource
	Submodule string // that it lies in, "" for none
	Trimmed   string // what is there under the name without blanks around it, or ""
}

// UnmatchedPaths lists those of the resources that cover no path that is tracked,
// staged or present, and those that lie in a submodule, whose files are another
// repository's. absent are the plain paths that are known not to be there.
func UnmatchedPaths(ctx context.Context, c *clone.Clone, resources, absent []lock.Resource) (out []Unmatched, err error) {
	var files [2][]string // of the index, and of the work tree beside it
	covers := func(r lock.Resource) (bool, error) {
		for i := range files {
			if files[i] == nil {
				if files[i], err = c.Repo.Files(ctx, i == 1); err != nil {
					return false, err
				}
			}
			if slices.ContainsFunc(files[i], func(file string) bool { return r.Covers(file, false) }) {
				return true, nil
			}
		}
		return false, nil
	}
	for _, r := range resources {
		if r.Namespace() != lock.Path || c.Repo.WorkTree == "" {
			continue
		}
		u := Unmatched{Resource: r}
		if u.Submodule, err = c.Repo.Submodule(ctx, r.Name()); err != nil {
			return out, err
		}
		missing := slices.ContainsFunc(absent, r.SameAs)
		if missing && strings.ContainsAny(r.Name(), `*?[{\`) {
			found, err := covers(r)
			if err != nil {
				return out, err
			}
			missing = !found
		}
		if trimmed := trimBlanks(r.Name()); missing && trimmed != r.Name() {
			if there, _, err := c.Repo.Find(ctx, trimmed); err == nil && there {
				u.Trimmed = trimmed
			}
		}
		if missing || u.Submodule != "" {
			out = append(out, u)
		}
	}
	return out, nil
}

// trimBlanks is a path without blanks around its parts.
func trimBlanks(name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return path.Clean(strings.Join(parts, "/"))
}

// Unpushed is a lock that was given up although commits change what it covered
// and are not on the arbiter yet.
type Unpushed struct {
	Lock    lock.Lock
	Remote  string
	Commits int // how many of them
}

// UnpushedCommits looks at the commits of HEAD that no tracking branch of the
// arbiter has, and lists those of the locks that cover a path of one.
func UnpushedCommits(ctx context.Context, c *clone.Clone, locks []lock.Lock) ([]Unpushed, error) {
	arbiter, err := c.Arbiter(ctx)
	if err != nil || arbiter == nil || !slices.ContainsFunc(locks, coversPaths) {
		return nil, err
	}
	head, err := headCommit(ctx, c.Repo)
	if err != nil || head == "" {
		return nil, err
	}
	tracking, err := c.Repo.Refs(ctx, "refs/remotes/"+arbiter.Name())
	if err != nil || slices.ContainsFunc(tracking, func(r git.Ref) bool { return r.OID == head }) {
		return nil, err
	}
	updates := []git.PushUpdate{{LocalOID: head, Local: "HEAD", Remote: "refs/heads/HEAD"}}
	commits, _, err := c.Repo.PushedCommits(ctx, updates, git.Published{Remotes: []string{arbiter.Name()}}, maxCommits)
	if err != nil {
		return nil, err
	}
	changing := make([]map[git.OID]bool, len(locks))
	err = c.Repo.ChangedPaths(ctx, commits, func(commit git.Commit, path string) {
		for i, l := range locks {
			if coversPaths(l) && (l.Resource.Namespace() == lock.Repo || l.Resource.Covers(path, false)) {
				if changing[i] == nil {
					changing[i] = map[git.OID]bool{}
				}
				changing[i][commit.OID] = true
			}
		}
	})
	var out []Unpushed
	for i, l := range locks {
		if n := len(changing[i]); n > 0 {
			out = append(out, Unpushed{Lock: l, Remote: arbiter.Name(), Commits: n})
		}
	}
	return out, err
}

// headCommit is the commit of HEAD, "" where nothing was committed yet. A branch is read as
// a ref, which takes no git process where refs are files.
func headCommit(ctx context.Context, repo *git.Repo) (git.OID, error) {
	branch, err := repo.HeadRef(ctx)
	if err == nil && strings.HasPrefix(string(branch), "refs/heads/") {
		refs, err := repo.Refs(ctx, string(branch))
		if at := slices.IndexFunc(refs, func(r git.Ref) bool { return r.Name == branch }); at >= 0 {
			return refs[at].OID, err
		}
		return "", err
	}
	commit, err := repo.CommitOf(ctx, "HEAD")
	if git.No(err) {
		err = nil
	}
	return commit, err
}

func coversPaths(l lock.Lock) bool { return l.Resource.Namespace() != lock.Issue }
