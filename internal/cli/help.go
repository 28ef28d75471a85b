package cli

import (
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/manual"
)

// helpOf is what -h and help print.
func helpOf(tree, path []*command) result {
	text := describe(tree, path).Help()
	return result{data: map[string]string{"help": text}, text: func(w io.Writer) { io.WriteString(w, text) }}
}

// meanings are the words in capitals that stand for something in a synopsis.
var meanings = []manual.Entry{
	{Word: "PATH", Text: "a file, a directory with everything below it, or a pattern such as 'src/**/*.go', relative to the current directory; it may also be a RESOURCE"},
	{Word: "RESOURCE", Text: "path:X from the top of the repository or path:./X from here, issue:ID, or repo:NAME, which excludes everybody else from everything"},
	{Word: "DURATION", Text: "a number with its unit, such as 30s, 15m, 1h, 2d or 1h30m"},
	{Word: "COMMAND", Text: "a program with its arguments, which is not read by a shell"},
	{Word: "KEY", Text: "the name of a setting; git grite config list has them all"},
	{Word: "VALUE", Text: "what it is set to, such as 15m, require or a pattern"},
	{Word: "HOOK", Text: "pre-commit, pre-push, or agent and the name of a coding agent"},
	{Word: "WORD", Text: "what git hands to the hook"},
	{Word: "SHELL", Text: "bash, zsh or fish"},
	{Word: "ARG", Text: "an argument of git push, such as the remote, a branch or --force-with-lease"},
}

// describe brings together what is known of a command, of a group, or of git
// grite itself.
func describe(tree, path []*command) manual.Command {
	c := &command{usage: `say "I am working on this" and let git respect it`, group: func() []*command { return tree }}
	if len(path) > 0 {
		c = path[len(path)-1]
	}
	d := manual.Of(strings.Join(names(path), " "))
	m := manual.Command{
		Name: typed(names(path)...), Usage: c.usage, Args: strings.ReplaceAll(c.args, " …", "..."),
		Purpose: d.Purpose, Defaults: d.Defaults, Exits: exitsOf(d.Exits, len(path) == 0),
		More: "git grite help COMMAND says more about a command, docs/commands.md about JSON and settings.",
	}
	if d.Examples[0].Word != "" {
		m.Examples = d.Examples[:]
	}
	for _, sub := range porcelain(c.subcommands()) {
		m.Commands = append(m.Commands, manual.Entry{Word: sub.name, Text: sub.usage})
	}
	if c.run != nil {
		m.More = ""
		m.Flags, m.Common = flagsOf(c.flags), flagsOf(common())
	}
	said := capitals(m.Synopsis())
	for _, word := range meanings {
		if c.run != nil && slices.Contains(said, word.Word) {
			m.Words = append(m.Words, word)
			said = append(said, capitals(word.Text)...)
		}
	}
	if id, ok := meaningOfID(path); ok && slices.Contains(said, "ID") {
		m.Words = append(m.Words, manual.Entry{Word: "ID", Text: id})
	}
	return m
}

// capitals are the words of a text that stand for something.
func capitals(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r < 'A' || r > 'Z' })
}

// meaningOfID is what an ID is in the group of a command.
func meaningOfID(path []*command) (string, bool) {
	if len(path) < 2 {
		return "", false
	}
	switch path[0].name {
	case "actor":
		return "an actor by its label, or by the beginning of its id", true
	case "issue":
		return "an issue by the beginning of its id, at least 4 digits, also behind issue:", true
	}
	return "", false
}

// exitsOf lists exit codes in order: those of a command with the ones that all
// commands have, or all.
func exitsOf(own manual.Codes, all bool) (list []manual.Entry) {
	if own[0] == "" && !all { // a group
		return nil
	}
	list = []manual.Entry{{Word: "0", Text: cmp.Or(own[0], "done")}}
	for _, e := range exits {
		when := ""
		if e.exit < len(own) {
			when = own[e.exit]
		}
		switch {
		case when != "" && e.code == codeEnvironment:
			when += "; or " + e.when
		case when != "":
		case all, e.code == codeInvalid, e.code == codeEnvironment:
			when = e.when
		default:
			continue
		}
		list = append(list, manual.Entry{Word: strconv.Itoa(e.exit), Text: when})
	}
	return list
}

func flagsOf(flags []cli.Flag) (list []manual.Flag) {
	for _, f := range flags {
		d, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		text, value := d.GetUsage(), ""
		if before, rest, ok := strings.Cut(text, "`"); ok {
			var after string
			value, after, _ = strings.Cut(rest, "`")
			text = before + value + after
		}
		m := manual.Flag{Value: value, Text: text, Many: isMany(f)}
		for _, name := range f.Names() {
			if len(name) == 1 {
				m.Names = append([]string{"-" + name}, m.Names...)
			} else {
				m.Names = append(m.Names, "--"+name)
			}
		}
		list = append(list, m)
	}
	return list
}

// isMany reports whether a flag may be given several times.
func isMany(f cli.Flag) bool {
	g, ok := f.(*cli.GenericFlag)
	if ok {
		_, ok = g.Value.(*texts)
	}
	return ok
}
