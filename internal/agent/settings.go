package agent

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// State is what a settings file has of ours.
type State string

const (
	Absent    State = "absent"
	Installed State = "installed"
	Outdated  State = "outdated" // entries of ours, but not the ones that Install writes
)

// SettingsError is a settings file that is left alone, because it is not what
// its host would read.
type SettingsError struct {
	Path   string // as in File
	Reason string
	Add    string // what to put into the file by hand
}

func (e *SettingsError) Error() string { return e.Path + ": " + e.Reason }

// Lines returns what the file is when nothing but our entries is in it.
func (f File) Lines(tools string) string {
	if f.whole != "" {
		return f.whole
	}
	var events []string
	for _, e := range f.entries(tools) {
		events = append(events, e.member())
	}
	all := block("{}", events)
	if !f.bare {
		members := []string{`"hooks": ` + all}
		if f.also != "" {
			members = append(members, f.also)
		}
		all = block("{}", members)
	}
	return all + "\n"
}

// Install returns the content with our entries in it and everything else as it
// was, byte for byte; with our entries in it already, it returns the content as
// it is. A nil content is a file that does not exist. tools is a regular
// expression of more editing tools, or "". Errors are *SettingsError.
func (f File) Install(text []byte, tools string) ([]byte, error) {
	if strings.ContainsAny(tools, "'\r\n\x00") {
		return nil, &SettingsError{Path: f.Path, Reason: "a regular expression of tools cannot have quotes or line ends"}
	}
	state, err := f.Status(text, tools)
	if err != nil {
		return nil, err
	}
	if state == Installed {
		return text, nil
	}
	if state == Outdated {
		if text, err = f.Remove(text); err != nil {
			return nil, err
		}
	}
	if text == nil || f.whole != "" {
		return []byte(f.Lines(tools)), nil
	}
	for _, e := range f.entries(tools) {
		root, events, err := f.parse(text)
		if err != nil {
			return nil, err
		}
		text = e.add(text, root, events)
	}
	return text, nil
}

// Remove undoes Install. A nil result is a file to delete, because nothing but
// ours was in it. Errors are *SettingsError.
func (f File) Remove(text []byte) ([]byte, error) {
	if f.whole != "" {
		_, err := f.Status(text, "")
		return nil, err
	}
	for text != nil {
		root, events, err := f.parse(text)
		if err != nil {
			return nil, err
		}
		found := ours(text, events)
		if len(found) == 0 {
			return text, nil
		}
		// The last one first: so the blanks that Install put between two of
		// ours are gone when the first one is judged.
		text = f.drop(text, root, events, found[len(found)-1])
	}
	return nil, nil
}

// Status reports whether the file has our entries. Errors are *SettingsError.
func (f File) Status(text []byte, tools string) (State, error) {
	if text == nil {
		return Absent, nil
	}
	if f.whole != "" {
		first, _, _ := strings.Cut(f.whole, "\n")
		switch {
		case string(text) == f.whole:
			return Installed, nil
		case bytes.HasPrefix(text, []byte(first)):
			return Outdated, nil
		}
		return Absent, &SettingsError{f.Path, "is not a file of git-grite", f.whole}
	}
	_, events, err := f.parse(text)
	if err != nil {
		return Absent, err
	}
	found, wanted := ours(text, events), f.entries(tools)
	if len(found) == 0 {
		return Absent, nil
	}
	same := len(found) == len(wanted)
	for i := 0; same && i < len(wanted); i++ {
		want := []byte(render(wanted[i].handler, ""))
		n, _ := parseJSONC(want) // we have just written it
		same = slices.ContainsFunc(found, func(p place) bool {
			return p.inner < 0 && p.event.key == wanted[i].event && reflect.DeepEqual(p.entry.decode(text), n.decode(want))
		})
	}
	if same {
		return Installed, nil
	}
	return Outdated, nil
}

// Commands returns the command lines of ours that the file has, by event.
func (f File) Commands(text []byte) (lines []string, err error) {
	if f.whole != "" || text == nil {
		return nil, nil
	}
	_, events, err := f.parse(text)
	for _, p := range ours(text, events) {
		n := p.entry
		if hooks := n.find("hooks"); hooks != nil {
			n = &hooks.members[max(p.inner, 0)]
		}
		lines = append(lines, command(n.decode(text)))
	}
	return lines, err
}

// Tools returns the regular expression of more editing tools that our entries
// in the file were installed with, "" when there is none.
func (f File) Tools(text []byte) string {
	lines, _ := f.Commands(text) // a file that cannot be read has none
	for _, line := range lines {
		if _, rest, ok := strings.Cut(line, " --tools '"); ok {
			tools, _, _ := strings.Cut(rest, "'")
			return tools
		}
	}
	return ""
}

// parse returns the whole and the object that has the events, nil when there
// is none yet.
func (f File) parse(text []byte) (root node, events *node, err error) {
	refuse := func(format string, args ...any) (node, *node, error) {
		return node{}, nil, &SettingsError{f.Path, fmt.Sprintf(format, args...), f.Lines("")}
	}
	if root, err = parseJSONC(text); err != nil {
		return refuse("%v", err)
	}
	if root.kind != '{' {
		return refuse("is not a JSON object")
	}
	if events = &root; !f.bare {
		if events = root.find("hooks"); events != nil && events.kind != '{' {
			return refuse(`"hooks" is not an object`)
		}
	}
	if name := events.repeated(); name != "" {
		return refuse("%q is there twice", name)
	}
	if root.repeated() == "hooks" {
		return refuse(`"hooks" is there twice`)
	}
	for _, e := range f.entries("") {
		if n := events.find(e.event); n != nil && n.kind != '[' {
			return refuse("%q is not an array", e.event)
		}
	}
	return root, events, nil
}
