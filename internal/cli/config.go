package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/wire"
)

func newConfig() *command {
	leaf := func(name, args, usage string, run func(context.Context, *call, bool) (result, error)) *command {
		var team bool
		return &command{
			name: name, args: args, usage: usage,
			flags: []cli.Flag{boolFlag(&team, "team", "only those of the team, in "+config.TeamFile)},
			run:   func(ctx context.Context, c *call) (result, error) { return run(ctx, c, team) },
		}
	}
	return &command{name: "config", usage: "read and write settings", group: func() []*command {
		return []*command{
			leaf("get", "KEY", "show the value of a setting", runConfigGet),
			leaf("set", "KEY VALUE …", "set a setting", runConfigSet),
			leaf("unset", "KEY", "remove a setting from the file", runConfigUnset),
			leaf("list", "", "show all settings, and where they come from", runConfigList),
		}
	}}
}

// settingJSON is a setting as programs see it.
type settingJSON struct {
	Key     string   `json:"key"`
	Value   any      `json:"value"` // a list of strings, a bool or a string; null where it has none
	From    string   `json:"from"`  // a file, an environment variable, or default
	Default string   `json:"default"`
	Type    string   `json:"type"`
	Allowed []string `json:"allowed,omitempty"`
	Team    bool     `json:"team"` // may be set for a team
	Help    string   `json:"help"`
}

func newSettingJSON(c config.Config, s config.Setting) settingJSON {
	j := settingJSON{Key: s.Name, Value: s.Value, From: s.From, Default: s.Default, Type: s.Type, Allowed: s.Allowed, Team: s.Team, Help: s.Help}
	switch {
	case s.Type == "list":
		j.Value = append([]string{}, c.Lockable...)
	case s.Type == "bool":
		j.Value = s.Value == "true"
	case s.Value == "":
		j.Value = nil
	}
	return j
}

// openSettings opens the clone, and brings its settings or, for a team, those of
// the team alone.
func (c *call) openSettings(ctx context.Context, team bool) (config.Config, error) {
	cl, err := c.open(ctx)
	switch {
	case err != nil:
		return config.Config{}, err
	case team:
		return config.Load(config.Sources{WorkTree: cl.Repo.WorkTree})
	}
	return cl.Config, nil
}

// key is the setting that the first argument names.
func (c *call) key(least, most int) (config.Key, error) {
	if len(c.args) < least || len(c.args) > most {
		return config.Key{}, &usageError{message: c.name + " needs a KEY" + map[bool]string{true: " and a VALUE"}[least > 1], hint: "git grite config list"}
	}
	return config.FindKey(c.args[0])
}

func runConfigGet(ctx context.Context, c *call, team bool) (result, error) {
	key, err := c.key(1, 1)
	if err != nil {
		return result{}, err
	}
	cfg, err := c.openSettings(ctx, team)
	if err != nil {
		return result{}, err
	}
	s := settingOf(cfg, key)
	if s.Value == "" || team && s.From == config.Default {
		return result{}, &unsetError{key.Name, team}
	}
	return result{data: newSettingJSON(cfg, s), text: func(w io.Writer) { fmt.Fprintln(w, wire.Printable(s.Value)) }}, nil
}

func settingOf(cfg config.Config, key config.Key) config.Setting {
	all := cfg.Settings()
	return all[slices.IndexFunc(all, func(s config.Setting) bool { return s.Name == key.Name })]
}

// unsetError is a setting that has no value.
type unsetError struct {
	key  string
	team bool
}

func (e *unsetError) Error() string {
	if e.team {
		return fmt.Sprintf("%s is not set in %s", e.key, config.TeamFile)
	}
	return e.key + " is not set"
}

func runConfigList(ctx context.Context, c *call, team bool) (result, error) {
	cfg, err := c.openSettings(ctx, team)
	if err != nil {
		return result{}, err
	}
	all := cfg.Settings()
	if team {
		all = slices.DeleteFunc(all, func(s config.Setting) bool { return s.From == config.Default })
	}
	list := make([]settingJSON, 0, len(all))
	for _, s := range all {
		list = append(list, newSettingJSON(cfg, s))
	}
	return result{data: map[string]any{"settings": list}, text: func(w io.Writer) {
		for _, s := range all {
			fmt.Fprintf(w, "%s = %s  (%s)\n", s.Name, wire.Printable(cmp.Or(s.Value, "none")), wire.Printable(s.From))
		}
		if len(all) == 0 {
			fmt.Fprintf(w, "Nothing is set in %s\n", config.TeamFile)
		}
	}}, nil
}

func runConfigSet(ctx context.Context, c *call, team bool) (result, error) {
	key, err := c.key(2, len(c.args))
	if err != nil {
		return result{}, err
	}
	value := c.args[1]
	if len(c.args) > 2 {
		if key.Type != "list" {
			return result{}, &usageError{message: fmt.Sprintf("%s has one value, not %d", key.Name, len(c.args)-1), hint: c.name + " -h"}
		}
		quoted := make([]string, 0, len(c.args))
		for _, v := range c.args[1:] {
			quoted = append(quoted, strconv.Quote(v))
		}
		value = "[" + strings.Join(quoted, ", ") + "]"
	}
	return c.changeSetting(ctx, key, team, func(path string) (bool, error) {
		return true, config.Set(path, key.Name, value)
	}, "Setting changed")
}

func runConfigUnset(ctx context.Context, c *call, team bool) (result, error) {
	key, err := c.key(1, 1)
	if err != nil {
		return result{}, err
	}
	return c.changeSetting(ctx, key, team, func(path string) (bool, error) {
		return config.Unset(path, key.Name)
	}, "Setting removed")
}

// changeSetting changes a file of settings, also one with a mistake in it, and
// says what holds then: another file may go before it.
func (c *call) changeSetting(ctx context.Context, key config.Key, team bool, change func(path string) (bool, error), title string) (result, error) {
	cl, _, err := c.openAnyway(ctx)
	if err != nil {
		return result{}, err
	}
	path, changed, err := cl.Configure(ctx, team, change)
	if err != nil {
		return result{}, err
	}
	if !changed {
		title = "Nothing to remove: the setting is not there"
	}
	cfg, err := config.Load(config.Sources{Dir: cl.Dir(), WorkTree: cl.Repo.WorkTree, Policy: c.getenv("GRITE_LOCK_POLICY")})
	if err != nil { // in another file
		c.out.note(wire.UnknownSetting, "%s", wire.Printable(err.Error()))
	}
	data := struct {
		settingJSON
		File    string `json:"file"`
		Changed bool   `json:"changed"`
	}{newSettingJSON(cfg, settingOf(cfg, key)), path, changed}
	return result{data: data, text: func(w io.Writer) {
		s := settingOf(cfg, key)
		fmt.Fprintf(w, "%s\n  File: %s\n  In effect: %s = %s  (%s)\n", title, path, key.Name, wire.Printable(s.Value), wire.Printable(s.From))
	}}, nil
}

// explainSetting is that of a mistake on the command line, which has no file.
func explainSetting(err error, _ time.Time) (failure, bool) {
	var e *config.Error
	if !errors.As(err, &e) || e.File != "" {
		return failure{}, false
	}
	return failure{hints: []string{"git grite config list"}}, true
}
