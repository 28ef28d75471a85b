package check

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/git"
)

// memoTTL is how long a judgement of a push holds for the push to the next URL
// of the same remote.
const memoTTL = 5 * time.Minute

// pushMemo is what came of judging a push to a remote with several push URLs.
// Git runs pre-push once for each of them (git 2.39), from the same process, and
// what one run said need not be said again. The nil memo neither reads nor
// writes.
type pushMemo struct {
	c           *clone.Clone
	Key         string `json:"key"` // of the pushing process, the remote, and what is pushed where
	Stopped     bool   `json:"stopped"`
	UntilUnixMS int64  `json:"until_unix_ms"`
}

// newPushMemo is nil for a push to a URL and to a remote that has only one.
func newPushMemo(ctx context.Context, c *clone.Clone, process int, remote string, updates []git.PushUpdate) *pushMemo {
	remotes, err := c.Repo.Remotes(ctx)
	at := slices.IndexFunc(remotes, func(r git.RemoteConfig) bool { return r.Name == remote })
	if err != nil || at < 0 {
		return nil
	}
	urls := remotes[at].PushURLs
	if len(urls) == 0 {
		urls = remotes[at].URLs
	}
	if len(urls) < 2 {
		return nil
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n", remote)
	for _, u := range updates {
		fmt.Fprintf(sum, "%s %s\n", u.LocalOID, u.Remote)
	}
	return &pushMemo{c: c, Key: fmt.Sprintf("%d %s", process, hex.EncodeToString(sum.Sum(nil)))}
}

// read returns what was written for the same push, if anything was.
func (m *pushMemo) read() (stopped, ok bool) {
	if m == nil {
		return false, false
	}
	text, err := os.ReadFile(m.c.PushMemo())
	if err != nil {
		return false, false
	}
	return recall(text, m.Key, m.c.Now())
}

// recall returns what a memo says of a push, if it is about that push and holds.
func recall(text []byte, key string, now time.Time) (stopped, ok bool) {
	var seen pushMemo
	if json.Unmarshal(text, &seen) != nil {
		return false, false
	}
	left := time.UnixMilli(seen.UntilUnixMS).Sub(now)
	return seen.Stopped, seen.Key == key && left > 0 && left <= memoTTL
}

// write remembers the judgement. Failing to costs a second message.
func (m *pushMemo) write(stopped bool) {
	if m == nil {
		return
	}
	m.Stopped, m.UntilUnixMS = stopped, m.c.Now().Add(memoTTL).UnixMilli()
	if text, err := json.Marshal(m); err == nil {
		_ = atomicfile.Write(m.c.PushMemo(), text, 0o666)
	}
}
