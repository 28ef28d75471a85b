package agent

import (
	"errors"
	"strings"
	"testing"
)

func allFiles() (files []File) {
	for _, h := range hosts {
		files = append(append(files, h.Files(false)...), h.Files(true)...)
	}
	return files
}

// theirs are settings files that people have, %s being the events' object's
// members of their own, if any.
var theirs = map[string]string{
	"an empty object":         "{}",
	"an empty object, spread": "{\n}\n",
	"one line":                `{"model": "x", "permissions": {"allow": ["Bash(ls)"]}}`,
	"four blanks":             "{\n    \"model\": \"x\",\n    \"env\": {\n        \"A\": \"b\"\n    }\n}\n",
	"tabs, no last newline":   "{\n\t\"model\": \"x\"\n}",
	"CRLF":                    "{\r\n  \"model\": \"x\"\r\n}\r\n",
	"byte order mark":         "\ufeff{\n  \"model\": \"x\"\n}\n",
	"comments":                "// mine\n{\n  // the model\n  \"model\": \"x\", // ours\n  /* more */\n  \"z\": [1, 2,], // last\n  // end\n}\n// after\n",
	"odd order and spaces":    "{ \"z\" : 1,\n      \"a\":2\n , \"m\": { } }\n\n\n",
}

func TestInstallIsUndone(t *testing.T) {
	for _, f := range allFiles() {
		if f.whole != "" {
			continue
		}
		cases := map[string]string{"hooks, empty": `{"hooks": {}}`, "hooks, spread": "{\n  \"hooks\": {\n  },\n  \"b\": 1\n}\n"}
		event := f.hooks[0].event
		for name, events := range map[string]string{
			"no entry":      `"` + event + `": []`,
			"another event": `"Stop": [{"command": "say done"}], // mine`,
			"an entry":      `"` + event + "\": [\n      {\n        \"matcher\": \"Bash\", // x\n        \"hooks\": [{\"type\": \"command\", \"command\": \"lint\"}]\n      }\n    ]",
			"two on a line": `"` + event + `": [{"command": "git-grite-lint"}, {"command": "b"},],`,
		} {
			if f.bare {
				cases[name] = "{\n    " + events + "\n}\n"
			} else {
				cases[name] = "{\n  \"a\": 1,\n  \"hooks\": {\n    " + events + "\n  }\n}\n"
			}
		}
		for name, text := range theirs {
			cases[name] = text
		}
		for name, text := range cases {
			checkUndone(t, f, name, []byte(text))
		}
		checkUndone(t, f, "no file", nil)
	}
}

// checkUndone installs twice, looks that everything else is as it was, and
// removes.
func checkUndone(t *testing.T, f File, name string, text []byte) {
	t.Helper()
	with, err := f.Install(text, "")
	if err != nil {
		t.Errorf("%s, %s: %v", f.Path, name, err)
		return
	}
	if again, err := f.Install(with, ""); err != nil || string(again) != string(with) {
		t.Errorf("%s, %s: installed twice:\n%s\n%v", f.Path, name, again, err)
	}
	if state, err := f.Status(with, ""); state != Installed || err != nil {
		t.Errorf("%s, %s: %v %v:\n%s", f.Path, name, state, err, with)
	}
	if crlf := strings.Count(string(text), "\r\n"); crlf > 0 && strings.Count(string(with), "\n") != strings.Count(string(with), "\r\n") {
		t.Errorf("%s, %s: line ends are mixed: %q", f.Path, name, with)
	}
	if lines, err := f.Commands(with); len(lines) != len(f.hooks) || err != nil {
		t.Errorf("%s, %s: %q %v", f.Path, name, lines, err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") { // every line is still there, but for a comma
		if part := strings.Trim(line, "\r ,]}\ufeff"); !strings.Contains(string(with), part) {
			t.Errorf("%s, %s: %q is gone from\n%s", f.Path, name, part, with)
		}
	}
	for _, other := range []string{"outdated", "absent"} {
		from := with
		if other == "outdated" {
			from = []byte(strings.ReplaceAll(string(with), "hook agent "+f.Host, "hook agent old"))
			if state, _ := f.Status(from, ""); state != Outdated {
				t.Errorf("%s, %s: an entry of another version is %s", f.Path, name, state)
			}
		}
		back, err := f.Remove(from)
		if err != nil || string(back) != string(text) || (back == nil) != (text == nil) {
			t.Errorf("%s, %s (%s): removed:\n%q\nnot\n%q\n%v\nfrom\n%s", f.Path, name, other, back, text, err, with)
		}
	}
	if back, err := f.Remove(text); err != nil || string(back) != string(text) {
		t.Errorf("%s, %s: nothing to remove: %q %v", f.Path, name, back, err)
	}
}

func TestInstalledLooksLikeThis(t *testing.T) {
	claude, _ := Lookup("claude")
	f := claude.Files(false)[0]
	got, err := f.Install([]byte("{\n  \"model\": \"x\" // mine\n}\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "model": "x", // mine
  "hooks": {
    "PreToolUse": [
      {
        "matcher": "Edit|MultiEdit|Write|NotebookEdit",
        "hooks": [
          {
            "type": "command",
            "command": "git-grite hook agent claude; exit 0",
            "timeout": 10
          }
        ]
      }
    ],
`
	if !strings.HasPrefix(string(got), want) {
		t.Errorf("%s", got)
	}
}

// Older entries are replaced, and those of other people next to them stay.
func TestOutdatedIsReplaced(t *testing.T) {
	claude, _ := Lookup("claude")
	f := claude.Files(false)[0]
	old := `{
  "hooks": {
    "PreToolUse": [
      {"matcher": "Edit", "hooks": [{"type": "command", "command": "git-grite", "args": ["hook", "agent", "claude"]}]},
      {"matcher": "Write", "hooks": [{"type": "command", "command": "lint"}, {"type": "command", "command": "'/opt/bin/git-grite' hook agent claude"}]}
    ],
    "Stop": [{"hooks": [{"type": "command", "command": "git-grite.exe hook agent claude"}]}]
  }
}
`
	if state, err := f.Status([]byte(old), ""); state != Outdated || err != nil {
		t.Fatal(state, err)
	}
	left, err := f.Remove([]byte(old))
	want := `{
  "hooks": {
    "PreToolUse": [
      {"matcher": "Write", "hooks": [{"type": "command", "command": "lint"}]}
    ],
    "Stop": []
  }
}
`
	if err != nil || string(left) != want {
		t.Errorf("removed: %v\n%s", err, left)
	}
	renewed, err := f.Install([]byte(old), "")
	if state, _ := f.Status(renewed, ""); err != nil || state != Installed || strings.Count(string(renewed), "lint") != 1 {
		t.Errorf("%v %v\n%s", state, err, renewed)
	}
}

func TestMoreTools(t *testing.T) {
	for _, f := range allFiles() {
		if f.whole != "" {
			continue
		}
		with, err := f.Install(nil, "mcp__c3__.*")
		if err != nil || !strings.Contains(string(with), "hook agent "+f.Host+" --tools 'mcp__c3__.*'") {
			t.Errorf("%s: %v\n%s", f.Path, err, with)
		}
		if f.Path != ".devin/hooks.json" && !f.User && !strings.Contains(string(with), "|mcp__c3__.*\"") {
			t.Errorf("%s: not in the matcher:\n%s", f.Path, with)
		}
		if state, _ := f.Status(with, ""); state != Outdated {
			t.Errorf("%s: %v", f.Path, state)
		}
		if state, _ := f.Status(with, f.Tools(with)); state != Installed {
			t.Errorf("%s: %v with %q", f.Path, state, f.Tools(with))
		}
		if plain, err := f.Install(with, ""); err != nil || f.Tools(plain) != "" || string(plain) != f.Lines("") {
			t.Errorf("%s: installed again without: %v\n%s", f.Path, err, plain)
		}
		if _, err := f.Install(nil, "a'; rm -rf /; '"); err == nil {
			t.Errorf("%s: took a quote", f.Path)
		}
	}
}

func TestRefusedWithTheLinesToAdd(t *testing.T) {
	for _, f := range allFiles() {
		if f.whole != "" {
			continue
		}
		event := f.hooks[0].event
		for _, text := range []string{"", "  \n", "[]", "null", "{", "{'a': 1}", "{\"a\": 1} x", "{\"a\" 1}",
			wrap(f, `"`+event+`": {}`), wrap(f, `"`+event+`": [], "`+event+`": []`), wrap(f, `"`+event+`": "x"`)} {
			out, err := f.Install([]byte(text), "")
			var refused *SettingsError
			if !errors.As(err, &refused) || refused.Path != f.Path || out != nil {
				t.Errorf("%s: %q: %v\n%s", f.Path, text, err, out)
				continue
			}
			if state, err := f.Status([]byte(refused.Add), ""); state != Installed || err != nil {
				t.Errorf("%s: the lines to add are not what Install writes: %v %v", f.Path, state, err)
			}
			if _, err := f.Remove([]byte(text)); !errors.As(err, &refused) {
				t.Errorf("%s: removed from %q: %v", f.Path, text, err)
			}
		}
	}
}

func wrap(f File, events string) string {
	if f.bare {
		return "{" + events + "}"
	}
	return `{"hooks": {` + events + `}}`
}

func TestOwnFile(t *testing.T) {
	h, _ := Lookup("opencode")
	f := h.Files(false)[0]
	with, err := f.Install(nil, "")
	if err != nil || string(with) != opencodePlugin {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(opencodePlugin, "\n")
	old := []byte(first + "\nexport const Old = 1\n")
	if state, err := f.Status(old, ""); state != Outdated || err != nil {
		t.Error(state, err)
	}
	if with, err := f.Install(old, ""); err != nil || string(with) != opencodePlugin {
		t.Error(err)
	}
	for _, ours := range [][]byte{with, old} {
		if left, err := f.Remove(ours); left != nil || err != nil {
			t.Error(left, err)
		}
	}
	var refused *SettingsError
	for _, do := range []func() ([]byte, error){
		func() ([]byte, error) { return f.Install([]byte("export const Mine = 1\n"), "") },
		func() ([]byte, error) { return f.Remove([]byte("export const Mine = 1\n")) },
	} {
		if out, err := do(); !errors.As(err, &refused) || string(out) == opencodePlugin {
			t.Errorf("%q %v", out, err)
		}
	}
}

func TestWhereFilesAre(t *testing.T) {
	env := map[string]string{"CLAUDE_CONFIG_DIR": "/c", "CODEX_HOME": "/x", "COPILOT_HOME": "/p", "XDG_CONFIG_HOME": "/g"}
	none := func(string) string { return "" }
	set := func(name string) string { return env[name] }
	want := map[string][2]string{
		"claude": {"/h/.claude/settings.json", "/c/settings.json"}, "codex": {"/h/.codex/hooks.json", "/x/hooks.json"},
		"copilot": {"/h/.copilot/hooks/git-grite.json", "/p/hooks/git-grite.json"}, "cursor": {"/h/.cursor/hooks.json", "/h/.cursor/hooks.json"},
		"gemini":   {"/h/.gemini/settings.json", "/h/.gemini/settings.json"},
		"opencode": {"/h/.config/opencode/plugins/git-grite.js", "/g/opencode/plugins/git-grite.js"},
	}
	for name, paths := range want {
		h, _ := Lookup(name)
		f := h.Files(true)[0]
		if got := [2]string{f.In("/h", none), f.In("/h", set)}; got != paths {
			t.Errorf("%s: %q", name, got)
		}
		if got := h.Files(false)[0].In("/top", set); !strings.HasPrefix(got, "/top/.") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
