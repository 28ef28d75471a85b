package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// newFile is what a clone's configuration starts as. Nothing in it is set, so
// that the team's settings show through.
const newFile = `# git-grite in this clone; the team's settings are in .grite.toml.
# lock_policy = "warn"    # off, warn, require
`

// SetDefaultActor writes default_actor into the clone's configuration below
// dir and keeps every other key, comment and line of it. The caller holds the
// clone's file lock.
func SetDefaultActor(dir, id string) error {
	path := ClonePath(dir)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		text, err = []byte(newFile), nil
	}
	if err != nil {
		return err
	}
	edited := setTopLevel(string(text), "default_actor", id)
	var check struct {
		DefaultActor string `toml:"default_actor"`
	}
	if _, err := toml.Decode(edited, &check); err != nil {
		return file{name: path}.fault(edited, err)
	}
	if check.DefaultActor != id {
		return &Error{File: path, Key: "default_actor", Fault: fmt.Sprintf("cannot be edited here; set it to %q by hand", id)}
	}
	return writeFile(path, []byte(edited))
}

// setTopLevel sets a key before the first table of a TOML text to a string.
func setTopLevel(text, key, value string) string {
	assignment := regexp.MustCompile(`^(\s*"?` + regexp.QuoteMeta(key) + `"?\s*=\s*)("[^"]*"|'[^']*'|[^\s#]*)`)
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "[") {
			break
		}
		if assignment.MatchString(line) {
			lines[i] = assignment.ReplaceAllString(line, `${1}"`+value+`"`)
			return strings.Join(lines, "")
		}
	}
	return fmt.Sprintf("%s = %q\n", key, value) + text
}

// writeFile replaces a file by rename, so that no reader sees half of it.
func writeFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
