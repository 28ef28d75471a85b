package check

import (
	"context"
	"fmt"
	"strings"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/git"
)

// Commits are all commits that To has and From has not.
type Commits struct{ From, To string }

// ParseCommits reads A..B, of which either may be left out for HEAD. A...B is
// read as "git diff" and pull requests do, what B did since it left A, which
// comes to the same commits.
func ParseCommits(s string) (Commits, error) {
	from, to, ok := strings.Cut(s, "..")
	rng := Commits{from, strings.TrimPrefix(to, ".")}
	switch {
	case !ok || from == "" && rng.To == "":
		return rng, fmt.Errorf("%q is not a range of commits; write A..B", s)
	case strings.HasPrefix(from, "-") || strings.HasPrefix(rng.To, "-"):
		return rng, fmt.Errorf("no commit has a name like an option: %q", s)
	case strings.ContainsAny(s, "\n\x00") || strings.Contains(rng.To, "..") || strings.HasPrefix(from, "^") || strings.HasPrefix(rng.To, "^"):
		return rng, fmt.Errorf("%q is not a range between two commits", s)
	}
	if rng.From == "" {
		rng.From = "HEAD"
	}
	if rng.To == "" {
		rng.To = "HEAD"
	}
	return rng, nil
}

// BlindError is a range that nobody can check, because the locks are not known.
type BlindError struct {
	Remote string // the arbiter, "" where the clone has none
	Err    error  // why it could not be asked
}

func (e *BlindError) Error() string {
	switch {
	case e.Remote == "":
		return "this clone has no remote that keeps locks, so that there is nothing to check against"
	case e.Err == nil:
		return fmt.Sprintf("the locks of remote %q are not known here: it was never asked", e.Remote)
	}
	return fmt.Sprintf("the locks of remote %q are not known here: %v", e.Remote, e.Err)
}

func (e *BlindError) Unwrap() error { return e.Err }

// Range judges the commits of a range as those of a push. A gap in the history
// is an error here, *git.RevisionError, and so are locks that are not known,
// *BlindError: a job that checks nothing must not look like one that found
// nothing.
func Range(ctx context.Context, c *clone.Clone, rng Commits, o Options, ask clone.Ask) (Verdict, error) {
	j, err := begin(ctx, c, o, ask)
	if err != nil {
		return j.Verdict, err
	}
	if j.View.Remote == "" || j.View.AsOf.IsZero() {
		return j.Verdict, &BlindError{Remote: j.View.Remote, Err: j.View.Unreachable}
	}
	commits, more, err := c.Repo.RangeCommits(ctx, rng.From, rng.To, maxCommits)
	if err != nil {
		return j.Verdict, err
	}
	if edge := cut(commits); len(edge) > 0 {
		return j.Verdict, &git.RevisionError{Revision: string(edge[0].OID), Shallow: true, Cut: true}
	}
	if more {
		j.Gaps = append(j.Gaps, fmt.Errorf("the range has more than %d commits; the newest %[1]d are checked", maxCommits))
	}
	j.Looked = len(commits)
	err = j.judgeCommits(ctx, commits, []git.PushUpdate{{Remote: "refs/heads/HEAD", RemoteOID: git.OID(rng.From), LocalOID: git.OID(rng.To)}})
	return j.Verdict, err
}
