package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestAgentsMD: two agents in one clone, told of locks by nothing but the AGENTS.md
// that init writes, don't get the same lock; and one that runs each command in a
// shell of its own can lock, commit, push and release.
func TestAgentsMD(t *testing.T) {
	t.Parallel()
	for name, as := range map[string]func(r *gittest.Repo, agent string) (*gittest.Repo, string){
		// A session that git-grite knows by itself.
		"sessions": func(r *gittest.Repo, agent string) (*gittest.Repo, string) {
			return r.With("CLAUDE_CODE_SESSION_ID=0a1b2c3d-0000-4000-8000-" + fmt.Sprintf("%012x", agent)), ""
		},
		// One without: the page tells it to put a name before each command.
		"names": func(r *gittest.Repo, agent string) (*gittest.Repo, string) { return r, "GRITE_ACTOR=" + agent + " " },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote, alice, _ := pair(t)
			alice.Write("src/api/x", "")
			alice.Git("add", ".")
			alice.Git("commit", "-q", "-m", "api")
			alice.Git("push", "-q", "origin", "main")
			configure(t, alice, "lock_policy = \"require\"\n")
			grite(t, alice, "init", "--agents-md")
			page := readFile(t, alice.Dir+"/AGENTS.md")
			if !strings.Contains(readFile(t, "../../docs/agents.md"), between(page, "<!-- git-grite: begin -->\n", "<!-- git-grite: end -->")) {
				t.Errorf("docs/agents.md has another AGENTS.md than\n%s", page)
			}
			if !strings.Contains(page, "`GRITE_ACTOR=NAME`") || !strings.Contains(page, "`Chosen by: session`") {
				t.Errorf("the page says nothing of names: %s", page)
			}
			block := fenced.FindStringSubmatch(page)
			if block == nil {
				t.Fatalf("no commands in %s", page)
			}
			lines := strings.Split(strings.TrimSpace(block[1]), "\n")
			if len(lines) != 3 {
				t.Fatalf("these are other commands: %q", lines)
			}
			// Each line in a shell of its own, as an agent's tool runs it.
			act := func(agent, line string) outcome {
				r, before := as(alice, agent)
				return came(t, agent+": "+line, r.Run("", "sh", "-c", before+line))
			}
			acquire, renew, release := lines[0], lines[1], lines[2]
			if chosen := act("first", "git grite actor current"); strings.Contains(chosen.Stdout, "Chosen by: session") != (name == "sessions") {
				t.Errorf("this agent would not know whether it has a name: %s%s", chosen.Stdout, chosen.Stderr)
			}
			act("first", acquire).exits(0, `"already_held":false`)
			act("second", acquire).exits(4, `"code":"conflict"`)
			act("first", acquire).exits(0, `"already_held":true`)
			act("first", renew).exits(0, "Lock renewed")
			act("second", renew).exits(3)
			alice.Write("src/api/x", "changed\n")
			act("second", "git commit -qam second").stopped("src/api/x")
			act("first", "git commit -qam first").silent()
			act("first", "git push -q origin main").silent()
			act("second", release).exits(0, "Nothing to release")
			act("first", release).exits(0, "Lock released")
			act("second", acquire).exits(0, `"already_held":false`)
			if n := strings.Count(remote.Git("for-each-ref", "refs/grite/locks"), "\n") + 1; n != 1 {
				t.Errorf("%d locks on the remote", n)
			}
		})
	}
}

// between is the part of a text between two others.
func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}
