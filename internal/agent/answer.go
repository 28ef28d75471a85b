package agent

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// Reply is what the hook's process leaves behind. The zero Reply is silence: it
// lets the agent go on as if there were no hook.
type Reply struct {
	Stdout, Stderr []byte
	Exit           int // 0, or 2 for a refusal where nothing else refuses
}

// maxText bounds what is said to a model, in bytes: Claude Code moves more than
// 10,000 characters to a file, Copilot cuts all hooks together at 10 KB.
const maxText = 4000

// Deny refuses the edit of a PreEdit event; the model is given the reason.
// Every other event is answered by silence.
func (e Event) Deny(reason string) Reply {
	h, ok := Lookup(e.Host)
	if !ok || e.Kind != PreEdit {
		return Reply{}
	}
	if reason = clip(reason); reason == "" { // Codex lets the edit go ahead without a reason
		reason = "another owner's lock covers this path"
	}
	if h.deny == nil {
		return Reply{Stderr: []byte(reason + "\n"), Exit: 2}
	}
	return Reply{Stdout: encode(h.deny(e.Name, reason))}
}

// Context lets the agent go on and gives text to the model, or is silence when
// the host has no place for it: see Hears.
func (e Event) Context(text string) Reply {
	text = clip(text)
	if text == "" || !e.Hears() {
		return Reply{}
	}
	h, _ := Lookup(e.Host)
	return Reply{Stdout: encode(h.context(e.Name, text))}
}

// Hears reports whether Context reaches the model. Where it does not before an
// edit, the PostTool event of the same edit, with the same Paths, does.
func (e Event) Hears() bool {
	h, ok := Lookup(e.Host)
	return ok && !e.silent && slices.Contains(h.contexts, e.Kind)
}

type specific struct {
	Event    string `json:"hookEventName"`
	Decision string `json:"permissionDecision,omitempty"`
	Reason   string `json:"permissionDecisionReason,omitempty"`
	Context  string `json:"additionalContext,omitempty"`
}

// nested answers have no member but this one: Codex rejects an answer with a
// member that it does not know, and the edit goes ahead.
type nested struct {
	Specific specific `json:"hookSpecificOutput"`
}

func nestedDeny(event, reason string) any {
	return nested{specific{Event: event, Decision: "deny", Reason: reason}}
}

func nestedContext(event, text string) any { return nested{specific{Event: event, Context: text}} }

// merged answers say it twice: Copilot CLI reads the outer members, VS Code the
// inner ones, and both may run the same file.
type merged struct {
	Decision string   `json:"permissionDecision,omitempty"`
	Reason   string   `json:"permissionDecisionReason,omitempty"`
	Context  string   `json:"additionalContext,omitempty"`
	Specific specific `json:"hookSpecificOutput"`
}

func mergedDeny(event, reason string) any {
	return merged{Decision: "deny", Reason: reason, Specific: specific{Event: event, Decision: "deny", Reason: reason}}
}

func mergedContext(event, text string) any {
	return merged{Context: text, Specific: specific{Event: event, Context: text}}
}

func plainDeny(_, reason string) any {
	return struct {
		Decision string `json:"decision"`
		Reason   string `json:"reason"`
	}{"deny", reason}
}

// cursorDeny says it twice as well: Cursor documents that the model is given
// agent_message, and 3.9 gives it user_message.
func cursorDeny(_, reason string) any {
	return struct {
		Permission string `json:"permission"`
		User       string `json:"user_message"`
		Agent      string `json:"agent_message"`
	}{"deny", reason, reason}
}

func cursorContext(_, text string) any {
	return struct {
		Context string `json:"additional_context"`
	}{text}
}

// encode writes one line of JSON with <, > and & as they are: some of these
// texts are shown to people as they stand.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(v) // structs of strings cannot fail
	return b.Bytes()
}

// clip trims a text and cuts it to maxText bytes between two characters.
func clip(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "\ufffd"))
	if len(s) <= maxText {
		return s
	}
	cut := maxText - len("…")
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
