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
	value   map[string]string // lowercase "section.key" → value
	remotes []RemoteConfig    // in the order of the file
	text    []byte            // the whole file, in lower case
	odd     bool
	// oddRemotes is odd for what the file says of remotes alone.
	oddRemotes bool
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
			if strings.HasPrefix(section, "remote") {
				section = "remote"
				c.beginRemote(name)
			}
		default:
			key, value, ok := strings.Cut(line, "=")
			key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
			odd := !ok || strings.ContainsAny(value, "\"\\#;")
			switch section {
			case "core", "extensions":
				c.odd = c.odd || odd
				c.value[section+"."+key] = value
			case "remote":
				if key == "url" || key == "pushurl" {
					c.oddRemotes = c.oddRemotes || odd
					c.addURL(key, value)
				}
			}
		}
	}
	if lines.Err() != nil {
		c.odd = true
	}
	return c
}

// RemoteConfig is what the configuration says of one remote.
type RemoteConfig struct {
	Name           string
	URLs, PushURLs []string // as configured, before url.*.insteadOf
}

// beginRemote makes the remote of a section header, remote "NAME", the one that
// the next URLs belong to.
func (c *localConfig) beginRemote(header string) {
	_, rest, _ := strings.Cut(header, "\"")
	name, end, ok := strings.Cut(rest, "\"")
	if !ok || end != "" || strings.Contains(name, "\\") {
		c.oddRemotes = true
		return
	}
	for i, r := range c.remotes {
		if r.Name == name { // a section may be written in pieces
			c.remotes = append(append(c.remotes[:i:i], c.remotes[i+1:]...), r)
			return
		}
	}
	c.remotes = append(c.remotes, RemoteConfig{Name: name})
}

func (c *localConfig) addURL(key, value string) {
	if len(c.remotes) == 0 {
		c.oddRemotes = true
		return
	}
	r := &c.remotes[len(c.remotes)-1]
	if key == "url" {
		r.URLs = append(r.URLs, value)
	} else {
		r.PushURLs = append(r.PushURLs, value)
	}
}

// Remotes returns the remotes of this repository that have a URL. It is read
// without git from the repository's own configuration; where that, or a
// "git -c" of the caller, is out of the ordinary, git is asked.
func (r *Repo) Remotes(ctx context.Context) ([]RemoteConfig, error) {
	c := r.config
	if c.odd || c.oddRemotes || c.value["extensions.worktreeconfig"] == "true" || r.overrides("remote.") {
		if r.asked == nil {
			asked, err := r.askRemotes(ctx)
			if err != nil {
				return nil, err
			}
			r.asked = &asked
		}
		c = *r.asked
	}
	var remotes []RemoteConfig
	for _, remote := range c.remotes {
		if len(remote.URLs)+len(remote.PushURLs) > 0 {
			remotes = append(remotes, remote)
		}
	}
	return remotes, nil
}

func (r *Repo) askRemotes(ctx context.Context) (localConfig, error) {
	var c localConfig
	out, err := r.read(ctx, "config", "-z", "--get-regexp", `^remote\..*\.(url|pushurl)$`)
	if e, ok := err.(*Error); ok && e.ExitCode == 1 {
		return c, nil // none
	}
	for _, item := range splitZ(out) {
		key, value, _ := strings.Cut(item, "\n")
		dot := strings.LastIndexByte(key, '.')
		c.beginRemote(`remote "` + strings.TrimPrefix(key[:dot], "remote.") + `"`)
		c.addURL(key[dot+1:], value)
	}
	return c, err
}

// overrides tells whether a "git -c" of the caller speaks of keys with word
// (lower case) in them.
func (r *Repo) overrides(word string) bool {
	for _, kv := range r.env {
		if strings.HasPrefix(kv, "GIT_CONFIG_") && strings.Contains(strings.ToLower(kv), word) {
			return true
		}
	}
	return false
}

// mentions tells whether the repository's config file, or a "git -c" of the
// caller, speaks of a key whose last part is word (lower case). When it does
// not, git's default holds and git need not be asked.
func (r *Repo) mentions(word string) bool {
	return r.config.text == nil || bytes.Contains(r.config.text, []byte(word)) || r.overrides(word)
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
