package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestAgentSessionGone marks the locks of a session whose process has ended, and
// gives them up from another shell.
func TestAgentSessionGone(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	session := r.Start("sleep", "600")
	a := r.With("CLAUDE_CODE_SESSION_ID="+sessionA, fmt.Sprintf("CLAUDE_PID=%d", session.Pid()))
	grite(t, a, "lock", "acquire", "src/")
	grite(t, a, "lock", "acquire", "one/", "--actor", "claude:"+sessionA+"/agent-one@reviewer")
	grite(t, a, "lock", "acquire", "two/", "--actor", "claude:"+sessionB) // whose process that is not
	try(t, r, "lock", "status").exits(0, "path:src/").lacks("has ended")
	session.Kill()
	res := try(t, r, "lock", "status").exits(0,
		"note: the session claude/3f2a9c1d has ended on this machine: git grite lock release --mine --actor claude/3f2a9c1d gives up its locks",
		"note: the session claude/3f2a9c1d/reviewer-gent-one has ended")
	if n := strings.Count(res.Stdout, "session has ended"); n != 2 {
		t.Errorf("%d are marked: %s", n, res.Stdout)
	}
	try(t, r, "lock", "status", "src/", "--json").exits(0, `"session_gone":true`)
	try(t, a, "lock", "status", "src/", "--json").exits(0).lacks("session_gone") // the one that asks is there
	try(t, r.With("GRITE_TEST_HOST=elsewhere"), "lock", "status").exits(0).lacks("has ended")

	// Resumed, it is another process.
	resumed := r.Start("sleep", "600")
	hooked(t, a.With(fmt.Sprintf("CLAUDE_PID=%d", resumed.Pid())), event{name: "SessionStart", session: sessionA})
	try(t, r, "lock", "status", "src/").exits(0, "path:src/").lacks("has ended")
	resumed.Kill()

	try(t, r, "lock", "release", "--mine", "--actor", "claude/3f2a9c1d").exits(0, "path:src/").lacks("path:one/")
	try(t, r, "lock", "release", "--mine", "--actor", "claude/3f2a9c1d/rev").exits(0, "path:one/")
	try(t, r, "lock", "status").exits(0, "path:two/").lacks("path:src/", "path:one/", "has ended")
}
