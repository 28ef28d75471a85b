package agent

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The very lines of the settings files, run by sh: no program on PATH, and one
// that crashes, refuse no edit; an answer passes; Devin's exit 2 passes.
func TestCommandLines(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	program := filepath.Join(bin, "git-grite")
	run := func(line, script string) (string, int) {
		os.Remove(program)
		if script != "" {
			if err := os.WriteFile(program, []byte("#!"+sh+"\n"+script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(sh, "-c", line)
		cmd.Env = []string{"PATH=" + bin}
		out, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	lines := []string{pluginLine}
	for _, f := range allFiles() {
		if f.whole == "" {
			text, _ := f.Install(nil, "a|b")
			got, _ := f.Commands(text)
			lines = append(lines, got...)
		}
	}
	for _, line := range lines {
		if out, code := run(line, ""); out != "" || code != 0 && (code == 2 || !strings.Contains(line, "devin")) {
			t.Errorf("%s without the program: %q, exit %d", line, out, code)
		}
		if out, code := run(line, `echo "$@"`); code != 0 || !strings.HasPrefix(out, "hook agent ") || !strings.Contains(line+"hook agent claude\n", strings.ReplaceAll(out, "a|b", "'a|b'")[:15]) {
			t.Errorf("%s: %q, exit %d", line, out, code)
		}
		if _, code := run(line, "exit 2"); (code == 2) != strings.Contains(line, "devin") {
			t.Errorf("%s of a program that ends with 2: exit %d", line, code)
		}
	}
}

func TestPluginFolder(t *testing.T) {
	const dir = "../../agents/plugin/"
	same(t, "hooks.json", read(t, dir+"hooks/hooks.json"), []byte(PluginHooks()))
	var plugin struct {
		Name, Version, Description string
		Author                     struct{ Name string }
	}
	if err := json.Unmarshal(read(t, dir+".claude-plugin/plugin.json"), &plugin); err != nil || plugin.Name != "git-grite" ||
		plugin.Version == "" || plugin.Description == "" || plugin.Author.Name == "" {
		t.Errorf("plugin.json: %+v, %v", plugin, err)
	}
	parts := strings.SplitN(string(read(t, dir+"skills/git-grite/SKILL.md")), "---\n", 3)
	if len(parts) != 3 || parts[0] != "" || !strings.Contains(parts[1], "name: git-grite\n") || !strings.Contains(parts[1], "description: ") || len(parts[1]) > 1200 {
		t.Errorf("SKILL.md has no front matter: %q", parts)
	}
	var hooks struct{ Hooks map[string][]handler }
	if err := json.Unmarshal([]byte(PluginHooks()), &hooks); err != nil || len(hooks.Hooks) != len(claudeHooks) {
		t.Errorf("%v %v", hooks, err)
	}
	if len(hooks.Hooks["PreToolUse"]) != 1 || len(hooks.Hooks["WorktreeCreate"])+len(hooks.Hooks["Stop"]) > 0 {
		t.Error("not the events that we want")
	}
}

// The plugin file of OpenCode, run by node: a refusal is an error, a warning
// comes with the result, a missing or failing program lets the edit go ahead.
func TestOpenCodePlugin(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node")
	}
	bin := t.TempDir()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, content string) string {
		t.Helper()
		if err := os.WriteFile(name, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write(filepath.Join(dir, "plugin.mjs"), opencodePlugin)
	driver := write(filepath.Join(dir, "driver.mjs"), `
import { GitGrite } from "./plugin.mjs"
const hooks = await GitGrite({ directory: process.cwd() })
const call = { tool: "edit", sessionID: "ses_1", callID: "c1" }, out = { output: "done" }, env = { env: {} }
let refused = null
try { await hooks["tool.execute.before"](call, { args: { filePath: "src/auth.go" } }) } catch (e) { refused = e.message }
await hooks["tool.execute.after"](call, out)
await hooks["shell.env"]({ cwd: "/", sessionID: "ses_1" }, env)
await hooks.event({ event: { type: "session.deleted", properties: { info: { id: "ses_1" } } } })
await hooks.event({ event: { type: "session.idle", properties: {} } })
console.log(JSON.stringify({ refused, output: out.output, env: env.env }))
`)
	for name, c := range map[string]struct{ answer, want string }{
		"refused":      {string(read(t, "testdata/opencode/edit.out.json")), `{"refused":` + strings.TrimSuffix(string(encode(reason)), "\n") + `,"output":"done"`},
		"warned":       {string(read(t, "testdata/opencode/edit.warn.json")), `{"refused":null,"output":` + strings.TrimSuffix(string(encode("done\n"+context)), "\n")},
		"silent":       {"", `{"refused":null,"output":"done"`},
		"garbage":      {"panic: x", `{"refused":null,"output":"done"`},
		"null":         {"null", `{"refused":null,"output":"done"`},
		"no git-grite": {"-", `{"refused":null,"output":"done"`},
	} {
		t.Run(name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			program := filepath.Join(bin, "git-grite")
			os.Remove(program)
			if c.answer != "-" {
				write(program, "#!/bin/sh\n[ \"$*\" = 'hook agent opencode' ] || exit 1\ncat >>"+log+"\necho >>"+log+"\ncat <<'EOF'\n"+c.answer+"\nEOF\n")
			}
			cmd := exec.Command(node, driver)
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin"}
			out, err := cmd.CombinedOutput()
			if want := c.want + `,"env":{"OPENCODE_SESSION_ID":"ses_1"}}` + "\n"; err != nil || string(out) != want {
				t.Errorf("%v: %s, not %s", err, out, want)
			}
			asked := strings.Split(strings.TrimSpace(string(read(t, log))), "\n")
			if c.answer == "-" {
				return
			}
			if len(asked) != 2 {
				t.Fatalf("asked %q", asked)
			}
			before, end := Parse("opencode", []byte(asked[0]), nil), Parse("opencode", []byte(asked[1]), nil)
			if before.Kind != PreEdit || len(before.Paths) != 1 || before.Paths[0] != filepath.Join(dir, "src/auth.go") || before.Session != "ses_1" || end.Kind != SessionEnd || end.Session != "ses_1" {
				t.Errorf("%+v, %+v", before, end)
			}
		})
	}
}

func TestSamplesAreEdits(t *testing.T) {
	for _, f := range allFiles() {
		e := Parse(f.Host, f.Sample("/home/dev/app", `/home/dev/app/a "b"`), nil)
		if e.Kind != PreEdit || e.Host != f.Host || len(e.Paths) != 1 || e.Paths[0] != `/home/dev/app/a "b"` {
			t.Errorf("%s: %+v", f.Path, e)
		}
	}
}

// docs/agents.md has a row for each host, with its files and editing tools.
func TestDocumented(t *testing.T) {
	docs := string(read(t, "../../docs/agents.md"))
	for _, h := range hosts {
		_, row, ok := strings.Cut(docs, "\n| `"+h.Name+"` "+h.Title)
		row, _, _ = strings.Cut(row, "\n")
		if !ok {
			t.Errorf("no row of %s", h.Title)
			continue
		}
		for _, f := range append(h.Files(false), h.Files(true)...) {
			if path := f.Path; f.User && !strings.Contains(row, "`~/"+path+"`") || !f.User && !strings.Contains(row, "`"+path+"`") {
				t.Errorf("%s: no %s in %q", h.Name, path, row)
			}
		}
		for _, tool := range h.edits {
			if h.Name != "devin" && h.Name != "copilot" && h.Name != "codex" && !strings.Contains(row, tool) {
				t.Errorf("%s: no %s in %q", h.Name, tool, row)
			}
		}
		if h.session != "" && !strings.Contains(docs, "`"+h.session+"`") {
			t.Errorf("%s: no %s", h.Name, h.session)
		}
	}
}
