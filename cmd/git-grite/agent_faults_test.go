package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/agent"
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
	bob.UploadPack("exec sleep 600")
	traced, processes := bob.With("GRITE_TEST_SHIFT=3m").Trace(0)
	allowed(t, edit(t, traced, sessionA, "", "free/x"))
	if len(processes()) == 0 {
		t.Error("the remote was not asked")
	}
	for range 3 { // one edit waits for it, and not each
		refused(t, edit(t, traced, sessionA, "", "src/a.go"), "alice")
	}
	if again := processes(); len(again) > 0 {
		t.Errorf("a remote that hangs was asked again: %v", again)
	}
	bob.Git("remote", "set-url", "origin", silent(t))
	began := time.Now()
	allowed(t, edit(t, bob.With("GRITE_TEST_SHIFT=3m"), sessionA, "", "free/x"))
	hooked(t, bob.With("GRITE_TEST_SHIFT=3m"), event{name: "SessionEnd", session: sessionA})
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("a remote that hangs held up an edit for %v", took)
	}
}

// TestAgentDeadGit has git killed: when it fetches, an edit is judged by the last
// view, and when all of it dies nothing stops an edit.
func TestAgentDeadGit(t *testing.T) {
	t.Parallel()
	_, alice, bob := pair(t)
	configure(t, bob, "lock_policy = \"require\"\n")
	grite(t, alice, "lock", "acquire", "src/")
	grite(t, bob, "sync")
	half := bob.With(append(gittest.WrapGit(t, "is fetch && kill -9 $$"), "GRITE_TEST_SHIFT=5m")...)
	allowed(t, edit(t, half, sessionA, "", "free/x"))
	refused(t, edit(t, half, sessionA, "", "src/a.go"), "alice")
	dead := bob.With(append(gittest.WrapGit(t, "kill -9 $$"), "GRITE_TEST_SHIFT=5m")...)
	allowed(t, edit(t, dead, sessionA, "", "free/x"))
	for _, event := range []string{"SessionStart", "PostToolUse", "SubagentStop", "SessionEnd"} {
		if res := hookedBy(t, dead, event); res.Code != 0 || res.Stderr != "" {
			t.Errorf("%s: %+v", event, res)
		}
	}
	bob.Git("config", "core.repositoryFormatVersion", "1")
	bob.Git("config", "extensions.unheardOf", "1") // now only git could tell
	if res := hookedBy(t, dead, "PreToolUse"); res != (gittest.Result{}) {
		t.Errorf("%+v", res)
	}
}

// hookedBy sends an event about src/a.go.
func hookedBy(t *testing.T, r *gittest.Repo, name string) gittest.Result {
	t.Helper()
	return hooked(t, r, event{name: name, session: sessionA, tool: "Edit", path: filepath.Join(r.Dir, "src/a.go")})
}

// TestAgentPaths has paths that mean something else than what they look like.
func TestAgentPaths(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/")
	configure(t, r, "lock_policy = \"require\"\n")
	r.Write("deep/er/x", "x")
	if err := os.Symlink("deep/er", filepath.Join(r.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	grite(t, r.With("GRITE_ACTOR=alice"), "lock", "acquire", "deep/y")
	at := func(rest string) string { return r.Dir + "/" + rest }
	refused(t, edit(t, r, sessionA, "", at("free/../src/a.go")), "src/a.go")
	refused(t, edit(t, r, sessionA, "", at("link/../y")), "deep/y")          // what the system makes of it
	refused(t, edit(t, r, sessionA, "", at("link/../src/a.go")), "src/a.go") // and who tidies it first
	refused(t, edit(t, r, sessionA, "", at(strings.Repeat("./", 4000)+"src/a.go")), "src/a.go")
	refused(t, edit(t, r, sessionA, "", at(strings.Repeat("x/../", 2000)+"src/a.go")), "src/a.go")
	refused(t, edit(t, r, sessionA, "", at("src//a.go")), "src/a.go")
	refused(t, edit(t, r, sessionA, "", at("src/"+strings.Repeat("x/", 1500)+"x")), "path:src/")
	allowed(t, edit(t, r, sessionA, "", at("src/"+strings.Repeat("x/", 3000)+"x"))) // no system call takes it
	if err := os.WriteFile(at("src/"+strings.Repeat("x/", 3000)+"x"), nil, 0o666); err == nil || !strings.Contains(err.Error(), "name too long") {
		t.Errorf("this system takes it: %v", err)
	}
}

// TestAgentLine runs the very command lines of each agent's settings files as a
// shell does, where there is no git-grite, where it is killed, and where it crashes.
func TestAgentLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bin := func(name, text string) string {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(at, 0o777); err != nil {
			t.Fatal(err)
		}
		if text != "" {
			gittest.Executable(t, filepath.Join(at, "git-grite"), text)
		}
		return at
	}
	paths := map[string]string{"missing": bin("none", ""), "killed": bin("killed", "#!/bin/sh\nkill -9 $$\n"), "crashed": bin("crashed", "#!/bin/sh\nexit 2\n")}
	for _, h := range agent.Hosts() {
		r := guarded(t, "path:src/")
		grite(t, r, "hooks", "install", "--agent", h.Name)
		for _, file := range h.Files(false) {
			lines := ourLines(t, filepath.Join(r.Dir, filepath.FromSlash(file.Path)))
			if len(lines) == 0 && h.Name != "opencode" { // whose plugin is tried by TestOpenCodePlugin
				t.Errorf("%s: no line of ours in %s", h.Name, file.Path)
			}
			bare := h.Name == "devin" // which knows no other refusal than exit 2, and takes all else for consent
			for _, line := range lines {
				for what, path := range paths {
					res := r.With("PATH="+path).Run("{}", "/bin/sh", "-c", line)
					if res.Stdout != "" || res.Code != 0 && !bare || res.Code == 2 && what != "crashed" {
						t.Errorf("%s: %s: %s: %+v", h.Name, line, what, res)
					}
				}
			}
			for _, how := range []string{"panic", "fatal", "abort", "fault", "kill"} { // the real one
				if len(lines) == 0 || !bare && how != "panic" {
					break
				}
				edit := string(file.Sample(r.Dir, filepath.Join(r.Dir, "src/a.go")))
				res := r.With("GRITE_TEST_CRASH="+how).Run(edit, "/bin/sh", "-c", lines[0])
				if crashed := how == "kill" || strings.Contains(res.Stderr, "goroutine "); !crashed || res.Stdout != "" || res.Code != 0 && !bare || res.Code == 2 {
					t.Errorf("%s: %s: %s: %+v", h.Name, lines[0], how, res)
				}
			}
		}
	}
}

// ourLines finds the command lines of ours in a settings file.
func ourLines(t *testing.T, file string) (lines []string) {
	t.Helper()
	var settings any
	if json.Unmarshal([]byte(readFile(t, file)), &settings) != nil {
		return nil // a plugin
	}
	var find func(any)
	find = func(v any) {
		switch v := v.(type) {
		case string:
			if strings.Contains(v, "git-grite hook agent") {
				lines = append(lines, v)
			}
		case map[string]any:
			for name, member := range v {
				if name != "commandWindows" { // for cmd.exe
					find(member)
				}
			}
		case []any:
			for _, member := range v {
				find(member)
			}
		}
	}
	find(settings)
	return lines
}
