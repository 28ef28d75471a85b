// Package manual has what is said about each command, and lays out what is known of
// one: as the help that -h prints, and as a man page. The commands with their flags
// are cli's.
package manual

import (
	"fmt"
	"strings"
)

// Entry is a word and what it means.
type Entry struct{ Word, Text string }

// Flag is a flag of a command.
type Flag struct {
	Names []string // as they are typed, the short one first
	Value string   // what stands for its value; "" for a switch
	Text  string
	Many  bool // may be given several times
}

// Command is all that is known of a command, or of a group of them.
type Command struct {
	Name     string // as it is typed
	Usage    string // in a line
	Args     string // its positional arguments, as the synopsis has them
	Purpose  string
	Commands []Entry // of a group
	Flags    []Flag
	Common   []Flag  // those that all commands have
	Words    []Entry // what stands in the synopsis
	Defaults string
	Examples []Entry // command lines, each with what it does
	Exits    []Entry
	More     string // where to read on
}

// Columns is how wide help is at most.
const Columns = 80

// Help is the text of -h.
func (c Command) Help() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n\n", strings.Join(wrap(c.Name+" - "+c.Usage, Columns), "\n"))
	for i, line := range wrap(c.Synopsis(), Columns-len("usage: "+c.Name+" ")) {
		if i == 0 {
			line = "usage: " + c.Name + " " + line
		} else {
			line = strings.Repeat(" ", len("usage: "+c.Name+" ")) + line
		}
		fmt.Fprintln(&out, strings.TrimRight(line, " "))
	}
	paragraph(&out, "", c.Purpose)
	entries(&out, "Commands", c.Commands)
	flags(&out, "Flags", c.Flags)
	flags(&out, "Flags of every command", c.Common)
	entries(&out, "Words", c.Words)
	paragraph(&out, "Defaults", c.Defaults)
	if len(c.Examples) > 0 {
		fmt.Fprint(&out, "\nExamples:\n")
		for _, e := range c.Examples {
			fmt.Fprintf(&out, "  %s\n", e.Word)
			indented(&out, "      ", e.Text)
		}
	}
	entries(&out, "Exit codes", c.Exits)
	paragraph(&out, "", c.More)
	return out.String()
}

// Synopsis is what stands behind the name of a command.
func (c Command) Synopsis() string {
	if len(c.Commands) > 0 {
		return "COMMAND"
	}
	var words []string
	for _, f := range c.Flags {
		word := f.Names[0]
		if f.Value != "" {
			word += "\u00a0" + f.Value // a line does not end here
		}
		word = "[" + word + "]"
		if f.Many {
			word += "..."
		}
		words = append(words, word)
	}
	if c.Args != "" {
		words = append(words, c.Args)
	}
	return strings.Join(words, " ")
}

func paragraph(out *strings.Builder, title, text string) {
	if text == "" {
		return
	}
	out.WriteString("\n")
	if title != "" {
		fmt.Fprintf(out, "%s:\n", title)
	}
	for _, part := range strings.Split(text, "\n") {
		indented(out, "  ", part)
	}
}

func indented(out *strings.Builder, indent, text string) {
	for _, line := range wrap(text, Columns-len(indent)) {
		fmt.Fprintf(out, "%s%s\n", indent, line)
	}
}

func flags(out *strings.Builder, title string, list []Flag) {
	rows := make([]Entry, 0, len(list))
	for _, f := range list {
		word := strings.Join(f.Names, ", ")
		if len(f.Names) == 1 && strings.HasPrefix(word, "--") {
			word = "    " + word
		}
		if f.Value != "" {
			word += " " + f.Value
		}
		rows = append(rows, Entry{word, f.Text})
	}
	entries(out, title, rows)
}

// entries writes a table of two columns. A word that is too long for the first
// one has a line to itself.
func entries(out *strings.Builder, title string, rows []Entry) {
	if len(rows) == 0 {
		return
	}
	const widest = 26
	column := 0
	for _, r := range rows {
		if len(r.Word) <= widest {
			column = max(column, len(r.Word))
		}
	}
	fmt.Fprintf(out, "\n%s:\n", title)
	indent := strings.Repeat(" ", column+4)
	for _, r := range rows {
		lines := wrap(r.Text, Columns-len(indent))
		if len(r.Word) > column {
			fmt.Fprintf(out, "  %s\n", r.Word)
		} else {
			fmt.Fprintf(out, "  %-*s  %s\n", column, r.Word, lines[0])
			lines = lines[1:]
		}
		for _, line := range lines {
			fmt.Fprintf(out, "%s%s\n", indent, line)
		}
	}
}

// wrap breaks a text into lines of at most so many columns.
func wrap(text string, columns int) (lines []string) {
	line := ""
	for _, word := range strings.Split(text, " ") {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) > columns:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	lines = append(lines, line)
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], "\u00a0", " ")
	}
	return lines
}
