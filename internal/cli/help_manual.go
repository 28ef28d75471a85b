package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/manual"
)

// manualDate is the day of the last change of the man pages that a reader should
// know of.
const manualDate = "2026-11-29"

// environment are the variables that commands read.
var environment = []manual.Entry{
	{Word: "GRITE_ACTOR", Text: "the actor, by its label or id; a label that nobody has makes one when a lock is taken"},
	{Word: "GRITE_HOME", Text: "the directory of the actor"},
	{Word: "GRITE_LOCK_POLICY", Text: "goes before lock_policy of all files"},
	{Word: "NO_COLOR", Text: "no colours on a terminal"},
}

// Manual are the man pages: one about git grite and the commands that stand
// alone, and one about each group.
func Manual() (pages []manual.Page) {
	tree := commands()
	top := manual.Page{
		Name: "git-grite", Date: manualDate, About: describe(tree, nil),
		Sections: []manual.Section{
			{Title: "EXIT STATUS", Entries: exitsOf(manual.Codes{}, true)},
			{Title: "OUTPUT", Text: "With --json a command prints one object on stdout, for success and failure alike, and nothing on stderr. docs/schema.json describes it."},
			{Title: "CONFIGURATION", Text: manual.Of("config").Purpose, Entries: settingEntries()},
			{Title: "ENVIRONMENT", Entries: environment},
		},
	}
	groups, see := manual.Section{Title: "GROUPS OF COMMANDS"}, []string{"git-grite(1)"}
	for _, c := range tree {
		path := []*command{c}
		if c.run != nil {
			top.Commands = append(top.Commands, describe(tree, path))
			continue
		}
		page := manual.Page{Name: "git-grite-" + c.name, Date: manualDate, About: describe(tree, path), Commands: leaves(tree, path)}
		pages, see = append(pages, page), append(see, page.Name+"(1)")
		groups.Entries = append(groups.Entries, manual.Entry{Word: typed(c.name), Text: fmt.Sprintf("%s: %s; see %s(1)", c.usage, strings.Join(names(c.subcommands()), ", "), page.Name)})
	}
	top.Sections = append([]manual.Section{groups}, top.Sections...)
	pages = append([]manual.Page{top}, pages...)
	for i := range pages {
		pages[i].See = append(slices.DeleteFunc(slices.Clone(see), func(s string) bool { return s == pages[i].Name+"(1)" }), "git-commit(1)", "git-push(1)", "githooks(5)")
	}
	return pages
}

// leaves are the commands of a group and of those in it.
func leaves(tree, path []*command) (all []manual.Command) {
	for _, c := range path[len(path)-1].subcommands() {
		below := append(slices.Clone(path), c)
		if c.run != nil {
			all = append(all, describe(tree, below))
		}
		all = append(all, leaves(tree, below)...)
	}
	return all
}

func settingEntries() (list []manual.Entry) {
	for _, k := range config.Keys() {
		e := manual.Entry{Word: k.Name, Text: k.Help}
		if len(k.Allowed) > 0 {
			e.Text += ": " + strings.Join(k.Allowed, ", ")
		}
		if k.Default != "" {
			e.Text += fmt.Sprintf(" (default %s)", k.Default)
		}
		if k.Team {
			e.Text += "; also for the team"
		}
		list = append(list, e)
	}
	return list
}
