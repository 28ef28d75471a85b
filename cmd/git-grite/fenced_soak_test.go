//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// refLog is a server that writes down each transaction of its refs: when it has
// locked them, in which order transactions on the same ref are certain to be
// made, and what became of it.
type refLog struct {
	*gittest.Repo
	t    *testing.T
	path string
}

func newRefLog(t *testing.T) *refLog {
	t.Helper()
	l := &refLog{gittest.NewRemote(t), t, filepath.Join(t.TempDir(), "log")}
	l.Seed(map[string]string{"counter": "0\n"})
	l.Hook("reference-transaction", `text=$(sed "s/^/$PPID $1 /"); [ -z "$text" ] || printf '%s\n%s\n' "$text" "$PPID $1 end end end" >>'`+l.path+`'`)
	return l
}

// clone is the ith clone, whose actor and author have one name.
func (l *refLog) clone(i int) *gittest.Repo {
	c := l.Clone(l.t, l.Dir, "-b", "main")
	name := fmt.Sprint("worker-", i)
	c.Git("config", "user.name", name)
	grite(l.t, c, "init", "--label", name)
	configure(l.t, c, "[lock]\nclock_skew = \"0s\"\n")
	return c.With("GIT_AUTHOR_NAME="+name, "GIT_COMMITTER_NAME="+name)
}

// violations replays the log, and returns the commits that came to main while the
// lock on counter was not their author's, and how many came at all.
func (l *refLog) violations() (wrong []string, landed int) {
	l.t.Helper()
	text, err := os.ReadFile(l.path)
	if err != nil {
		l.t.Fatal(err)
	}
	type update struct{ old, new string }
	type transaction struct {
		refs map[string]update
		done bool
	}
	var order []*transaction
	open, gathering := map[string]*transaction{}, map[string]*transaction{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line) // pid, state, old, new, ref
		pid := words[0]
		if words[1] != "prepared" {
			if words[4] == "end" && open[pid] != nil {
				open[pid].done = words[1] == "committed"
				open[pid] = nil
			}
			continue
		}
		if gathering[pid] == nil {
			gathering[pid] = &transaction{refs: map[string]update{}}
		}
		if words[4] != "end" {
			gathering[pid].refs[words[4]] = update{words[2], words[3]}
			continue
		}
		open[pid], order = gathering[pid], append(order, gathering[pid])
		delete(gathering, pid)
	}
	ref := gittest.LockRef("path:counter")
	at := ""
	holder := func(oid string) string {
		var r struct {
			Label   string
			Expires int64 `json:"expires_unix_ms"`
		}
		if strings.Trim(oid, "0") == "" {
			return "nobody"
		}
		if err := json.Unmarshal([]byte(l.Git("show", oid+":lock.json")), &r); err != nil {
			l.t.Fatal(err)
		}
		if r.Expires == 0 {
			return "nobody"
		}
		return r.Label
	}
	for _, tx := range order {
		if !tx.done {
			continue
		}
		if u, moves := tx.refs["refs/heads/main"]; moves {
			landed++
			author, had := l.Git("log", "-1", "--format=%an", u.new), holder(at)
			if author != had {
				wrong = append(wrong, fmt.Sprintf("%s of %s while %s held the lock", u.new[:8], author, had))
			}
		}
		if u, moves := tx.refs[ref]; moves {
			at = u.new
		}
	}
	return wrong, landed
}

// TestFencedSoak: many clones change one file, each under its lock, which others
// break and take over when it has ended. Each commit that lands does so under the
// lock that its author holds at that moment.
func TestFencedSoak(t *testing.T) {
	t.Parallel()
	workers, rounds := 3, 5
	if os.Getenv("GRITE_TEST_FULL") == "1" {
		workers, rounds = 8, 50
	}
	l := newRefLog(t)
	clones := make([]*gittest.Repo, workers)
	for i := range clones {
		clones[i] = l.clone(i)
	}
	lost, lock := map[int]int{}, sync.Mutex{}
	var all sync.WaitGroup
	for i, c := range clones {
		rng := rand.New(rand.NewPCG(uint64(i), 7))
		other := clones[(i+1)%workers]
		all.Go(func() {
			for round := range rounds {
				ttl, fate := "30s", rng.IntN(4)
				if fate == 0 {
					ttl = "1s"
				}
				if c.Run("", "git-grite", "lock", "acquire", "-q", "-r", "path:counter", "--ttl", ttl, "--wait", "1m").Code != 0 {
					continue
				}
				c.Git("fetch", "-q", "origin", "main")
				c.Git("reset", "-q", "--hard", "FETCH_HEAD")
				c.Write("counter", fmt.Sprintln(i, round))
				c.Git("commit", "-q", "--no-verify", "-am", "round")
				switch fate {
				case 0:
					time.Sleep(time.Duration(rng.IntN(1500)) * time.Millisecond)
				case 1:
					var r record
					if res := l.Run("", "git", "show", gittest.LockRef("path:counter")+":lock.json"); res.Code == 0 && json.Unmarshal([]byte(res.Stdout), &r) == nil {
						other.Run("", "git-grite", "lock", "break", "-q", "-r", "path:counter", "--nonce", r.Nonce, "--reason", "why")
					}
				}
				res := c.Run("", "git-grite", "push", "--release", "--", "-q", "--no-verify", "origin", "HEAD:main")
				lock.Lock()
				lost[res.Code]++
				lock.Unlock()
				if res.Code != 0 && res.Code != 6 && res.Code != 1 && res.Code != 3 {
					t.Errorf("a fenced push ends with %d: %s", res.Code, res.Stderr)
				}
				if res.Code != 0 {
					c.Run("", "git-grite", "lock", "release", "-q", "--mine")
				}
			}
		})
	}
	all.Wait()
	wrong, landed := l.violations()
	if len(wrong) > 0 || landed != lost[0] || landed == 0 {
		t.Errorf("%d landed, exit codes %v, wrong are %q", landed, lost, wrong)
	}
	t.Logf("%d landed, exit codes %v", landed, lost)
}

// TestFencedControl: without the fence the same checker finds a commit that came
// under somebody else's lock, and with it none came.
func TestFencedControl(t *testing.T) {
	for fenced, want := range map[bool]int{true: 0, false: 1} {
		t.Run(fmt.Sprint("fenced ", fenced), func(t *testing.T) {
			t.Parallel()
			l := newRefLog(t)
			a, b := l.clone(0), l.clone(1)
			grite(t, a, "lock", "acquire", "-r", "path:counter")
			a.Write("counter", "1\n")
			a.Git("commit", "-q", "--no-verify", "-am", "one")
			grite(t, b, "lock", "break", "-r", "path:counter", "--nonce", recordOn(t, l.Repo, "path:counter").Nonce, "--reason", "why")
			grite(t, b, "lock", "acquire", "-r", "path:counter")
			if fenced {
				a.Run("", "git-grite", "push", "--", "-q", "--no-verify", "origin", "HEAD:main")
			} else {
				a.Git("push", "-q", "--no-verify", "origin", "HEAD:main")
			}
			if wrong, landed := l.violations(); len(wrong) != want || landed != want {
				t.Errorf("%d landed, %q", landed, wrong)
			}
		})
	}
}
