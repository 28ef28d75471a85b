package git

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"strings"
)

// localConfig is what a repository's own config file says, read without git.
// Git itself reads core.bare, core.worktree and extensions.* from this file
// alone when it opens a repository. Anything but plain "key = value" lines
// makes it odd, and git is asked instead.
type localConfig struct {
	value map[string]string // lowercase "section.key" → value
	text  []byte            // the whole file, in lower case
	odd   bool
}

func readLocalConfig(path string) localConfig {
	text, err := os.ReadFile(path)
	if err != nil {
		return localConfig{odd: true}
	}
	c := localConfig{value: map[string]string{}, text: bytes.ToLower(text)}
	section := ""
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			name, rest, ok := strings.Cut(line[1:], "]")
			section = strings.ToLower(name)
			if !ok || strings.TrimSpace(rest) != "" || strings.HasPrefix(section, "include") {
				c.odd = true
			}
		default:
			key, value, ok := strings.Cut(line, "=")
			key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
			if section != "core" && section != "extensions" {
				continue
			}
			if !ok || strings.ContainsAny(value, "\"\\#;") {
				c.odd = true
			}
			c.value[section+"."+key] = value
		}
	}
	if lines.Err() != nil {
		c.odd = true
	}
	return c
}

// mentions tells whether the repository's config file, or a "git -c" of the
// caller, speaks of a key whose last part is word (lower case). When it does
// not, git's default holds and git need not be asked.
func (r *Repo) mentions(word string) bool {
	if r.config.text == nil || bytes.Contains(r.config.text, []byte(word)) {
		return true
	}
	for _, kv := range r.env {
		if strings.HasPrefix(kv, "GIT_CONFIG_") && strings.Contains(strings.ToLower(kv), word) {
			return true
		}
	}
	return false
}

// Config returns the values of the keys that match the extended regular
// expression, the last one where a key has several. Keys are in git's form:
// section and variable in lower case. No match is an empty map.
func (r *Repo) Config(ctx context.Context, regexp string) (map[string]string, error) {
	out, err := r.read(ctx, "config", "-z", "--get-regexp", regexp)
	if e, ok := err.(*Error); ok && e.ExitCode == 1 {
		return nil, nil // nothing matches
	}
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, item := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		key, value, _ := strings.Cut(item, "\n")
		values[key] = value
	}
	return values, nil
}

// UserEmail returns user.email as git resolves it, or "".
func (r *Repo) UserEmail(ctx context.Context) string {
	values, err := r.Config(ctx, `^user\.email$`)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(values["user.email"])
}
