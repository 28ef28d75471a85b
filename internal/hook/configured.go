package hook

import (
	"context"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/hooks"
	"github.com/git-grite/git-grite/internal/git"
)

// Configured is a hook from git's configuration. Git runs these, before the file
// in the hooks directory, from 2.54 on.
type Configured struct {
	Name    string // of hook.NAME.command
	Command string
	Events  []string // our hooks that it is for
	Calls   bool     // it calls git-grite itself
}

// ConfiguredHooks returns those that are for hooks that ours are for too, or call
// git-grite, ordered by name.
func ConfiguredHooks(ctx context.Context, repo *git.Repo) ([]Configured, error) {
	values, err := repo.Config(ctx, `^hook\..*\.(command|event|enabled)$`)
	if err != nil {
		return nil, err
	}
	var found []Configured
	for key, command := range values {
		name, ok := strings.CutSuffix(strings.TrimPrefix(key, "hook."), ".command")
		if !ok || values["hook."+name+".enabled"] == "false" {
			continue
		}
		c := Configured{Name: name, Command: command}
		for _, event := range hooks.Names {
			calls := callsIn([]byte(command), event)
			c.Calls = c.Calls || calls
			if calls || values["hook."+name+".event"] == event {
				c.Events = append(c.Events, event)
			}
		}
		if len(c.Events) > 0 {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b Configured) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}
