package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Error is a mistake in a setting.
type Error struct {
	File  string // or the name of an environment variable; "" for words of the caller
	Line  int    // from 1; 0 when unknown
	Key   string // "" when the file as a whole is wrong
	Fault string
}

func (e *Error) Error() string {
	where := e.File
	switch {
	case e.Line > 0:
		where = fmt.Sprintf("%s:%d", e.File, e.Line)
	case where == "":
		return fmt.Sprintf("%s: %s", e.Key, e.Fault)
	}
	if e.Key != "" {
		return fmt.Sprintf("%s: %s: %s", where, e.Key, e.Fault)
	}
	return fmt.Sprintf("%s: %s", where, e.Fault)
}

// WarningKind says what a warning is about.
type WarningKind string

// The kinds of warnings.
const (
	UnknownSetting WarningKind = "unknown_setting" // a key that does not exist
	CloneSetting   WarningKind = "clone_setting"   // a key in the team's file that only a clone may set
	TeamFileFault  WarningKind = "team_file"       // the team's file is ignored as a whole
)

// Warning is something in a file that is ignored.
type Warning struct {
	Kind    WarningKind
	File    string
	Key     string // "" for TeamFileFault
	Nearest string // the setting that UnknownSetting most likely means, or ""
	Message string // all of it, in one sentence
}

func (c *Config) warn(w Warning) { c.Warnings = append(c.Warnings, w) }

// maxWarnings is how many unknown keys of a file are named.
const maxWarnings = 5

// warnings warns of the keys that are ignored.
func (f file) warnings(c *Config, meta toml.MetaData) {
	for _, k := range Keys() {
		if f.team && !k.Team && defined(meta, k.Name) {
			c.warn(Warning{Kind: CloneSetting, File: f.name, Key: k.Name, Message: fmt.Sprintf("%s: %s is set in each clone only and is ignored here", f.name, k.Name)})
		}
	}
	unknown := meta.Undecoded()
	for i, key := range unknown {
		if n := len(unknown) - i; i == maxWarnings {
			c.warn(Warning{Kind: UnknownSetting, File: f.name, Message: fmt.Sprintf("%s: %d more unknown keys", f.name, n)})
			return
		}
		w := Warning{Kind: UnknownSetting, File: f.name, Key: key.String(), Nearest: nearestKey(key.String())}
		w.Message = fmt.Sprintf("%s: unknown key %s", f.name, key)
		if w.Nearest != "" {
			w.Message += fmt.Sprintf("; did you mean %s?", w.Nearest)
		}
		c.warn(w)
	}
}

// defined reports whether a file has a key, as the decoder finds it: in any case.
func defined(meta toml.MetaData, name string) bool {
	return slices.ContainsFunc(meta.Keys(), func(k toml.Key) bool { return strings.EqualFold(strings.Join(k, "."), name) })
}

// fault says where in the file the decoder or the scan stopped.
func (f file) fault(text string, err error) error {
	var bound *boundError
	var own *Error
	var p toml.ParseError
	switch {
	case errors.As(err, &bound):
		return &Error{File: f.name, Line: bound.line, Fault: "has " + bound.fault}
	case errors.As(err, &own):
		own.File = f.name
		return own
	case !errors.As(err, &p):
		e := &Error{File: f.name, Fault: err.Error()}
		var key string
		// What is no table where one has to be is told in the decoder's types.
		if n, _ := fmt.Sscanf(e.Fault, "toml: line %d (last key %q): type mismatch", &e.Line, &key); n == 2 {
			e.Key, e.Fault = key, fmt.Sprintf("must be a table: write [%s] on a line of its own", key)
		}
		return e
	}
	e := &Error{File: f.name, Line: p.Position.Line, Key: p.LastKey, Fault: p.Message}
	if _, err := toml.Decode(text, &map[string]any{}); err != nil {
		e.Key, e.Fault = "", "is not valid TOML: "+p.Message
	}
	return e
}
