package cli

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// arrange finds the command that args name and puts its flags before its
// positional arguments, behind a "--": urfave/cli v2 takes a flag after the
// first argument for an argument, silently. Aliases become names, because v2
// refuses two forms of one flag. A missing or unknown command is *usageError.
func arrange(tree []*command, args []string) (arranged []string, err error) {
	var path, early []string
	help := false
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-h" || arg == "--help" || arg == "-help" || arg == "help" && !help && len(path) == 0:
			help = true
		case strings.HasPrefix(arg, "-") && arg != "-":
			flag, width := findFlag(common(), args[i:])
			if flag == nil {
				return nil, &usageError{message: fmt.Sprintf("unknown flag %s before a command", arg), hint: hintFor(path)}
			}
			early = append(early, flag...)
			i += width - 1
		default:
			c := findCommand(tree, arg)
			if c == nil {
				return nil, unknownCommand(path, arg)
			}
			path = append(path, c.name)
			if c.run == nil {
				tree = c.subcommands
				continue
			}
			if help {
				return append(path, "-h"), nil
			}
			rest, err := split(append(slices.Clone(c.flags), common()...), args[i+1:], c.runs)
			return slices.Concat(path, early, rest), err
		}
	}
	if help {
		return append(path, "-h"), nil
	}
	names := make([]string, 0, len(tree))
	for _, c := range tree {
		names = append(names, c.name)
	}
	return nil, &usageError{
		message: fmt.Sprintf("%s needs a command: %s", strings.Join(append([]string{"git grite"}, path...), " "), strings.Join(names, ", ")),
		hint:    hintFor(path),
	}
}

// split moves flags before positional arguments. Where a command line follows,
// the "--" before it stays among them. Flags have to be UTF-8:
// urfave/cli v2 sends lists through JSON, which replaces what is not.
func split(flags []cli.Flag, args []string, runs bool) ([]string, error) {
	var first, rest []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			if runs {
				rest = append(rest, "--")
			}
			rest = append(rest, args[i+1:]...)
			break
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			rest = append(rest, arg)
			continue
		}
		known, width := findFlag(flags, args[i:])
		if known == nil {
			known, width = []string{arg}, 1 // -h, or unknown: urfave/cli says so
		}
		if !utf8.ValidString(known[0]) {
			return nil, usagef("the value of %s is not valid UTF-8", strings.ToValidUTF8(known[0], "�"))
		}
		first = append(first, known...)
		i += width - 1
	}
	if len(rest) > 0 {
		first = append(append(first, "--"), rest...)
	}
	return first, nil
}

// findFlag looks up the flag that args begin with, and returns it under its
// name, with its value, and how many of args that took.
func findFlag(flags []cli.Flag, args []string) (found []string, width int) {
	name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(args[0], "-"), "-"), "=")
	for _, f := range flags {
		names := f.Names()
		if !slices.Contains(names, name) {
			continue
		}
		_, isBool := f.(*cli.BoolFlag)
		switch {
		case hasValue:
			return []string{"--" + names[0] + "=" + value}, 1
		case isBool || len(args) == 1:
			return []string{"--" + names[0]}, 1
		}
		return []string{"--" + names[0] + "=" + args[1]}, 2
	}
	return nil, 0
}

func findCommand(tree []*command, name string) *command {
	for _, c := range tree {
		if c.name == name || slices.Contains(c.aliases, name) {
			return c
		}
	}
	return nil
}

func unknownCommand(path []string, name string) error {
	return &usageError{
		message: fmt.Sprintf("unknown command %q", strings.Join(append(path, name), " ")),
		hint:    hintFor(path),
	}
}

func hintFor(path []string) string {
	return strings.Join(slices.Concat([]string{"git grite"}, path, []string{"-h"}), " ")
}

// wantsJSON tells whether the caller asked for JSON, however wrong the rest of
// the command line is.
func wantsJSON(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "--":
			return false
		case "--json", "-json", "--json=true", "-json=true":
			return true
		}
	}
	return false
}
