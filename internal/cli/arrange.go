package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/wire"
)

// line is a command line that was understood: a command with its arguments in an
// order that urfave/cli takes, or one that help was asked for.
type line struct {
	path []*command // from the top; none for git grite itself
	args []string   // without the names of the path
	help bool
}

// words are the arguments as urfave/cli wants them.
func (l line) words() []string { return append(names(l.path), l.args...) }

func names(path []*command) (list []string) {
	for _, c := range path {
		list = append(list, c.name)
	}
	return list
}

// typed is a command line as people type it.
func typed(words ...string) string { return strings.Join(append([]string{"git grite"}, words...), " ") }

func hintFor(path []*command) string { return typed(append(names(path), "-h")...) }

// enter carries out what stands before the command as in git, and takes it from
// the arguments: --no-pager, and each -C, which is seen from the one before.
func (e *Env) enter() error {
	kept := e.Args[:1:1]
	for i := 1; i < len(e.Args); i++ {
		arg := e.Args[i]
		if arg == "-" || !strings.HasPrefix(arg, "-") {
			kept = append(kept, e.Args[i:]...)
			break
		}
		if arg == "--no-pager" {
			e.noPager = true
			continue
		}
		if arg != "-C" {
			_, width, _ := findFlag(common(), e.Args[i:])
			kept = append(kept, e.Args[i:i+max(1, width)]...)
			i += max(0, width-1)
			continue
		}
		if i++; i == len(e.Args) {
			return usagef("-C needs a directory")
		}
		if e.Args[i] == "" { // stays where it is
			continue
		}
		dir := e.abs(e.Args[i])
		if st, err := os.Stat(dir); err != nil || !st.IsDir() {
			return &placeError{e.Args[i]}
		}
		e.Dir, e.moved = dir, true
		if e.Chdir != nil {
			if err := e.Chdir(dir); err != nil {
				return err
			}
		}
	}
	e.Args = kept
	return nil
}

// placeError is a -C to nowhere.
type placeError struct{ dir string }

func (e *placeError) Error() string { return fmt.Sprintf("there is no directory %q", e.dir) }

// arrange finds the command that args name and puts its flags before its
// positional arguments, behind a "--": urfave/cli v2 takes a flag after the
// first argument for an argument, silently. Aliases become names, because v2
// refuses two forms of one flag. What is missing or unknown is *usageError.
func arrange(tree []*command, args []string) (l line, err error) {
	group, early := tree, []string(nil)
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if len(l.path) == 0 && (arg == "--version" || arg == "-v") {
			arg = "version"
		}
		switch {
		case isHelp(arg) || arg == "help" && !l.help:
			l.help = true
		case strings.HasPrefix(arg, "-") && arg != "-":
			flag, width, err := findFlag(common(), args[i:])
			if err != nil || flag == nil {
				return l, unknownEarly(l.path, args, i, err)
			}
			early = append(early, flag...)
			i += width - 1
		default:
			c := findCommand(group, arg)
			if c == nil {
				return l, unknownCommand(tree, l.path, args, i)
			}
			l.path = append(l.path, c)
			if group = c.subcommands(); c.run == nil {
				continue
			}
			if !l.help {
				l.args, l.help, err = c.split(l.path, args, i+1)
				l.args = append(early, l.args...)
			}
			return l, err
		}
	}
	if l.help {
		return l, nil
	}
	return l, &usageError{
		message: fmt.Sprintf("%s needs a command: %s", typed(names(l.path)...), strings.Join(names(porcelain(group)), ", ")),
		hint:    hintFor(l.path),
	}
}

func isHelp(arg string) bool { return arg == "-h" || arg == "--help" || arg == "-help" }

// split moves the flags of args, from the one at index from on, before the
// positional arguments. Where a command line follows, the "--" before it stays
// among them. Flags have to be UTF-8: urfave/cli v2 sends lists through JSON,
// which replaces what is not.
func (c *command) split(path []*command, args []string, from int) (first []string, help bool, err error) {
	flags := append(slices.Clone(c.flags), common()...)
	var rest []string
	for i := from; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			if c.runs {
				rest = append(rest, "--")
			}
			rest = append(rest, args[i+1:]...)
			break
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			rest = append(rest, arg)
			continue
		}
		known, width, err := findFlag(flags, args[i:])
		switch {
		case known == nil && err == nil && isHelp(arg):
			return nil, true, nil
		case err != nil:
			return nil, false, &usageError{message: err.Error(), hint: hintFor(path)}
		case known == nil:
			return nil, false, c.unknownFlag(path, args, i)
		}
		for _, flag := range known {
			if !utf8.ValidString(flag) {
				return nil, false, usagef("the value of %s is not valid UTF-8", strings.ToValidUTF8(flag, "�"))
			}
		}
		first = append(first, known...)
		i += width - 1
	}
	if len(rest) > 0 {
		first = append(append(first, "--"), rest...)
	}
	return first, false, nil
}

// findFlag looks up the flag that args begin with, or the short ones that stand
// in one word as git's do, and returns them under their names, with their values,
// and how many of args that took. None is found where one is unknown.
func findFlag(flags []cli.Flag, args []string) (found []string, width int, err error) {
	word := strings.TrimPrefix(strings.TrimPrefix(args[0], "-"), "-")
	name, value, hasValue := strings.Cut(word, "=")
	if f := flagNamed(flags, name); f != nil {
		switch {
		case hasValue:
			return []string{"--" + f.Names()[0] + "=" + value}, 1, nil
		case isSwitch(f):
			return []string{"--" + f.Names()[0]}, 1, nil
		case len(args) == 1:
			return nil, 0, fmt.Errorf("%s needs a value", args[0])
		}
		return []string{"--" + f.Names()[0] + "=" + args[1]}, 2, nil
	}
	if strings.HasPrefix(args[0], "--") {
		return nil, 0, nil
	}
	for at := range word {
		f := flagNamed(flags, word[at:at+1])
		switch {
		case f == nil:
			return nil, 0, nil
		case isSwitch(f):
			found = append(found, "--"+f.Names()[0])
			continue
		}
		if at+1 < len(word) {
			return append(found, "--"+f.Names()[0]+"="+word[at+1:]), 1, nil
		}
		last, width, err := findFlag(flags, append([]string{"-" + word[at:]}, args[1:]...))
		return append(found, last...), width, err
	}
	return found, 1, nil
}

func isSwitch(f cli.Flag) bool {
	_, ok := f.(*cli.BoolFlag)
	return ok
}

// flagNamed returns the flag with a name or an alias, or nil.
func flagNamed(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func findCommand(tree []*command, name string) *command {
	for _, c := range tree {
		if c.name == name || slices.Contains(c.aliases, name) {
			return c
		}
	}
	return nil
}

// corrected is a command line with other words in place of n, from index i on.
func corrected(args []string, i, n int, words ...string) string {
	out := "git grite"
	for _, arg := range slices.Concat(args[:i], words, args[i+n:]) {
		out += " " + wire.ShellQuote(arg)
	}
	return out
}

// wantsJSON reports whether the caller asked for JSON, however wrong the rest of
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
