// Package agent knows what coding agents write to the standard input of their
// hooks, what they read back, and where their settings files keep the entries
// that run us. It judges nothing: the caller resolves Event.Paths, asks for the
// locks and picks a Reply. Nothing here reads files, the environment or the
// clock, and no input makes it fail: what it does not understand has the kind
// Unknown, which is answered by silence.
package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// MaxInput bounds one event, in bytes.
const MaxInput = 1 << 20

// ErrTooLarge is an event of more than MaxInput bytes.
var ErrTooLarge = errors.New("the event is larger than 1 MiB")

// Kind is what an event means to us.
type Kind int

const (
	Unknown       Kind = iota
	PreEdit            // a tool is about to change Paths
	PostTool           // a tool has run; Paths are what it changed, if anything
	SessionStart       // also when a session is resumed, cleared or compacted: see Event.Source
	SessionEnd         // not sent when the agent is killed
	SubagentStart      // Agent is the subagent
	SubagentStop
)

var kindNames = []string{"unknown", "pre-edit", "post-tool", "session-start", "session-end", "subagent-start", "subagent-stop"}

func (k Kind) String() string { return kindNames[k] }

// Event is one call of a hook.
type Event struct {
	Host      string   // the agent that sent it, which need not be the one that was asked for: see speaker
	Kind      Kind     //
	Name      string   // the host's own name of the event
	Tool      string   // the host's own name of the tool
	Paths     []string // absolute, without symbolic links resolved; in the order of the input, each once
	Cwd       string   // absolute, or ""
	Session   string   // the host's id of the session, or ""
	Agent     string   // the host's id of the subagent, "" for the session's main agent
	AgentType string   // the kind of subagent, for people
	Source    string   // of SessionStart: startup, resume, clear, compact, fork …

	silent bool // the sender reads neither our output nor, but for a refusal, our errors
}

// Read returns the whole input. What exceeds MaxInput is read and dropped,
// because a host whose write fails may take that for a failed hook, and Copilot
// CLI refuses the edit then.
func Read(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxInput+1))
	if err == nil && len(data) > MaxInput {
		_, err = io.Copy(io.Discard, r)
		if err == nil {
			err = ErrTooLarge
		}
		return nil, err
	}
	return data, err
}

// Parse reads one event of a host. Tools that match extra, which may be nil,
// count as editing tools too (an MCP server's, for example).
func Parse(name string, data []byte, extra *regexp.Regexp) Event {
	h, ok := Lookup(name)
	fields := object(bytes.TrimPrefix(data, []byte("\ufeff")))
	if !ok || fields == nil || len(data) > MaxInput {
		return Event{Host: h.Name}
	}
	if other, ok := speaker(h.Name, fields); ok {
		h = other
	}
	e := Event{
		Host:      h.Name,
		Name:      first(fields, "hook_event_name", "agent_action_name"),
		Tool:      first(fields, "tool_name", "toolName"),
		Cwd:       first(fields, "cwd"),
		Session:   first(fields, "session_id", "sessionId", "conversation_id", "trajectory_id"),
		Agent:     first(fields, "agent_id", "agentId", "subagent_id"),
		AgentType: first(fields, "agent_type", "agentType", "agent_name", "agentName", "subagent_type"),
		Source:    first(fields, "source"),
	}
	_, e.silent = fields["agent_action_name"]
	if e.Name == "" {
		e.Name = unnamed(h, fields)
	}
	if e.Cwd == "" { // Cursor 3.9 sends an empty one
		var roots []string
		if json.Unmarshal(fields["workspace_roots"], &roots); len(roots) > 0 {
			e.Cwd = roots[0]
		}
	}
	if !filepath.IsAbs(e.Cwd) {
		e.Cwd = ""
	}
	e.Kind = h.events[e.Name]
	if e.Kind == PreEdit || e.Kind == PostTool {
		if e.silent || slices.Contains(h.edits, e.Tool) || extra != nil && e.Tool != "" && extra.MatchString(e.Tool) {
			e.Paths = e.absolute(targets(fields))
		}
	}
	if e.Kind == PreEdit && len(e.Paths) == 0 {
		e.Kind = Unknown
	}
	return e
}

// speaker finds the agents that run the hooks of Claude Code's settings as
// their own: Copilot CLI, Cursor and, for a plugin, Codex. Each sends a field
// that Claude Code (2.1.240) has not.
func speaker(name string, fields map[string]json.RawMessage) (Host, bool) {
	if name != "claude" {
		return Host{}, false
	}
	for _, tell := range [][2]string{{"cursor_version", "cursor"}, {"turn_id", "codex"}, {"timestamp", "copilot"}} {
		if _, ok := fields[tell[0]]; ok {
			return Lookup(tell[1])
		}
	}
	return Host{}, false
}

// unnamed names an event of Copilot's camelCase form, which does not say what
// it is. Only tool calls can be told by their fields.
func unnamed(h Host, fields map[string]json.RawMessage) string {
	_, tool := fields["toolName"]
	_, result := fields["toolResult"]
	_, failed := fields["error"]
	switch {
	case h.Name != "copilot" || !tool || failed:
		return ""
	case result:
		return "postToolUse"
	}
	return "preToolUse"
}

// pathFields and patchFields are the names that editing tools give to the file
// they change and to a patch in the format of apply_patch; listFields hold
// several edits of their own.
var (
	pathFields  = []string{"file_path", "filePath", "notebook_path", "notebookPath", "path", "file", "old_path", "new_path"}
	patchFields = []string{"command", "input", "patch", "patchText", "patch_text"}
	listFields  = []string{"edits", "replacements", "files"}
)

// targets returns the paths in the arguments of an editing tool, as they stand.
func targets(fields map[string]json.RawMessage) []string {
	raw := fields["tool_input"]
	for _, name := range []string{"toolArgs", "tool_info"} {
		if raw == nil {
			raw = fields[name]
		}
	}
	if s, ok := text(raw); ok { // an object in a string (Copilot CLI), or the bare patch
		raw = json.RawMessage(s)
		if object(raw) == nil {
			return PatchPaths(s)
		}
	}
	input := object(raw)
	if s, _ := text(input["command"]); s == "view" { // str_replace_editor also reads
		return nil
	}
	paths := named(input)
	for _, name := range patchFields {
		if s, ok := text(input[name]); ok {
			paths = append(paths, PatchPaths(s)...)
		}
		var lines []string // a patch as the arguments of a command
		if json.Unmarshal(input[name], &lines) == nil {
			paths = append(paths, PatchPaths(strings.Join(lines, "\n"))...)
		}
	}
	for _, name := range listFields {
		var list []json.RawMessage
		json.Unmarshal(input[name], &list) // none when it is something else
		for _, item := range list {
			paths = append(paths, named(object(item))...)
		}
	}
	return paths
}

func named(input map[string]json.RawMessage) (paths []string) {
	for _, name := range pathFields {
		if s, ok := text(input[name]); ok {
			paths = append(paths, s)
		}
	}
	return paths
}

// absolute resolves paths against the event's directory. The process's own is
// no substitute for one that is missing: a relative path is dropped then.
func (e *Event) absolute(paths []string) (out []string) {
	for _, p := range paths {
		if p == "" || strings.ContainsRune(p, 0) {
			continue
		}
		if !filepath.IsAbs(p) {
			if e.Cwd == "" {
				continue
			}
			p = filepath.Join(e.Cwd, p)
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// object returns the members of a JSON object, nil when it is something else.
// encoding/json bounds the depth and replaces what is not UTF-8.
func object(raw json.RawMessage) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

func text(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// first returns the first of the named members that is a string and not empty.
func first(m map[string]json.RawMessage, names ...string) string {
	for _, name := range names {
		if s, _ := text(m[name]); s != "" {
			return s
		}
	}
	return ""
}
