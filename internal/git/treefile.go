package git

import (
	"context"
	"strconv"
	"strings"
)

// FileIn reads the file at a path of a commit, as long as it is a regular file of
// at most limit bytes; nil where there is none of that kind, or no such commit.
func (r *Repo) FileIn(ctx context.Context, commit, path string, limit int) ([]byte, error) {
	out, err := r.read(ctx, "--literal-pathspecs", "ls-tree", "-z", "--full-tree", "--long", "--end-of-options", commit, "--", path)
	if err != nil {
		if _, there := r.CommitOf(ctx, commit); No(there) {
			err = nil
		}
		return nil, err
	}
	// <mode> SP <type> SP <object> SP <size> TAB <path>
	about, _, _ := strings.Cut(string(out), "\t")
	fields := strings.Fields(about)
	if len(fields) != 4 || fields[0] != "100644" && fields[0] != "100755" {
		return nil, nil
	}
	if size, err := strconv.Atoi(fields[3]); err != nil || size > limit {
		return nil, nil
	}
	return r.read(ctx, "cat-file", "blob", fields[2])
}
