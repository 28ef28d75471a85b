package git

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/git-grite/git-grite/internal/atomicfile"
)

// minimum is the oldest git that works: 2.31 brought rev-parse --path-format.
var minimum = [2]int{2, 31}

// VersionError is a git that is too old, or whose version cannot be read.
type VersionError struct{ Found string }

func (e *VersionError) Error() string {
	return fmt.Sprintf("git %d.%d or newer is needed; on PATH is %q", minimum[0], minimum[1], e.Found)
}

// CheckVersion asks git for its version. It returns *VersionError when that is
// below 2.31, and ErrNoGit.
func (r *Repo) CheckVersion(ctx context.Context) error {
	found, err := r.Version(ctx)
	if err != nil {
		return err
	}
	if !recent(found) {
		return &VersionError{Found: found}
	}
	return nil
}

// Version returns what git says of itself, such as "2.39.5".
func (r *Repo) Version(ctx context.Context) (string, error) {
	out, err := r.run(ctx, command{args: []string{"version"}, dir: "/"}) // in no repository, whose settings may be damaged
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "git version "), nil
}

// CheckVersionOnce is CheckVersion with a memory: memo is a file that remembers
// which git program was found new enough, by its size and time, so that the
// question costs a git process only once per program. Its path is no part of it:
// below "git grite" another name of the same program is the first on PATH.
func (r *Repo) CheckVersionOnce(ctx context.Context, memo string) error {
	path, err := exec.LookPath("git")
	if err != nil {
		return ErrNoGit
	}
	stamp := ""
	if st, err := os.Stat(path); err == nil {
		stamp = fmt.Sprintf("%d %d\n", st.Size(), st.ModTime().UnixNano())
	}
	if seen, err := atomicfile.Read(memo); err == nil && stamp != "" && string(seen) == stamp {
		return nil
	}
	if err := r.CheckVersion(ctx); err != nil {
		return err
	}
	r.checked = stamp
	r.RememberVersion(memo)
	return nil
}

// RememberVersion writes the memo of CheckVersionOnce once its directory
// exists; until then nothing is remembered. What stands at its name is replaced,
// never written through.
func (r *Repo) RememberVersion(memo string) {
	if r.checked != "" && atomicfile.Write(memo, []byte(r.checked), 0o644) == nil {
		r.checked = ""
	}
}

func recent(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return false
	}
	minor, err := strconv.Atoi(parts[1])
	if err != nil {
		return false
	}
	return major > minimum[0] || major == minimum[0] && minor >= minimum[1]
}
