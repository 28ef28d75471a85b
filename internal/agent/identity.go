package agent

import "strings"

// Identity is a session of an agent, or a subagent of one: the actor that it
// acts as is derived from String, and shown to people as Label.
type Identity struct {
	Host, Session string
	Agent         string // the subagent's id, "" for the main agent
	AgentType     string // for people only
}

// Identity returns who sent the event; false when the host did not say.
func (e Event) Identity() (Identity, bool) {
	return Identity{e.Host, e.Session, e.Agent, e.AgentType}, e.Host != "" && e.Session != ""
}

// FromEnvironment returns the session that a process runs in, which the agents
// name in the environment of their shells; no agent names the subagent there.
// Where several are named, an agent was started from another's shell: Claude
// Code comes last, since it is the one that mostly starts the others.
func FromEnvironment(lookup func(name string) string) (Identity, bool) {
	for i := len(hosts) - 1; i >= 0; i-- {
		if h := hosts[i]; h.session != "" {
			if session := lookup(h.session); session != "" {
				return Identity{Host: h.Name, Session: session}, true
			}
		}
	}
	return Identity{}, false
}

// String is the same for every event of a session and for its shell, whatever
// the host calls the subagent, and differs between all sessions and subagents.
func (i Identity) String() string {
	s := i.Host + ":" + i.Session
	if i.Agent != "" {
		s += "/" + i.Agent
	}
	return s
}

// Name is String with what Label needs beside it: the form in which a shell is
// told who it is, by GRITE_ACTOR or --actor, when its environment cannot tell.
func (i Identity) Name() string {
	if kind := plain(i.AgentType); i.Agent != "" && kind != "" {
		return i.String() + "@" + kind
	}
	return i.String()
}

// ParseName reads what Name returns; false for any other name of an actor.
func ParseName(name string) (i Identity, ok bool) {
	host, rest, _ := strings.Cut(name, ":")
	if h, ok := Lookup(host); !ok || h.Name != host {
		return i, false
	}
	i.Host = host
	i.Session, rest, _ = strings.Cut(rest, "/")
	i.Agent, i.AgentType, _ = strings.Cut(rest, "@")
	return i, i.Session != ""
}

// Label is for people: claude/3f2a9c1d, and claude/3f2a9c1d/reviewer-7be0d114
// for a subagent. It has letters, digits and "._-/" only.
func (i Identity) Label() string {
	label := i.Host + "/" + short(i.Session)
	if i.Agent == "" {
		return label
	}
	label += "/"
	if kind := plain(i.AgentType); kind != "" {
		label += kind[:min(len(kind), 24)] + "-"
	}
	return label + short(i.Agent)
}

// SameSession reports whether two labels are of one session: the main agent's
// and a subagent's, or those of two subagents.
func SameSession(a, b string) bool {
	host, rest, ok := strings.Cut(a, "/")
	if _, known := Lookup(host); !ok || !known {
		return false
	}
	session, _, _ := strings.Cut(rest, "/")
	root := host + "/" + session
	return session != "" && (b == root || strings.HasPrefix(b, root+"/"))
}

// short returns the eight characters by which people know an id: the first of
// a random UUID, as the agents list them, and else the last, because UUIDs of
// version 7 (Codex) and the ids of OpenCode begin with the time.
func short(id string) string {
	random := len(id) == 36 && id[14] == '4'
	if id = plain(id); len(id) > 8 {
		if random {
			return id[:8]
		}
		return strings.TrimLeft(id[len(id)-8:], ".-_")
	}
	return id
}

// plain drops what a label should not have.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return -1
	}, s)
}

// NamedInShell reports whether FromEnvironment finds the event's Identity in the
// agent's shell. Gemini CLI (0.61) sets its variable for hooks alone.
func (e Event) NamedInShell() bool {
	h, _ := Lookup(e.Host)
	return h.session != "" && h.Name != "gemini" && e.Agent == ""
}
