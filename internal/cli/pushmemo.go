package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/git"
)

// memoTTL is how long a judgement of a push holds for the push to the next URL
// of the same remote.
const memoTTL = 5 * time.Minute

// pushMemo is what came of judging a push to a remote with several push URLs.
// Git runs pre-push once for each of them (git 2.39), from the same process;
// whoever pushes is to be told once. The nil memo neither reads nor writes.
type pushMemo struct {
	path string
	now  func() time.Time

	Key         string `json:"key"` // of the pushing process, the remote, and what is pushed where
	Stopped     bool   `json:"stopped"`
	UntilUnixMS int64  `json:"until_unix_ms"`
}

// pushMemo is nil for a push to a URL and to a remote that has only one.
func (s *session) pushMemo(ctx context.Context, remote string, updates []git.PushUpdate) *pushMemo {
	remotes, err := s.repo.Remotes(ctx)
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
	return &pushMemo{path: filepath.Join(s.dir, "pushed"), now: s.env.Now,
		Key: fmt.Sprintf("%d %s", os.Getppid(), hex.EncodeToString(sum.Sum(nil)))}
}

// read returns what was written for the same push, if anything was.
func (m *pushMemo) read() (seen pushMemo, ok bool) {
	if m == nil {
		return seen, false
	}
	text, err := os.ReadFile(m.path)
	if err != nil || json.Unmarshal(text, &seen) != nil {
		return seen, false
	}
	left := time.UnixMilli(seen.UntilUnixMS).Sub(m.now())
	return seen, seen.Key == m.Key && left > 0 && left <= memoTTL
}

// write remembers the judgement. Failing to costs a second message.
func (m *pushMemo) write(stopped bool) {
	if m == nil {
		return
	}
	m.Stopped, m.UntilUnixMS = stopped, m.now().Add(memoTTL).UnixMilli()
	if text, err := json.Marshal(m); err == nil {
		_ = os.WriteFile(m.path, text, 0o666)
	}
}
