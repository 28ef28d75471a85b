package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestAgentNeverStops feeds the hook with what no agent should send, in
// surroundings where nothing works: silence and exit 0, for every host.
func TestAgentNeverStops(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/")
	configure(t, r, "lock_policy = \"require\"\n")
	good := event{name: "PreToolUse", session: sessionA, tool: "Edit", path: filepath.Join(r.Dir, "src/a.go"), cwd: r.Dir}.json()
	silentFor := func(what string, r *gittest.Repo, input string, args ...string) {
		t.Helper()
		res := r.Run(input, "git-grite", append([]string{"hook", "agent"}, args...)...)
		if res != (gittest.Result{}) {
			t.Errorf("%s: %+v", what, res)
		}
	}
	for what, input := range map[string]string{
		"nothing": "", "truncated": good[:len(good)-9], "no JSON": "src/a.go", "a list": "[1]", "null": "null",
		"huge":      `{"hook_event_name":"PreToolUse","tool_name":"Edit","tool_input":{"file_path":"` + strings.Repeat("x", 3<<20) + `"}}`,
		"deep":      strings.Repeat(`{"a":`, 100000) + "1" + strings.Repeat("}", 100000),
		"deep path": `{"hook_event_name":"PreToolUse","tool_name":"Edit","tool_input":{"file_path":"/` + strings.Repeat("x/", 200000) + `"}}`,
		"not UTF-8": "{\"hook_event_name\":\"PreToolUse\",\"session_id\":\"\xff\",\"tool_name\":\"Edit\",\"tool_input\":{\"file_path\":\"/\xff\xfe\"}}",
		"NUL":       `{"hook_event_name":"PreToolUse","tool_name":"Edit","tool_input":{"file_path":"/a\u0000b"}}`,
		"numbers":   `{"hook_event_name":1,"tool_name":2,"tool_input":3}`,
	} {
		for _, host := range []string{"claude", "codex", "copilot", "cursor", "gemini", "opencode", "devin"} {
			silentFor(what+" for "+host, r, input, host)
		}
	}
	silentFor("no host", r, good)
	silentFor("an unknown host", r, good, "emacs")
	silentFor("policy off", r.With("GRITE_LOCK_POLICY=off"), good, "claude")
	silentFor("no git", r.With("PATH=/nonexistent"), strings.ReplaceAll(good, r.Dir, t.TempDir()), "claude")
	dead := r.Copy()
	if err := os.WriteFile(filepath.Join(dead.Dir, ".git/grite/config.toml"), []byte("lock_policy = 7\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	// Broken settings count as "warn", and are written down.
	res := dead.Run(strings.ReplaceAll(good, r.Dir, dead.Dir), "git-grite", "hook", "agent", "claude")
	if res.Code != 0 || !strings.Contains(res.Stdout, "additionalContext") || strings.Contains(res.Stdout, "deny") {
		t.Errorf("broken settings: %+v", res)
	}
	if log, err := os.ReadFile(filepath.Join(dead.Dir, ".git/grite/agent.log")); err != nil || !strings.Contains(string(log), "lock_policy") || strings.Count(string(log), "\n") != 1 {
		t.Errorf("%v: %q", err, log)
	}
	// These still stop: what is missing is not needed to find a lock.
	for what, r := range map[string]*gittest.Repo{"no HOME": r.With("HOME=", "XDG_CONFIG_HOME="), "cmd.exe": r} {
		args := []string{"hook", "agent", "claude"}
		if what == "cmd.exe" {
			args = []string{"hook", "agent", "claude;", "exit", "0"}
		}
		if res := r.Run(good, "git-grite", args...); res.Code != 0 || !strings.Contains(res.Stdout, "deny") {
			t.Errorf("%s: %+v", what, res)
		}
	}
}

// TestAgentLogBounds keeps the file of faults small, and writes it through no
// link.
func TestAgentLogBounds(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/")
	configure(t, r, "lock_policy = 7\n")
	log := filepath.Join(r.Dir, ".git/grite/agent.log")
	if err := os.WriteFile(log, []byte(strings.Repeat("x", 1<<20)), 0o666); err != nil {
		t.Fatal(err)
	}
	edit := func() {
		hooked(t, r, event{name: "PreToolUse", session: sessionA, tool: "Edit", path: filepath.Join(r.Dir, "src/a.go")})
	}
	edit()
	if st, err := os.Stat(log); err != nil || st.Size() > 4096 {
		t.Errorf("%v, %v", st, err)
	}
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, log); err != nil {
		t.Fatal(err)
	}
	edit()
	if text, _ := os.ReadFile(target); len(text) > 0 {
		t.Errorf("written through a link: %s", text)
	}
}

// TestAgentRemotes judges by a view no older than max_age, and goes on by the
// last one when the remote hangs.
func TestAgentRemotes(t *testing.T) {
	t.Parallel()
	_, alice, bob := pair(t)
	configure(t, bob, "lock_policy = \"require\"\n[hook]\ncommit_timeout = \"500ms\"\n")
	grite(t, bob, "sync")
	allowed(t, edit(t, bob, sessionA, "", "src/a.go"))
	grite(t, alice, "lock", "acquire", "src/")
	allowed(t, edit(t, bob, sessionA, "", "src/a.go")) // the view is younger than a minute
	refused(t, edit(t, bob.With("GRITE_TEST_SHIFT=61s"), sessionA, "", "src/a.go"), "alice")

	grite(t, bob.With("CLAUDE_CODE_SESSION_ID="+sessionA), "lock", "acquire", "free/")
	bob.Git("remote", "set-url", "origin", silent(t))
	began := time.Now()
	allowed(t, edit(t, bob.With("GRITE_TEST_SHIFT=3m"), sessionA, "", "free/x"))
	hooked(t, bob.With("GRITE_TEST_SHIFT=3m"), event{name: "SessionEnd", session: sessionA})
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("a remote that hangs held up an edit for %v", took)
	}
}

// TestAgentLine runs the command line of a settings file as an agent's shell does,
// where there is no git-grite, and where it is killed.
func TestAgentLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bin := func(name, text string) string {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(at, 0o777); err != nil {
			t.Fatal(err)
		}
		if text != "" {
			if err := os.WriteFile(filepath.Join(at, "git-grite"), []byte(text), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		return at
	}
	r := guarded(t, "path:src/")
	for what, path := range map[string]string{
		"missing": bin("none", ""), "killed": bin("killed", "#!/bin/sh\nkill -9 $$\n"), "crashed": bin("crashed", "#!/bin/sh\nexit 2\n"),
	} {
		res := r.With("PATH="+path).Run("{}", "/bin/sh", "-c", "git-grite hook agent claude; exit 0")
		if res.Code != 0 || res.Stdout != "" {
			t.Errorf("%s: %+v", what, res)
		}
	}
}
