package cli

import (
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/manual"
)

// helpOf is what -h and help print.
func helpOf(tree, path []*command) result {
	text := describe(tree, path).Help()
	return result{data: map[string]string{"help": text}, text: func(w io.Writer) { io.WriteString(w, text) }}
}

// describe brings together what is known of a command, of a group, or of git
// grite itself.
func describe(tree, path []*command) manual.Command {
	c := &command{usage: `say "I am working on this" and let git respect it`, subcommands: tree}
	if len(path) > 0 {
		c = path[len(path)-1]
	}
	m := manual.Command{Name: typed(names(path)...), Usage: c.usage, Args: strings.ReplaceAll(c.args, " …", "..."), Purpose: c.description}
	for _, sub := range c.subcommands {
		m.Commands = append(m.Commands, manual.Entry{Word: sub.name, Text: sub.usage})
	}
	if c.run != nil {
		m.Flags, m.Common = flagsOf(c.flags), flagsOf(common())
	}
	return m
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
