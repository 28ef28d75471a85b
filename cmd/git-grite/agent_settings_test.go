package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/agent"
)

// TestAgentSettings installs the hooks of each agent beside what is there, tries
// them, and takes them out again byte for byte.
func TestAgentSettings(t *testing.T) {
	t.Parallel()
	const beside = "{\n\t// mine\n\t\"hooks\": {\n\t\t\"PreToolUse\": [ {\"matcher\": \"Bash\", \"hooks\": [{\"type\": \"command\", \"command\": \"true\"}]}, ]\n\t},\n\t\"model\": \"x\"\n}\n"
	for _, h := range agent.Hosts() {
		for _, scope := range []string{"", "--user"} {
			r := guarded(t, "")
			home := t.TempDir()
			r = r.With("HOME=" + home)
			top := r.Dir
			if scope != "" {
				top = home
			}
			hooks := func(verb string) outcome {
				args := []string{"hooks", verb, "--agent", h.Name}
				if scope != "" {
					args = append(args, scope)
				}
				return try(t, r, args...)
			}
			before := files(t, top)
			hooks("status").exits(4, "hooks install --agent "+h.Name)
			hooks("test").exits(4)
			hooks("install").exits(0, "created")
			hooks("install").exits(0, "unchanged").lacks("created")
			hooks("status").exits(0, "installed")
			hooks("test").exits(0, "stops an edit")
			hooks("uninstall").exits(0, "removed")
			if after := files(t, top); after != before {
				t.Errorf("%s %s:\n%s\n%s", h.Name, scope, before, after)
			}
			file := h.Files(scope != "")[0]
			if h.Name == "opencode" || h.Name == "devin" {
				continue
			}
			at := filepath.Join(top, filepath.FromSlash(file.Path))
			if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{beside, "{}", ""} {
				if err := os.WriteFile(at, []byte(text), 0o640); err != nil {
					t.Fatal(err)
				}
				if text == "" {
					hooks("install").exits(5, "Add by hand", "git-grite hook agent")
					continue
				}
				hooks("install").exits(0, "changed")
				hooks("uninstall").exits(0, "changed")
				if got, _ := os.ReadFile(at); string(got) != text {
					t.Errorf("%s: %q\n%q", h.Name, got, text)
				}
			}
		}
	}
}

// TestAgentsInStatus lists the agents whose settings have entries of ours beside the
// hooks of git.
func TestAgentsInStatus(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	r = r.With("HOME=" + t.TempDir())
	r.Git("config", "user.email", "alice@example.com")
	try(t, r, "hooks", "status").exits(0).lacks("claude", "codex")
	grite(t, r, "hooks", "install", "--agent", "claude")
	grite(t, r, "hooks", "install", "--agent", "codex", "--user")
	try(t, r, "hooks", "status").exits(0, "pre-commit: installed", "claude: installed (", ".claude/settings.json)", "codex: installed (").lacks("gemini")
	try(t, r, "hooks", "status", "--json").exits(0, `"name":"pre-commit"`, `"name":"claude","path":`, `"state":"installed","ok":true`)
	at := filepath.Join(r.Dir, ".claude/settings.json")
	r.Write(".claude/settings.json", strings.ReplaceAll(readFile(t, at), "; exit 0", ""))
	try(t, r, "hooks", "status").exits(4, "claude: outdated", "hint: git grite hooks install --agent claude")
	r.Write(".claude/settings.json", "{")
	try(t, r, "hooks", "status").exits(0).lacks("claude")
}

// TestAgentTrial finds out what keeps a line from running.
func TestAgentTrial(t *testing.T) {
	t.Parallel()
	r := guarded(t, "")
	grite(t, r, "hooks", "install", "--agent", "claude", "--tools", "mcp__files__.*")
	try(t, r, "hooks", "test", "--agent", "claude").exits(0, "stops an edit")
	at := filepath.Join(r.Dir, ".claude/settings.json")
	text, err := os.ReadFile(at)
	if err != nil || !strings.Contains(string(text), "--tools 'mcp__files__.*'; exit 0") {
		t.Errorf("%v: %s", err, text)
	}
	r.Write(".claude/settings.json", strings.ReplaceAll(string(text), "git-grite hook agent", "/nowhere/git-grite hook agent"))
	try(t, r, "hooks", "test", "--agent", "claude").exits(4, "did not run", "/nowhere/git-grite")
	try(t, r, "hooks", "status", "--agent", "claude").exits(4, "outdated")
	try(t, r, "hooks", "status", "--agent", "emacs").exits(2, "no agent")
	try(t, r, "hooks", "install", "--agent", "claude", "--tools", "(").exits(2, "regular expression")
	// A checkout may lead elsewhere.
	if err := os.RemoveAll(filepath.Join(r.Dir, ".claude")); err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(r.Dir, ".claude")); err != nil {
		t.Fatal(err)
	}
	try(t, r, "hooks", "install", "--agent", "claude").exits(5, "leads out of the work tree")
	if list, _ := os.ReadDir(elsewhere); len(list) > 0 {
		t.Errorf("%v", list)
	}
}
