package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/config"
)

// otherWords are words that other programs with locks, and git, have for a
// command of ours.
var otherWords = []struct{ group, command, words string }{
	{"", "init", "setup enable"},
	{"", "deinit", "uninit uninstall teardown disable"},
	{"", "sync", "fetch pull refresh"},
	{"", "actor current", "whoami me"},
	{"", "hooks install", "install"},
	{"", "completion", "completions complete"},
	{"lock", "acquire", "take get add create new grab obtain claim reserve checkout"},
	{"lock", "renew", "extend refresh touch heartbeat"},
	{"lock", "release", "rm remove delete del drop free return"},
	{"lock", "break", "steal force kick evict revoke"},
	{"lock", "status", "list ls show ps who locks"},
	{"lock", "check", "verify test"},
	{"lock", "gc", "prune clean cleanup"},
	{"lock", "log", "history"},
	{"lock", "run", "exec with"},
	{"actor", "init", "new create add"},
	{"actor", "use", "switch set"},
	{"actor", "rm", "remove delete del"},
	{"issue", "create", "new open add"},
	{"issue", "update", "edit set"},
	{"issue", "show", "view get"},
	{"issue", "claim", "take grab"},
	{"hooks", "install", "add enable"},
	{"hooks", "uninstall", "rm remove delete disable"},
	{"hooks", "status", "list ls show"},
}

// otherFlags are names that other programs have for a flag of ours.
var otherFlags = map[string][]string{
	"timeout": {"wait"}, "message": {"reason", "body"}, "m": {"reason", "body"}, "comment": {"reason", "body"}, "duration": {"ttl"}, "expires": {"ttl"}, "lease": {"ttl"},
	"path": {"resource"}, "file": {"resource"}, "owner": {"actor"}, "user": {"actor"}, "name": {"label"}, "id": {"nonce"}, "local": {"cached", "offline"},
	"verify": {"mine"}, "limit": {"number"}, "silent": {"quiet"}, "follow": {"watch"},
}

// unknownCommand is the error for the word args[i], which the command at the end
// of path does not have. What was probably meant stands in its hint, as a whole
// command line.
func unknownCommand(tree, path []*command, args []string, i int) error {
	group, at := tree, ""
	if len(path) > 0 {
		group, at = path[len(path)-1].subcommands(), names(path)[len(path)-1]
	}
	e := &usageError{message: fmt.Sprintf("unknown command %q", typed(append(names(path), args[i])...)), hint: hintFor(path)}
	if meant := meantCommand(tree, group, at, args[i]); meant != "" {
		e.message += fmt.Sprintf("; did you mean %q?", typed(append(names(path), meant)...))
		e.hint = corrected(args, i, 1, strings.Fields(meant)...)
	}
	return e
}

// meantCommand is the command of a group that a word most likely means, or "". At
// the top the commands below lock may be meant, too.
func meantCommand(tree, group []*command, name, word string) string {
	for _, in := range []string{name, "lock"} {
		for _, o := range otherWords {
			if o.group == in && slices.Contains(strings.Fields(o.words), word) {
				if in != name {
					return in + " " + o.command
				}
				return o.command
			}
		}
		if name != "" {
			break
		}
		if c := findCommand(findCommand(tree, "lock").subcommands(), word); c != nil {
			return "lock " + c.name
		}
	}
	if near := config.Nearest(word, names(porcelain(group))); near != "" || name != "" {
		return near
	}
	if near := config.Nearest(word, names(findCommand(tree, "lock").subcommands())); near != "" {
		return "lock " + near
	}
	return ""
}

// unknownEarly is the error for the flag args[i] before a command; err is what
// findFlag has to say.
func unknownEarly(path []*command, args []string, i int, err error) error {
	e := &usageError{message: fmt.Sprintf("unknown flag %s before a command; the flags of a command stand behind it", args[i]), hint: hintFor(path)}
	if err != nil {
		e.message = err.Error()
	}
	if args[i] == "-C" {
		e.message = "-C DIR stands before the first command, as in git"
	}
	return e
}

// unknownFlag is the error for the flag args[i] of a command.
func (c *command) unknownFlag(path []*command, args []string, i int) error {
	word, value, hasValue := strings.Cut(args[i], "=")
	e := &usageError{message: fmt.Sprintf("unknown flag %s of %s", word, typed(names(path)...)), hint: hintFor(path)}
	name := strings.TrimLeft(word, "-")
	flags := append(slices.Clone(c.flags), common()...)
	if meant := meantFlag(flags, name); meant != "" {
		e.message += fmt.Sprintf("; did you mean --%s?", meant)
		if hasValue && !isSwitch(flagNamed(flags, meant)) {
			meant += "=" + value
		}
		e.hint = corrected(args, i, 1, "--"+meant)
		return e
	}
	switch {
	case path[0].name == "lock" && (name == "force" || name == "f"):
		e.message += "; a lock of somebody else is taken away with git grite lock break, by the nonce that the status shows"
		e.hint = typed("lock status --json")
	case c.runs:
		e.message += "; the command line that it runs stands behind --"
	case path[0].name == "push":
		e.message += "; the arguments of git push stand behind --"
		e.hint = corrected(args, i, 0, "--")
	}
	return e
}

// meantFlag is the flag that a name most likely means, or "": by another program's
// word for it, by its beginning, or misspelt.
func meantFlag(flags []cli.Flag, name string) string {
	var all []string
	for _, f := range flags {
		all = append(all, f.Names()[0])
	}
	for _, ours := range otherFlags[name] {
		if slices.Contains(all, ours) {
			return ours
		}
	}
	for _, ours := range all {
		if len(name) > 1 && strings.HasPrefix(ours, name) {
			return ours
		}
	}
	return config.Nearest(name, all)
}
