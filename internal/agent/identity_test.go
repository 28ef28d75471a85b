package agent

import (
	"strings"
	"testing"
)

func TestLabels(t *testing.T) {
	for want, id := range map[string]Identity{
		"claude/3f2a9c1d":            {Host: "claude", Session: "3f2a9c1d-5b0e-4d1c-9a77-1f6f0c2b8e44"},
		"claude/3f2a9c1d/reviewer-2": {Host: "claude", Session: "3f2a9c1d-5b0e-4d1c-9a77-1f6f0c2b8e44", Agent: "2", AgentType: "reviewer"},
		"claude/3f2a9c1d/a7be0d11":   {Host: "claude", Session: "3f2a9c1d-5b0e-4d1c-9a77-1f6f0c2b8e44", Agent: "a7be0d11"},
		"codex/f2966840":             {Host: "codex", Session: "019f0634-3175-7702-b55c-e256f2966840"},
		"opencode/x9TnVb12":          {Host: "opencode", Session: "ses_6f1c2ab3dffe7Qm4Zk2Lx9TnVb12"},
		"gemini/x":                   {Host: "gemini", Session: "x"},
		"cursor/":                    {Host: "cursor", Session: "é/\x1b"},
		"claude/12345678/a.b_c-" + "xxxxxxxxxxxxxxxxxx" + "-1": {Host: "claude", Session: "12345678", Agent: "1", AgentType: "a.b/_c-" + strings.Repeat("x", 40)},
	} {
		if got := id.Label(); got != want {
			t.Errorf("%+v: %q, not %q", id, got, want)
		}
	}
}

func TestIdentityStrings(t *testing.T) {
	base := Event{Host: "claude", Session: "s"}
	id, ok := base.Identity()
	if !ok || id.String() != "claude:s" {
		t.Errorf("%q %v", id, ok)
	}
	shell, ok := FromEnvironment(func(name string) string { return map[string]string{"CLAUDE_CODE_SESSION_ID": "s"}[name] })
	if !ok || shell.String() != id.String() || shell.Label() != id.Label() {
		t.Errorf("the shell of the session is %q", shell)
	}
	seen := map[string]bool{}
	for _, e := range []Event{base, {Host: "codex", Session: "s"}, {Host: "claude", Session: "t"}, {Host: "claude", Session: "s", Agent: "1"}, {Host: "claude", Session: "s", Agent: "2"}} {
		id, _ := e.Identity()
		if seen[id.String()] {
			t.Errorf("%q twice", id)
		}
		seen[id.String()] = true
	}
	renamed, _ := Event{Host: "claude", Session: "s", Agent: "1", AgentType: "reviewer"}.Identity()
	if !seen[renamed.String()] {
		t.Error("the name of its kind makes a subagent another one")
	}
	for _, e := range []Event{{}, {Host: "claude"}, {Session: "s"}} {
		if id, ok := e.Identity(); ok {
			t.Errorf("%+v is %q", e, id)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	for _, c := range []struct{ env, want string }{
		{"", ""}, {"GRITE_ACTOR=x", ""}, {"CODEX_THREAD_ID=", ""},
		{"CODEX_THREAD_ID=a", "codex:a"}, {"GEMINI_SESSION_ID=a", "gemini:a"}, {"OPENCODE_SESSION_ID=a", "opencode:a"},
		{"COPILOT_AGENT_SESSION_ID=a", "copilot:a"}, {"CLAUDE_CODE_SESSION_ID=a", "claude:a"},
		{"CLAUDE_CODE_SESSION_ID=a CODEX_THREAD_ID=b", "codex:b"}, // Codex, run by Claude Code
	} {
		env := map[string]string{}
		for _, v := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(v, "=")
			env[name] = value
		}
		id, ok := FromEnvironment(func(name string) string { return env[name] })
		if ok != (c.want != "") || ok && id.String() != c.want {
			t.Errorf("%q: %q %v", c.env, id, ok)
		}
	}
}

func TestSameSession(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"claude/3f2a", "claude/3f2a", true}, {"claude/3f2a", "claude/3f2a/reviewer-2", true}, {"claude/3f2a/a-1", "claude/3f2a/b-2", true},
		{"claude/3f2a/a-1", "claude/3f2a", true}, {"claude/3f2a", "claude/3f2ab", false}, {"claude/3f2a", "codex/3f2a", false},
		{"alice", "alice", false}, {"team/alice", "team/alice", false}, {"claude/", "claude/", false}, {"", "", false},
	} {
		if got := SameSession(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}
