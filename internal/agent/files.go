package agent

import (
	_ "embed"
	"path"
)

// File is a settings file of a host.
type File struct {
	Host string
	Path string // with slashes; relative to the top of the work tree, or to the home directory
	User bool   // for every repository of the user, not for one

	env   string // names the directory that replaces the first one of Path
	hooks []hook
	shape func(h hook, matcher, line string) handler
	bare  bool   // the events are at the top, not under "hooks"
	also  string // a member that the host wants in the file, rendered
	whole string // the file is ours alone and has this content
}

// Never WorktreeCreate, which replaces git's own work trees, nor Stop, which
// comes at the end of every turn.
var (
	claudeHooks = []hook{{"PreToolUse", edits}, {"PostToolUse", edits + "|Bash"}, {"SessionStart", ""}, {"SubagentStart", ""},
		{"SubagentStop", ""}, {"SessionEnd", ""}}
	copilotHooks = []hook{{"PreToolUse", edits}, {"PostToolUse", edits + "|bash|powershell"}, {"SessionStart", ""}, {"SessionEnd", ""}}
	cursorHooks  = []hook{{"preToolUse", edits}, {"postToolUse", edits + "|Shell"}, {"sessionStart", ""}, {"sessionEnd", ""}}
	geminiHooks  = []hook{{"BeforeTool", edits}, {"AfterTool", edits + "|run_shell_command"}, {"SessionStart", ""}, {"SessionEnd", ""}}
	devinHooks   = []hook{{"PreToolUse", edits}, {"SessionStart", ""}, {"SessionEnd", ""}}
	cascadeHooks = []hook{{"pre_write_code", ""}}
)

//go:embed opencode.js
var opencodePlugin string

const versionOne = `"version": 1`

var (
	claudeFiles = []File{
		{Path: ".claude/settings.json", hooks: claudeHooks, shape: grouped},
		{Path: ".claude/settings.json", User: true, env: "CLAUDE_CONFIG_DIR", hooks: claudeHooks, shape: grouped},
	}
	codexFiles = []File{
		{Path: ".codex/hooks.json", hooks: claudeHooks, shape: codexGroup},
		{Path: ".codex/hooks.json", User: true, env: "CODEX_HOME", hooks: claudeHooks, shape: codexGroup},
	}
	copilotFiles = []File{
		{Path: ".github/hooks/git-grite.json", hooks: copilotHooks, shape: copilotHook, also: versionOne},
		{Path: ".copilot/hooks/git-grite.json", User: true, env: "COPILOT_HOME", hooks: copilotHooks, shape: copilotHook, also: versionOne},
	}
	cursorFiles = []File{
		{Path: ".cursor/hooks.json", hooks: cursorHooks, shape: cursorHook, also: versionOne},
		{Path: ".cursor/hooks.json", User: true, hooks: cursorHooks, shape: cursorHook, also: versionOne},
	}
	geminiFiles = []File{
		{Path: ".gemini/settings.json", hooks: geminiHooks, shape: geminiGroup},
		{Path: ".gemini/settings.json", User: true, hooks: geminiHooks, shape: geminiGroup},
	}
	opencodeFiles = []File{
		{Path: ".opencode/plugins/git-grite.js", whole: opencodePlugin},
		{Path: ".config/opencode/plugins/git-grite.js", User: true, env: "XDG_CONFIG_HOME", whole: opencodePlugin},
	}
	devinFiles = []File{ // Devin Desktop's, Devin CLI's
		{Path: ".devin/hooks.json", hooks: cascadeHooks, shape: cascadeHook},
		{Path: ".devin/hooks.v1.json", hooks: devinHooks, shape: grouped, bare: true},
		{Path: ".codeium/windsurf/hooks.json", User: true, hooks: cascadeHooks, shape: cascadeHook},
		{Path: ".config/devin/config.json", User: true, env: "XDG_CONFIG_HOME", hooks: devinHooks, shape: grouped},
	}
)

// Files returns the settings files of the host for one repository, or for all
// of the user's.
func (h Host) Files(user bool) (files []File) {
	for _, f := range h.files {
		if f.User == user {
			f.Host = h.Name
			files = append(files, f)
		}
	}
	return files
}

// In returns where the file is, below the top of the work tree or, for a
// user's file, the home directory or what a variable of the host names instead.
func (f File) In(dir string, lookup func(name string) string) string {
	rel := f.Path
	if f.env != "" {
		if other := lookup(f.env); other != "" {
			dir, rel = other, rel[len(firstDir(rel))+1:]
		}
	}
	return path.Join(dir, rel)
}

func firstDir(p string) string {
	for path.Dir(p) != "." {
		p = path.Dir(p)
	}
	return p
}

// Sample returns an event as the host sends it before an edit of a path, for a
// trial of the file's command lines. The directory and the path are absolute.
func (f File) Sample(dir, path string) []byte {
	host, _ := Lookup(f.Host)
	event, session := "tool.execute.before", "git-grite-trial"
	if len(f.hooks) > 0 {
		event = f.hooks[0].event
	}
	if event == "pre_write_code" {
		return encode(map[string]any{"agent_action_name": event, "trajectory_id": session, "tool_info": map[string]any{"file_path": path}})
	}
	fields := map[string]any{"hook_event_name": event, "session_id": session, "cwd": dir, "tool_name": host.edits[0],
		"tool_input": map[string]any{"file_path": path}}
	switch f.Host {
	case "codex":
		fields["tool_input"] = map[string]any{"command": "*** Begin Patch\n*** Delete File: " + path + "\n*** End Patch\n"}
	case "cursor":
		fields["cwd"], fields["workspace_roots"], fields["cursor_version"] = "", []string{dir}, "3.9.16"
	}
	return encode(fields)
}
