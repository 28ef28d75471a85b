package hook

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/git-grite/git-grite/internal/git"
)

// ReadPush reads what git tells a pre-push hook on its standard input, a line
// per ref:
//
//	<local ref> SP <local oid> SP <remote ref> SP <remote oid> LF
//
// The oid is all zeros for a ref that is deleted or does not exist yet. The
// local ref is what the user typed and may contain spaces, so that lines are
// split from the right. Nothing at all is written for dry runs and pushes that
// change nothing.
func ReadPush(in io.Reader) ([]git.PushUpdate, error) {
	var updates []git.PushUpdate
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		words := strings.Split(lines.Text(), " ")
		n := len(words)
		if n < 4 {
			return updates, fmt.Errorf("git's line %q has %d words instead of 4", lines.Text(), n)
		}
		updates = append(updates, git.PushUpdate{
			Local: git.RefName(strings.Join(words[:n-3], " ")), LocalOID: oid(words[n-3]),
			Remote: git.RefName(words[n-2]), RemoteOID: oid(words[n-1]),
		})
	}
	return updates, lines.Err()
}

// oid maps an id of zeros, of either length, to none.
func oid(s string) git.OID {
	if strings.Trim(s, "0") == "" {
		return ""
	}
	return git.OID(s)
}
