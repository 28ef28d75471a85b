package direct

import (
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/atomicfile"
)

// Config is what git's configuration says, in git's order: what comes later
// counts more. Keys are in git's form: "section.variable" in lower case, with the
// subsection as it is written in between. A key without a value is "true".
type Config []Setting

// Setting is one value of a key.
type Setting struct{ Key, Value string }

// Last returns the value of key that counts, and whether there is one.
func (c Config) Last(key string) (value string, ok bool) {
	for _, s := range slices.Backward(c) {
		if s.Key == key {
			return s.Value, true
		}
	}
	return "", false
}

// Has reports whether there is a key that starts so.
func (c Config) Has(start string) bool {
	return slices.ContainsFunc(c, func(s Setting) bool { return strings.HasPrefix(s.Key, start) })
}

// Bool is Last for a boolean: anything that is not plainly true is false.
func (c Config) Bool(key string) bool {
	value, _ := c.Last(key)
	switch strings.ToLower(value) {
	case "true", "yes", "on", "1":
		return true
	}
	return false
}

// needed lists, for each section, the variables that are kept when a file is read
// without git; nil stands for all.
var needed = map[string][]string{
	"core":       {"bare", "worktree", "sharedrepository", "ignorecase", "sshcommand", "hookspath", "repositoryformatversion", "logallrefupdates", "fsync", "fsyncmethod"},
	"hook":       nil,
	"extensions": nil,
	"remote":     nil,
	"push":       {"default", "autosetupremote"},
	"branch":     {"remote", "pushremote", "merge"},
	"url":        nil,
}

// readConfig adds what a file says to c; one that does not exist says nothing.
// It is not ok for a file that only git can read, which writes what is needed here
// otherwise than as plain "key = value" lines, and not whole for one that includes
// others: git takes the format of a repository from the file alone.
func (c *Config) readConfig(path string) (ok, whole bool) {
	text, err := atomicfile.Read(path)
	if err != nil {
		return absent(err), true
	}
	return c.parse(string(text))
}

func (c *Config) parse(text string) (ok, whole bool) {
	whole = true
	section, prefix := "", ""
	for line := range strings.Lines(strings.TrimPrefix(text, "\xef\xbb\xbf")) {
		line = strings.Trim(line, " \t\r\n")
		switch {
		case strings.HasSuffix(line, "\\") || strings.ContainsAny(line, "\x00\r"):
			return false, false // goes on in the next line, perhaps
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			if section, prefix, ok = header(line); !ok {
				return false, false
			}
			whole = whole && !strings.HasPrefix(section, "include")
		default:
			variables, known := needed[section]
			key, value, hasValue := strings.Cut(line, "=")
			key, value = strings.ToLower(strings.Trim(key, " \t")), strings.Trim(value, " \t")
			if section == "" {
				return false, false
			}
			if !known || variables != nil && !slices.Contains(variables, key) {
				continue
			}
			// Of commands and hooks nobody here needs to know more than that they are set.
			opaque := key == "sshcommand" || key == "hookspath" || section == "hook"
			if !hasValue && !opaque || !validKey(key) || !opaque && strings.ContainsAny(value, "\"\\#;\t\v\f") {
				return false, false
			}
			*c = append(*c, Setting{prefix + key, value})
		}
	}
	return true, whole
}

// header reads a line [section] or [section "subsection"].
func header(line string) (section, prefix string, ok bool) {
	name, end, ok := strings.Cut(line[1:], "]")
	if !ok || end != "" { // a "]" in the subsection, or a variable in the same line
		return "", "", false
	}
	name, sub, hasSub := strings.Cut(name, "\"")
	section = strings.ToLower(strings.TrimRight(name, " \t"))
	prefix = section + "."
	if hasSub {
		sub, end, ok = strings.Cut(sub, "\"")
		if !ok || end != "" || strings.Contains(sub, "\\") || strings.TrimRight(name, " \t") == name {
			return "", "", false
		}
		prefix += sub + "."
	} else if section != strings.ToLower(name) {
		return "", "", false
	}
	return section, prefix, validKey(section)
}

// validKey reports whether a section or a variable, in lower case, has a plain
// name: letters, digits and dashes.
func validKey(key string) bool {
	return key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && key[0] > '9'
}

// ListedConfig reads the output of "git config --list -z".
func ListedConfig(out []byte) Config {
	var c Config
	for item := range strings.SplitSeq(string(out), "\x00") {
		if item == "" {
			continue
		}
		key, value, ok := strings.Cut(item, "\n")
		if !ok {
			value = "true"
		}
		c = append(c, Setting{key, value})
	}
	return c
}
