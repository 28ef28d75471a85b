package agent

import (
	"slices"
	"strings"
)

// Host is a coding agent whose hooks we answer.
type Host struct {
	Name  string
	Title string // for people

	events   map[string]Kind
	edits    []string // the tools that change files
	contexts []Kind   // events whose answer can add text to the model's context
	session  string   // the variable that names the session in the agent's shell
	deny     func(event, reason string) any
	context  func(event, text string) any
	files    []File // the settings files
}

// claudeEvents are Claude Code's names, which others have taken over.
var claudeEvents = map[string]Kind{
	"PreToolUse": PreEdit, "PostToolUse": PostTool, "SessionStart": SessionStart, "SessionEnd": SessionEnd,
	"SubagentStart": SubagentStart, "SubagentStop": SubagentStop,
}

// lowerEvents are the same in camelCase, as Copilot and Cursor write them.
var lowerEvents = map[string]Kind{
	"preToolUse": PreEdit, "postToolUse": PostTool, "sessionStart": SessionStart, "sessionEnd": SessionEnd,
	"subagentStart": SubagentStart, "subagentStop": SubagentStop,
}

// hosts are what docs/agents.md says of each, with the version that it was
// learned from.
var hosts = []Host{
	{
		Name: "claude", Title: "Claude Code",
		events:   claudeEvents,
		edits:    []string{"Edit", "MultiEdit", "Write", "NotebookEdit"},
		contexts: []Kind{PreEdit, PostTool, SessionStart, SubagentStart},
		session:  "CLAUDE_CODE_SESSION_ID",
		deny:     nestedDeny, context: nestedContext,
		files: claudeFiles,
	}, {
		Name: "codex", Title: "Codex",
		events:   claudeEvents,
		edits:    []string{"apply_patch", "Edit", "Write"},
		contexts: []Kind{PreEdit, PostTool, SessionStart, SubagentStart},
		session:  "CODEX_THREAD_ID",
		deny:     nestedDeny, context: nestedContext,
		files: codexFiles,
	}, {
		Name: "copilot", Title: "GitHub Copilot",
		events: both(claudeEvents, lowerEvents),
		// Copilot CLI's own names, those it gives to PascalCase hooks, VS Code's.
		edits: []string{"edit", "create", "str_replace_editor", "apply_patch", "Edit", "Write",
			"create_file", "replace_string_in_file", "multi_replace_string_in_file", "insert_edit_into_file", "edit_notebook_file"},
		contexts: []Kind{PostTool, SessionStart, SubagentStart},
		session:  "COPILOT_AGENT_SESSION_ID",
		deny:     mergedDeny, context: mergedContext,
		files: copilotFiles,
	}, {
		Name: "cursor", Title: "Cursor",
		events:   both(lowerEvents, claudeEvents),
		edits:    []string{"Write", "StrReplace", "Edit", "MultiEdit", "EditNotebook", "Delete"},
		contexts: []Kind{PostTool, SessionStart},
		deny:     cursorDeny, context: cursorContext,
		files: cursorFiles,
	}, {
		Name: "gemini", Title: "Gemini CLI",
		events:   map[string]Kind{"BeforeTool": PreEdit, "AfterTool": PostTool, "SessionStart": SessionStart, "SessionEnd": SessionEnd},
		edits:    []string{"write_file", "replace"},
		contexts: []Kind{PostTool, SessionStart},
		session:  "GEMINI_SESSION_ID",
		deny:     plainDeny, context: nestedContext,
		files: geminiFiles,
	}, {
		Name: "opencode", Title: "OpenCode",
		events:   map[string]Kind{"tool.execute.before": PreEdit, "session.created": SessionStart, "session.deleted": SessionEnd},
		edits:    []string{"edit", "write", "multiedit", "patch", "apply_patch"},
		contexts: []Kind{PreEdit},
		session:  "OPENCODE_SESSION_ID", // set by our plugin
		deny:     plainDeny, context: nestedContext,
		files: opencodeFiles,
	}, {
		Name: "devin", Title: "Devin",
		events: both(claudeEvents, map[string]Kind{"pre_write_code": PreEdit, "post_write_code": PostTool}),
		edits:  []string{"Edit", "MultiEdit", "Write", "NotebookEdit", "edit", "write", "str_replace", "apply_patch"},
		// Devin CLI's; Devin Desktop has none.
		contexts: []Kind{PreEdit, SessionStart},
		context:  nestedContext, // a refusal is exit 2 and standard error
		files:    devinFiles,
	},
}

func both(a, b map[string]Kind) map[string]Kind {
	m := map[string]Kind{}
	for _, events := range []map[string]Kind{a, b} {
		for name, kind := range events {
			m[name] = kind
		}
	}
	return m
}

// Hosts returns the hosts, in the order of docs/agents.md.
func Hosts() []Host { return slices.Clone(hosts) }

// Lookup finds a host by name. cmd.exe, which knows no "; exit 0", leaves the
// semicolon of our command lines at the name.
func Lookup(name string) (Host, bool) {
	name = strings.TrimSuffix(name, ";")
	i := slices.IndexFunc(hosts, func(h Host) bool { return h.Name == name })
	if i < 0 {
		return Host{}, false
	}
	return hosts[i], true
}
