package hook

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/git-grite/git-grite/internal/git"
)

// ReadPush reads what git writes to the standard input of a pre-push hook, a line
// per ref:
//
//	<local ref> SP <local oid> SP <remote ref> SP <remote oid> LF
//
// The oid is all zeros for a ref that is deleted or does not exist yet. The
// local ref is what the user typed and may contain spaces, so that lines are
// split from the right. Nothing at all is written for dry runs and pushes that
// change nothing. The error quotes a line that is not of this form; the updates
// before it are returned all the same.
func ReadPush(in io.Reader) ([]git.PushUpdate, error) {
	var updates []git.PushUpdate
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		words := strings.Split(lines.Text(), " ")
		n := len(words)
		if n < 4 {
			return updates, fmt.Errorf("git's line %q has %d words instead of 4", lines.Text(), n)
		}
		for _, id := range []string{words[n-3], words[n-1]} {
			if len(id) != 40 && len(id) != 64 || strings.Trim(id, "0123456789abcdef") != "" {
				return updates, fmt.Errorf("git's line %q has %q in place of an object id", lines.Text(), id)
			}
		}
		updates = append(updates, git.PushUpdate{
			Local: git.RefName(strings.Join(words[:n-3], " ")), LocalOID: oid(words[n-3]),
			Remote: git.RefName(words[n-2]), RemoteOID: oid(words[n-1]),
		})
	}
	return updates, lines.Err()
}

// FrameworkPush is what the pre-commit framework tells one of its hooks of a
// push, through PRE_COMMIT_* variables and not on standard input (seen with
// 3.0.4): of one ref, the first that has something to push. args are those that
// git would give to the hook. Without a LocalOID it is all that Local has.
func FrameworkPush(getenv func(string) string) (u git.PushUpdate, args []string) {
	name, url := getenv("PRE_COMMIT_REMOTE_NAME"), getenv("PRE_COMMIT_REMOTE_URL")
	return git.PushUpdate{
		Local: git.RefName(getenv("PRE_COMMIT_LOCAL_BRANCH")), LocalOID: oid(getenv("PRE_COMMIT_TO_REF")),
		Remote: git.RefName(getenv("PRE_COMMIT_REMOTE_BRANCH")), RemoteOID: oid(getenv("PRE_COMMIT_FROM_REF")),
	}, []string{name, url}
}

// FrameworkPushes reports whether the pre-commit framework runs its hooks for a
// push. It runs those that name no stages in every stage.
func FrameworkPushes(getenv func(string) string) bool {
	return getenv("PRE_COMMIT") != "" && getenv("PRE_COMMIT_REMOTE_NAME") != ""
}

// oid maps an id of zeros, of either length, to none.
func oid(s string) git.OID {
	if strings.Trim(s, "0") == "" {
		return ""
	}
	return git.OID(s)
}
