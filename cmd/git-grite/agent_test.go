package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// event is what Claude Code sends for one of its events.
type event struct {
	name, session, agent, tool, path, cwd string
}

func (e event) json() string {
	fields := map[string]any{"session_id": e.session, "cwd": e.cwd, "hook_event_name": e.name}
	if e.agent != "" {
		fields["agent_id"], fields["agent_type"] = e.agent, "reviewer"
	}
	if e.tool != "" {
		fields["tool_name"], fields["tool_input"] = e.tool, map[string]any{"file_path": e.path}
	}
	text, _ := json.Marshal(fields)
	return string(text)
}

const (
	sessionA = "3f2a9c1d-5b0e-4d1c-9a77-1f6f0c2b8e44"
	sessionB = "b7c01e55-0d2f-4a52-8a8e-5d1f7e2c9a10"
)

// hooked sends an event to our hook, which ends with 0 in any case.
func hooked(t *testing.T, r *gittest.Repo, e event) gittest.Result {
	t.Helper()
	if e.cwd == "" {
		e.cwd = r.Dir
	}
	res := r.Run(e.json(), "git-grite", "hook", "agent", "claude")
	if res.Code != 0 || res.Stderr != "" {
		t.Errorf("%s: exit %d, %q", e.name, res.Code, res.Stderr)
	}
	return res
}

// edit asks our hook for an edit of a path and returns why it is refused, "" when
// it is not.
func edit(t *testing.T, r *gittest.Repo, session, agent, path string) string {
	t.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.Dir, path)
	}
	res := hooked(t, r, event{name: "PreToolUse", session: session, agent: agent, tool: "Edit", path: path})
	if res.Stdout == "" {
		return ""
	}
	var answer struct {
		H struct {
			Decision string `json:"permissionDecision"`
			Reason   string `json:"permissionDecisionReason"`
		} `json:"hookSpecificOutput"`
	}
	if err := json.Unmarshal([]byte(res.Stdout), &answer); err != nil || answer.H.Decision != "deny" {
		t.Errorf("%s: %v: %s", path, err, res.Stdout)
	}
	return answer.H.Reason
}

// refused and allowed say what has to come of an edit.
func refused(t *testing.T, reason string, words ...string) {
	t.Helper()
	for _, w := range append(words, "git-grite: ") {
		if !strings.Contains(reason, w) {
			t.Errorf("%q is not in the refusal %q", w, reason)
		}
	}
}

func allowed(t *testing.T, reason string) {
	t.Helper()
	if reason != "" {
		t.Errorf("refused: %s", reason)
	}
}

// said finds our text in an answer.
func said(v any) string {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "git-grite: ") {
			return v
		}
	case map[string]any:
		for _, member := range v {
			if s := said(member); s != "" {
				return s
			}
		}
	}
	return ""
}

// quoted is a text within JSON, as our answers write it.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)
	return strings.Trim(strings.TrimSpace(b.String()), `"`)
}

// The texts in the files of answers in internal/agent/testdata.
const (
	sampleReason  = `src/auth.go is locked by alice (cd056288) for 25m: "rework <login> & tests". Wait for it: git grite lock acquire -r path:src/auth.go --wait 30m`
	sampleContext = `You hold path:docs/ for 4m. "alice" waits for it.`
)

// TestAgentFixtures sends what each agent sends to the program, in a repository
// all of which alice has locked, and compares every byte of the answer.
func TestAgentFixtures(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:**")
	base := filepath.Join("..", "..", "internal", "agent", "testdata")
	inputs, _ := filepath.Glob(filepath.Join(base, "*", "*.in.json"))
	if len(inputs) < 80 {
		t.Fatalf("%d inputs", len(inputs))
	}
	read := func(name string) string { text, _ := os.ReadFile(name); return string(text) }
	for _, in := range inputs {
		name := strings.TrimSuffix(in, ".in.json")
		host := filepath.Base(filepath.Dir(in))
		var meaning struct {
			Kind  string
			Paths []string
			Exit  int
		}
		if err := json.Unmarshal([]byte(read(name+".event.json")), &meaning); err != nil {
			t.Fatal(err)
		}
		here := func(s string) string { return strings.ReplaceAll(s, "/home/dev/app", r.Dir) }
		inside := false
		for _, p := range meaning.Paths {
			inside = inside || strings.HasPrefix(p, "/home/dev/app/")
		}
		for policy, file := range map[string]string{"require": ".out.json", "warn": ".warn.json", "off": ""} {
			res := r.With("GRITE_LOCK_POLICY="+policy).Run(here(read(in)), "git-grite", "hook", "agent", host)
			if meaning.Kind != "pre-edit" {
				if res.Code != 0 || res.Stderr != "" || meaning.Kind == "unknown" && res.Stdout != "" {
					t.Errorf("%s, %s: %+v", name, policy, res)
				}
				continue
			}
			if !inside {
				if res != (gittest.Result{}) {
					t.Errorf("%s, %s: outside of the repository: %+v", name, policy, res)
				}
				continue
			}
			want, sample, text := "", sampleReason, ""
			if file != "" {
				want = read(name + file)
			}
			if policy == "warn" {
				sample = sampleContext
			}
			if want != "" {
				var answer any
				if err := json.Unmarshal([]byte(res.Stdout), &answer); err != nil {
					t.Errorf("%s, %s: %v: %+v", name, policy, err, res)
				}
				if text = said(answer); !strings.Contains(text, "alice") || !strings.Contains(text, filepath.Base(meaning.Paths[0])) {
					t.Errorf("%s, %s: %q", name, policy, text)
				}
				want = strings.ReplaceAll(want, quoted(sample), quoted(text))
			}
			exit := 0
			if policy == "require" {
				exit = meaning.Exit
			}
			if res.Stdout != want || res.Code != exit || (res.Stderr != "") != (exit != 0) {
				t.Errorf("%s, %s:\n%q\n%q\n%d %s", name, policy, res.Stdout, want, res.Code, res.Stderr)
			}
		}
	}
}

// TestAgentFilesOfTwo has a project with the settings of Claude Code and of Copilot
// CLI, which runs the lines of both: one answer, twice.
func TestAgentFilesOfTwo(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/")
	configure(t, r, "lock_policy = \"require\"\n")
	grite(t, r, "hooks", "install", "--agent", "claude")
	grite(t, r, "hooks", "install", "--agent", "copilot")
	fields := map[string]any{"hook_event_name": "PreToolUse", "session_id": sessionA, "timestamp": "2026-06-26T18:00:44.330Z", "cwd": r.Dir,
		"tool_name": "Edit", "tool_input": map[string]any{"path": filepath.Join(r.Dir, "src/a.go"), "old_str": "1", "new_str": "2"}}
	for _, policy := range []string{"require", "warn", "off"} {
		in, _ := json.Marshal(fields)
		answers := map[string]bool{}
		for _, file := range []string{".claude/settings.json", ".github/hooks/git-grite.json"} {
			res := r.With("GRITE_LOCK_POLICY="+policy).Run(string(in), "sh", "-c", ourLines(t, filepath.Join(r.Dir, file))[0])
			if res.Code != 0 || res.Stderr != "" || strings.Contains(res.Stdout, `"permissionDecision":"deny"`) != (policy == "require") {
				t.Errorf("%s, %s: %+v", file, policy, res)
			}
			answers[res.Stdout] = true
		}
		if len(answers) != 1 {
			t.Errorf("%s: %v", policy, answers)
		}
	}
	if log, err := os.ReadFile(filepath.Join(r.Dir, ".git/grite/agent.log")); err == nil {
		t.Errorf("%s", log)
	}
}

func TestAgentEdits(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/**")
	configure(t, r, "lock_policy = \"require\"\n")
	other := guarded(t, "path:free/x")
	never := gittest.New(t)
	tree := r.Worktree("tree")
	alice := r.With("GRITE_ACTOR=alice")
	grite(t, alice, "lock", "acquire", "docs/", "lib/*.go")
	symlink := func(to, at string) {
		if err := os.Symlink(to, filepath.Join(r.Dir, at)); err != nil {
			t.Fatal(err)
		}
	}
	symlink("src", "linked")
	symlink("src/a.go", "alias.go")
	r.Write("free/dir/x", "x")

	refused(t, edit(t, r, sessionA, "", "src/a.go"), "src/a.go", "alice", "rework", "git grite lock acquire -r path:src/a.go --wait 1")
	refused(t, edit(t, r, sessionA, "", "docs/new/deep/file.md"), "docs/new/deep/file.md", "path:docs/")
	refused(t, edit(t, r, sessionA, "", "lib/x.go"), "path:lib/*.go")
	refused(t, edit(t, r, sessionA, "", "linked/a.go"), "src/a.go")
	refused(t, edit(t, r, sessionA, "", "linked/nothing/yet"), "src/nothing/yet")
	refused(t, edit(t, r, sessionA, "", "alias.go"), "src/a.go")
	refused(t, edit(t, tree, sessionA, "", "src/a.go"), "src/a.go")
	// From elsewhere, and as git ties its hooks to a repository.
	refused(t, edit(t, r.At(t.TempDir()), sessionA, "", filepath.Join(r.Dir, "src/a.go")), "git -C "+r.Dir+" grite lock acquire")
	refused(t, edit(t, r.With("GIT_DIR="+filepath.Join(never.Dir, ".git")), sessionA, "", "src/a.go"), "src/a.go")

	for _, path := range []string{"free/x", "lib/x.rs", "README", ".git/config", "../outside", "/etc/hosts", filepath.Join(never.Dir, "src/a.go"), "free/dir/new"} {
		allowed(t, edit(t, r, sessionA, "", path))
	}
	allowed(t, edit(t, r, sessionA, "", filepath.Join(other.Dir, "src/a.go"))) // that one is judged by its own locks
	configure(t, other, "lock_policy = \"require\"\n")
	refused(t, edit(t, r, sessionA, "", filepath.Join(other.Dir, "free/x")), "free/x")
	allowed(t, edit(t, alice, sessionA, "", "src/a.go"))

	// Nobody of these held a lock, so that nothing is written of them.
	if dirs, _ := os.ReadDir(filepath.Join(r.Dir, ".git/grite/actors")); len(dirs) != 2 {
		t.Errorf("%v", dirs)
	}
}

func TestAgentLockable(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/theirs.psd")
	configure(t, r, "lock_policy = \"require\"\nlockable = [\"*.psd\"]\n")
	refused(t, edit(t, r, sessionA, "", "art/x.psd"), "to be locked before it is changed: art/x.psd", "git grite lock acquire -r path:art/x.psd")
	refused(t, edit(t, r, sessionA, "agent-1", "art/x.psd"), "--actor claude:"+sessionA+"/agent-1@reviewer")
	configure(t, r, "[agent]\nacquire = true\n")
	allowed(t, edit(t, r, sessionA, "", "art/x.psd"))
	refused(t, edit(t, r, sessionB, "", "art/x.psd"), "claude/3f2a9c1d", "edited by an agent")
	refused(t, edit(t, r, sessionA, "", "src/theirs.psd"), "alice")
	try(t, r, "lock", "status").exits(0, "path:art/x.psd", "claude/3f2a9c1d").lacks("b7c01e55")
}

// TestAgentActors has two sessions in one clone, one of them with two subagents:
// four actors without any set-up.
func TestAgentActors(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	configure(t, r, "lock_policy = \"require\"\n")
	a, b := r.With("CLAUDE_CODE_SESSION_ID="+sessionA), r.With("CLAUDE_CODE_SESSION_ID="+sessionB)
	start := hooked(t, r, event{name: "SubagentStart", session: sessionA, agent: "agent-one"})
	if !strings.Contains(start.Stdout, "claude/3f2a9c1d/reviewer-gent-one") || !strings.Contains(start.Stdout, "--actor claude:"+sessionA+"/agent-one@reviewer") {
		t.Errorf("%s", start.Stdout)
	}
	one, two := "claude:"+sessionA+"/agent-one@reviewer", "claude:"+sessionA+"/agent-two@reviewer"
	grite(t, a, "lock", "acquire", "src/a.go", "--reason", "mine")
	grite(t, a, "lock", "acquire", "one/", "--actor", one)
	grite(t, a, "lock", "acquire", "two/", "--actor", two)
	grite(t, b, "lock", "acquire", "b/")
	try(t, b, "lock", "status").exits(0, "claude/3f2a9c1d/reviewer-gent-one", "claude/3f2a9c1d/reviewer-gent-two", "claude/b7c01e55")
	try(t, b, "lock", "acquire", "src/a.go").exits(4, "claude/3f2a9c1d", "mine")
	try(t, a, "lock", "acquire", "two/x").exits(4, "claude/3f2a9c1d/reviewer-gent-two")

	for _, tt := range []struct{ session, agent, path, holder string }{
		{sessionA, "", "src/a.go", ""}, {sessionA, "agent-one", "one/x", ""}, {sessionA, "agent-two", "two/x", ""}, {sessionB, "", "b/x", ""},
		{sessionB, "", "src/a.go", "claude/3f2a9c1d"}, {sessionA, "", "b/x", "claude/b7c01e55"},
		{sessionA, "agent-two", "one/x", "another name: --actor claude/3f2a9c1d/reviewer-gent-one"},
		{sessionA, "", "one/x", "another name: --actor claude/3f2a9c1d/reviewer-gent-one"},
		{sessionA, "agent-one", "src/a.go", "another name: --actor claude/3f2a9c1d"},
	} {
		if reason := edit(t, r, tt.session, tt.agent, tt.path); tt.holder == "" {
			allowed(t, reason)
		} else {
			refused(t, reason, tt.holder)
		}
	}

	// Resumed and compacted it is the same session, forked another one.
	for source, session := range map[string]string{"resume": sessionA, "compact": sessionA, "fork": sessionB} {
		res := hooked(t, r, event{name: "SessionStart", session: session})
		if held := strings.Contains(res.Stdout, "path:src/a.go is held by you"); held != (session == sessionA) {
			t.Errorf("%s: %s", source, res.Stdout)
		}
	}

	// The agent's shell commits what the session holds, and is told whose name it
	// needs for what a subagent holds.
	a.Write("src/a.go", "changed\n")
	git(t, a, "commit", "-qam", "x").silent()
	a.Write("one/x", "new\n")
	a.Git("add", ".")
	git(t, a, "commit", "-qm", "x").stopped("one/x", "--actor claude/3f2a9c1d/reviewer-gent-one")
	git(t, a.With("GRITE_ACTOR="+one), "commit", "-qm", "x").silent()

	// A person's choice goes first, in hooks too.
	refused(t, edit(t, r.With("GRITE_ACTOR=claude/b7c01e55"), sessionA, "", "src/a.go"), "claude/3f2a9c1d")

	// A dead session's locks, from another shell.
	try(t, r, "lock", "release", "--mine", "--actor", "claude/3f2a9c1d/reviewer-gent-t").exits(0, "path:two/")
	hooked(t, r, event{name: "SubagentStop", session: sessionA, agent: "agent-one"})
	try(t, r, "lock", "status").exits(0, "path:src/a.go", "path:b/").lacks("path:one/", "path:two/")
	hooked(t, r, event{name: "SubagentStop", session: sessionA}) // not the session itself
	try(t, r, "lock", "status").exits(0, "path:src/a.go")
	grite(t, a, "lock", "acquire", "two/", "--actor", two)
	hooked(t, r, event{name: "SessionEnd", session: sessionA})
	try(t, r, "lock", "status").exits(0, "path:b/").lacks("path:src/a.go", "path:two/")
}

// TestAgentIdentityOff has all sessions act as the clone's actor.
func TestAgentIdentityOff(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	configure(t, r, "lock_policy = \"require\"\n[agent]\nidentity = \"off\"\n")
	grite(t, r, "lock", "acquire", "src/")
	allowed(t, edit(t, r, sessionA, "", "src/a.go"))
	try(t, r.With("CLAUDE_CODE_SESSION_ID="+sessionB), "lock", "release", "--mine").exits(0, "path:src/")
	hooked(t, r, event{name: "SessionEnd", session: sessionA})
}

// TestAgentShell follows what a session writes for its shell, and a session that
// is started from it.
func TestAgentShell(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	file := filepath.Join(t.TempDir(), "env")
	hooked(t, r.With("CLAUDE_ENV_FILE="+file), event{name: "SessionStart", session: sessionA})
	res := r.Run("", "sh", "-c", `. "$0"; git-grite lock acquire src/ && git-grite lock status`, file)
	if !strings.Contains(res.Stdout, "claude/3f2a9c1d") {
		t.Errorf("%+v", res)
	}
	configure(t, r, "lock_policy = \"require\"\n")
	inner := r.With("GRITE_ACTOR=claude:" + sessionA)
	refused(t, edit(t, inner, sessionB, "", "src/a.go"), "claude/3f2a9c1d")
	try(t, inner.With("CODEX_THREAD_ID=019f0634-3175-7702-b55c-e256f2966840"), "lock", "acquire", "src/a.go").exits(4, "claude/3f2a9c1d")
	try(t, inner, "lock", "acquire", "src/a.go").exits(0)
	// A link is somebody else's file.
	target := filepath.Join(t.TempDir(), "target")
	link := filepath.Join(t.TempDir(), "env")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	hooked(t, r.With("CLAUDE_ENV_FILE="+link), event{name: "SessionStart", session: sessionA})
	if _, err := os.Lstat(target); err == nil {
		t.Error("written through a link")
	}
}

// TestAgentVisits renews what ends soon, and tells what was lost, at most once a
// minute.
func TestAgentVisits(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	a := r.With("CLAUDE_CODE_SESSION_ID=" + sessionA)
	grite(t, a, "lock", "acquire", "src/", "--ttl", "9m")
	after := event{name: "PostToolUse", session: sessionA, tool: "Bash"}
	hooked(t, r, after)
	try(t, r, "lock", "status").exits(0, "expires in 8m")
	hooked(t, r.With("GRITE_TEST_SHIFT=7m"), after)
	try(t, r.With("GRITE_TEST_SHIFT=7m"), "lock", "status").exits(0, "expires in 8m")
	var status struct {
		Data struct{ Locks []struct{ Nonce string } }
	}
	if err := json.Unmarshal([]byte(grite(t, r, "lock", "status", "--json").Stdout), &status); err != nil {
		t.Fatal(err)
	}
	grite(t, r.With("GRITE_TEST_SHIFT=7m"), "lock", "break", "-r", "path:src/", "--nonce", status.Data.Locks[0].Nonce, "--reason", "urgent")
	if res := hooked(t, r.With("GRITE_TEST_SHIFT=7m20s"), after); res.Stdout != "" {
		t.Errorf("twice in a minute: %s", res.Stdout)
	}
	if res := hooked(t, r.With("GRITE_TEST_SHIFT=9m"), after); !strings.Contains(res.Stdout, "was broken by") {
		t.Errorf("%+v", res)
	}
	if res := hooked(t, r.With("GRITE_TEST_SHIFT=11m"), after); res.Stdout != "" {
		t.Errorf("told twice: %s", res.Stdout)
	}
}

// TestAgentHearsQuestions tells an agent after a tool what somebody asks about its
// lock, as a quotation, once, and lets its shell answer.
func TestAgentHearsQuestions(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	a := r.With("CLAUDE_CODE_SESSION_ID=" + sessionA)
	grite(t, a, "lock", "acquire", "src/", "--ttl", "1h")
	grite(t, r, "lock", "ask", "src/a.go", "--message", "how long?")
	after := event{name: "PostToolUse", session: sessionA, tool: "Bash"}
	if res := hooked(t, r, after); !strings.Contains(res.Stdout, `asks about your lock on path:src/ and wants path:src/a.go`) || !strings.Contains(res.Stdout, `: \"how long?\";`) {
		t.Errorf("%+v", res)
	}
	if res := hooked(t, r.With("GRITE_TEST_SHIFT=2m"), after); res.Stdout != "" {
		t.Errorf("told twice: %s", res.Stdout)
	}
	grite(t, a, "lock", "answer", "src/", "--message", "ten minutes")
	try(t, r, "lock", "status").exits(0, `claude/3f2a9c1d`, `answers about path:src/`, `"ten minutes"`)
}

// TestAgentWarns tells a model after the edit where its agent has no place for it
// before.
func TestAgentWarns(t *testing.T) {
	t.Parallel()
	r := guarded(t, "path:src/")
	for _, event := range []string{"preToolUse", "postToolUse"} {
		in := fmt.Sprintf(`{"hook_event_name":%q,"session_id":"s1","cursor_version":"3.9.16","workspace_roots":[%q],"cwd":"","tool_name":"Write","tool_input":{"file_path":%q}}`,
			event, r.Dir, filepath.Join(r.Dir, "src/a.go"))
		res := r.Run(in, "git-grite", "hook", "agent", "cursor")
		if told := strings.Contains(res.Stdout, "locked by others"); res.Code != 0 || told != (event == "postToolUse") {
			t.Errorf("%s: %+v", event, res)
		}
	}
}
