package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/git-grite/git-grite/internal/atomicfile"
)

// newFile is what a clone's configuration starts as. Nothing in it is set, so
// that the team's settings show through.
const newFile = `# git-grite in this clone; the team's settings are in .grite.toml.
# lock_policy = "warn"    # off, warn, require
`

// SetDefaultActor writes default_actor into the clone's configuration below
// dir. The caller holds the clone's file lock. The error is as that of [Set].
func SetDefaultActor(dir, id string) error { return Set(ClonePath(dir), "default_actor", id) }

// Set sets a key in a configuration file, the clone's or the team's, and keeps
// every other key, comment and line of it. The value is written as a person
// writes it: without quotes, and for a list either in brackets or one item. The
// caller holds the clone's file lock. It returns *Error, which has no file for a key
// or value that the file may not have, and for a file that cannot be edited; the
// file is then as it was.
func Set(path, name, value string) error {
	key, err := FindKey(name)
	if err != nil {
		return err
	}
	if value, err = key.written(value); err != nil {
		return err
	}
	return edit(path, key, func(text string, all []statement) (string, error) {
		if at, ok := find(all, key.Name); ok {
			return text[:at.value[0]] + value + text[at.value[1]:], nil
		}
		return insert(text, all, key.Name, value), nil
	})
}

// written is a value as it stands in a file. The error is that of [Set].
func (k Key) written(value string) (string, error) {
	switch k.Type {
	case "list":
		var list struct{ V []string }
		if _, err := toml.Decode("v = "+value, &list); err != nil || strings.ContainsAny(value, "\n\r") {
			value = "[" + strconv.Quote(value) + "]"
		}
	case "bool":
		if !slices.Contains(k.Allowed, value) {
			return "", &Error{Key: k.Name, Fault: fmt.Sprintf("%q is not allowed; allowed are true and false", value)}
		}
	default:
		value = strconv.Quote(value)
	}
	c := defaults()
	err := file{}.apply(&c, []byte(k.Name+" = "+value+"\n"))
	var fault *Error
	if errors.As(err, &fault) {
		return "", &Error{Key: k.Name, Fault: fault.Fault}
	}
	return value, err
}

// Unset removes a key from a configuration file, with its line, and keeps
// everything else. It reports whether the key was there. Errors are as those of
// [Set].
func Unset(path, name string) (removed bool, err error) {
	key, err := FindKey(name)
	if err != nil {
		return false, err
	}
	err = edit(path, key, func(text string, all []statement) (string, error) {
		at, ok := find(all, key.Name)
		removed = ok
		if !ok {
			return text, nil
		}
		return text[:at.start] + text[at.end:], nil
	})
	return removed && err == nil, err
}

// edit applies a change of one key to a file.
func edit(path string, key Key, change func(string, []statement) (string, error)) error {
	f := file{path: path, name: path, team: filepath.Base(path) == TeamFile}
	fault := func(format string, args ...any) error {
		return &Error{File: path, Key: key.Name, Fault: fmt.Sprintf(format, args...)}
	}
	if f.team && !key.Team {
		return &Error{Key: key.Name, Fault: "it is set in each clone only, not for a team"}
	}
	for _, p := range []string{path, filepath.Dir(path)} {
		if st, err := os.Lstat(p); err == nil && (p == path && !st.Mode().IsRegular() || st.Mode()&os.ModeSymlink != 0) {
			return fault("cannot be written, because %s is not a regular file or directory", p)
		}
	}
	old, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
		if !f.team {
			old = []byte(newFile)
		}
	}
	if err != nil {
		return fault("cannot be read: %v", err)
	}
	var before, after map[string]any
	all, err := scan(string(old))
	if err == nil {
		_, err = toml.Decode(string(old), &before)
	}
	if err != nil {
		return f.fault(string(old), err)
	}
	text, err := change(string(old), all)
	if err != nil || text == string(old) && len(old) > 0 {
		return err
	}
	c := defaults()
	if err := f.apply(&c, []byte(text)); err != nil {
		return f.fault(text, err)
	}
	if _, err := toml.Decode(text, &after); err != nil {
		return f.fault(text, err)
	}
	drop(before, key.Name)
	drop(after, key.Name)
	if !reflect.DeepEqual(before, after) {
		return fault("cannot be edited here; change it by hand")
	}
	return atomicfile.Write(path, []byte(text), 0o666)
}

// drop removes a key, and the table that it leaves empty.
func drop(values map[string]any, name string) {
	table, rest, nested := strings.Cut(name, ".")
	for k, v := range values {
		if !strings.EqualFold(k, table) {
			continue
		}
		if sub, ok := v.(map[string]any); ok && nested {
			if drop(sub, rest); len(sub) > 0 {
				continue
			}
		}
		delete(values, k)
	}
}

// find returns the assignment of a key.
func find(all []statement, name string) (statement, bool) {
	table := ""
	for _, st := range all {
		key := strings.ToLower(strings.Join(st.key, "."))
		switch {
		case st.header:
			table = key + "."
		case table+key == name:
			return st, true
		}
	}
	return statement{}, false
}

// insert adds an assignment after the others of its table. A table that there is
// not yet comes last, and a key of no table first.
func insert(text string, all []statement, name, value string) string {
	section, key, nested := strings.Cut(name, ".")
	if !nested {
		section, key = "", name
	}
	at, table := -1, ""
	dotted := false
	for _, st := range all {
		if st.header {
			table = strings.ToLower(strings.Join(st.key, "."))
		}
		switch {
		case table == section:
			at, dotted = st.end, false
		case table == "" && nested && strings.EqualFold(st.key[0], section) && len(st.key) > 1 && at < 0:
			at, dotted = st.end, true
		}
	}
	line := key + " = " + value + "\n"
	if dotted {
		line = name + " = " + value + "\n"
	}
	switch {
	case at >= 0:
		if !strings.HasSuffix(text[:at], "\n") {
			line = "\n" + line
		}
		return text[:at] + line + text[at:]
	case !nested:
		bom := len(text) - len(strings.TrimPrefix(text, "\ufeff"))
		return text[:bom] + line + text[bom:]
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if text != "" {
		text += "\n"
	}
	return text + "[" + section + "]\n" + line
}
