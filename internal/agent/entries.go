package agent

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"sync"
)

// handler is one entry of ours, with the members that any host has for it, in
// the order in which they are written.
type handler struct {
	Matcher    string    `json:"matcher,omitempty"`
	Hooks      []handler `json:"hooks,omitempty"`
	Name       string    `json:"name,omitempty"`
	Type       string    `json:"type,omitempty"`
	Command    string    `json:"command,omitempty"`
	Windows    string    `json:"commandWindows,omitempty"`
	Timeout    int       `json:"timeout,omitempty"`    // seconds, of Gemini CLI milliseconds
	TimeoutSec int       `json:"timeoutSec,omitempty"` // seconds
}

// entry is a handler of one event.
type entry struct {
	event string
	handler
}

// hook says for which events of a host we are called.
type hook struct {
	event string
	tools string // the matcher: "edits" for the host's editing tools, else as it stands
}

const (
	edits    = "edits"
	timeout  = 10 // seconds: an edit is judged in milliseconds, or after hook.commit_timeout
	sessions = 3  // seconds: Claude Code ends SessionEnd hooks after 1.5 s unless an entry asks for more; Codex (0.169) warns above 3
)

// Our command line never changes: Codex and Gemini CLI trust an entry by its
// text. "; exit 0" is sh and PowerShell alike, and keeps a missing or failing
// program from refusing edits (ADR 24).
func commandLine(host, tools string) string {
	line := "git-grite hook agent " + host
	if tools != "" {
		line += " --tools '" + tools + "'"
	}
	if host == "devin" { // its only way to refuse is our exit code
		return line
	}
	return line + "; exit 0"
}

// ExtraTools is the value of --tools, nil for none; cmd.exe leaves the quotes and
// the semicolon of our command line at it.
func ExtraTools(args []string) *regexp.Regexp {
	for i, arg := range args {
		if arg == "--tools" && i+1 < len(args) {
			if tools, err := regexp.Compile(strings.Trim(args[i+1], "';")); err == nil {
				return tools
			}
		}
	}
	return nil
}

// pluginLine serves Claude Code and Codex from one plugin folder: both set
// CLAUDE_PLUGIN_ROOT, Codex PLUGIN_ROOT too.
const pluginLine = `h=claude; [ -z "$PLUGIN_ROOT" ] || h=codex; git-grite hook agent $h; exit 0`

// isOurs is what every command line of ours has had.
var isOurs = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\bgit-grite(\.exe)?["']? hook agent\b`) })

// grouped builds {matcher, hooks: [handler]}, the shape of Claude Code that
// Codex, Gemini CLI and Devin CLI have taken over.
func grouped(h hook, matcher, line string) handler {
	inner := handler{Type: "command", Command: line, Timeout: timeout}
	if h.event == "SessionEnd" {
		inner.Timeout = sessions
	}
	return handler{Matcher: matcher, Hooks: []handler{inner}}
}

func codexGroup(h hook, matcher, line string) handler {
	g := grouped(h, matcher, line)
	g.Hooks[0].Windows = strings.TrimSuffix(line, "; exit 0")
	return g
}

func geminiGroup(h hook, matcher, line string) handler {
	g := grouped(h, matcher, line)
	g.Hooks[0].Name = "git-grite"
	g.Hooks[0].Timeout *= 1000
	return g
}

// copilotHook has no "powershell": Copilot runs the command in PowerShell then.
func copilotHook(_ hook, matcher, line string) handler {
	return handler{Matcher: matcher, Type: "command", Command: line, TimeoutSec: timeout}
}

func cursorHook(_ hook, matcher, line string) handler {
	return handler{Matcher: matcher, Command: line, Timeout: timeout}
}

func cascadeHook(_ hook, _, line string) handler { return handler{Command: line} }

// entries returns what a file should have; tools is a regular expression of
// more editing tools, or "".
func (f File) entries(tools string) (list []entry) {
	host, _ := Lookup(f.Host)
	for _, h := range f.hooks {
		matcher := strings.ReplaceAll(h.tools, edits, strings.Join(host.edits, "|"))
		if tools != "" && strings.Contains(h.tools, edits) {
			matcher += "|" + tools
		}
		list = append(list, entry{h.event, f.shape(h, matcher, commandLine(f.Host, tools))})
	}
	return list
}

// render writes a value as JSON, indented, with <, > and & as they are.
func render(v any, unit string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", unit)
	enc.Encode(v) // structs of strings and numbers cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

// PluginHooks returns hooks/hooks.json of the plugin for Claude Code and Codex.
func PluginHooks() string {
	events := map[string][]handler{}
	for _, h := range claudeHooks {
		matcher := strings.ReplaceAll(h.tools, edits, strings.Join(hosts[0].edits, "|")+"|apply_patch")
		events[h.event] = append(events[h.event], grouped(h, matcher, pluginLine))
	}
	return render(map[string]any{"hooks": events}, "  ") + "\n"
}
