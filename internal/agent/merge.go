package agent

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// place is where an entry of ours is: in the array of an event, or inside of
// somebody else's entry there.
type place struct {
	event, entry *node
	i            int // entry is event.members[i]
	inner        int // which of the entry's own hooks it is, -1 for all of them
}

func ours(text []byte, events *node) (found []place) {
	if events == nil {
		return nil
	}
	for e := range events.members {
		event := &events.members[e]
		if event.kind != '[' {
			continue
		}
		for i := range event.members {
			entry := &event.members[i]
			var inner []int
			hooks := entry.find("hooks")
			if hooks != nil {
				for j := range hooks.members {
					if isOurs().MatchString(command(hooks.members[j].decode(text))) {
						inner = append(inner, j)
					}
				}
			}
			if hooks == nil && isOurs().MatchString(command(entry.decode(text))) || hooks != nil && len(inner) > 0 && len(inner) == len(hooks.members) {
				inner = []int{-1}
			}
			for _, j := range inner {
				found = append(found, place{event, entry, i, j})
			}
		}
	}
	return found
}

// command returns the command line of a handler, with Claude Code's arguments.
func command(handler any) string {
	h, _ := handler.(map[string]any)
	line, _ := h["command"].(string)
	args, _ := h["args"].([]any)
	for _, arg := range args {
		line += fmt.Sprintf(" %v", arg)
	}
	return line
}

// drop takes one entry away, and the containers that Install made for it; nil
// is a file that Install made.
func (f File) drop(text []byte, root node, events *node, p place) []byte {
	if p.inner >= 0 {
		text, _ = remove(text, p.entry.find("hooks"), p.inner) // others are in it
		return text
	}
	if left, ok := remove(text, p.event, p.i); ok {
		return left
	}
	at := slices.IndexFunc(events.members, func(n node) bool { return n.key == p.event.key })
	if left, ok := remove(text, events, at); ok {
		return left
	}
	if f.bare {
		return nil
	}
	at = slices.IndexFunc(root.members, func(n node) bool { return n.key == "hooks" })
	if f.also != "" && at == 0 && len(root.members) == 2 && string(text[root.members[1].keyStart:root.members[1].end]) == f.also {
		return nil // where the member was there before us, ours comes after it
	}
	left, ok := remove(text, &root, at)
	if !ok {
		return nil
	}
	return left
}

// add puts an entry into a file, with the containers that are missing.
func (e entry) add(text []byte, root node, events *node) []byte {
	newline := "\n"
	if bytes.Contains(text, []byte("\r\n")) {
		newline = "\r\n"
	}
	unit := unitOf(text, &root)
	switch {
	case events == nil:
		return insert(text, &root, units(`"hooks": `+block("{}", []string{e.member()}), unit), unit, newline)
	case events.find(e.event) == nil:
		return insert(text, events, units(e.member(), unit), unit, newline)
	}
	return insert(text, events.find(e.event), units(render(e.handler, "  "), unit), unit, newline)
}

func (e entry) member() string {
	return strconv.Quote(e.event) + ": " + block("[]", []string{render(e.handler, "  ")})
}

// block renders an object or an array, each member on lines of its own.
func block(brackets string, members []string) string {
	return brackets[:1] + "\n  " + reindent(strings.Join(members, ",\n"), "  ", "\n") + "\n" + brackets[1:]
}

// units replaces the indentation by two blanks that render and block make.
func units(s, unit string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		rest := strings.TrimLeft(line, " ")
		lines[i] = strings.Repeat(unit, (len(line)-len(rest))/2) + rest
	}
	return strings.Join(lines, "\n")
}

// unitOf returns one level of the file's indentation.
func unitOf(text []byte, root *node) string {
	if root.roomy(text) {
		if in := indent(text, root.members[0].keyStart); in != "" {
			return in
		}
	}
	return "  "
}

// repeated returns a name that an object has twice; hosts read either one.
func (n *node) repeated() string {
	if n != nil {
		for i := range n.members {
			if n.kind == '{' && n.find(n.members[i].key) != &n.members[i] {
				return n.members[i].key
			}
		}
	}
	return ""
}
