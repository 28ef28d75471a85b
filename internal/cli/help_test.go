package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/git-grite/git-grite/internal/manual"
)

// eachCommand calls f with the path of each command and group, git grite itself
// first.
func eachCommand(f func(path []*command)) {
	var walk func(path, group []*command)
	walk = func(path, group []*command) {
		f(path)
		for _, c := range group {
			walk(append(slices.Clone(path), c), c.subcommands())
		}
	}
	walk(nil, commands())
}

// TestHelpIsComplete: each command says what it is for, what holds without its
// flags, what its words and exit codes mean, and shows two command lines that
// are understood.
func TestHelpIsComplete(t *testing.T) {
	tree := commands()
	var described []string
	eachCommand(func(path []*command) {
		name := strings.Join(names(path), " ")
		d := manual.Of(name)
		described = append(described, name)
		leaf := len(path) > 0 && path[len(path)-1].run != nil
		if d.Purpose == "" || leaf && d.Exits[0] == "" {
			t.Errorf("%q: the purpose is %q, exit 0 is %q", name, d.Purpose, d.Exits[0])
		}
		if leaf && (d.Defaults == "") != (len(path[len(path)-1].flags) == 0) {
			t.Errorf("%q has %d flags and says %q of what holds without", name, len(path[len(path)-1].flags), d.Defaults)
		}
		for code, when := range d.Exits {
			if code != 0 && when != "" && !slices.ContainsFunc(exits, func(e exit) bool { return e.exit == code }) {
				t.Errorf("%q: there is no exit code %d", name, code)
			}
		}
		about := 0
		for _, e := range d.Examples {
			if e.Text == "" {
				t.Errorf("%q: %q says nothing", name, e.Word)
			}
			if understood(t, tree, e.Word, path) {
				about++
			}
		}
		if about == 0 && name != "" {
			t.Errorf("%q: no example is about it", name)
		}
		m := describe(tree, path)
		for _, f := range m.Flags {
			if f.Text == "" || f.Value == "" && strings.Contains(f.Text, "`") {
				t.Errorf("%q: %v says %q", name, f.Names, f.Text)
			}
			if f.Value != strings.ToUpper(f.Value) && !strings.Contains(f.Value, "..") {
				t.Errorf("%q: what stands for the value of %v is %q", name, f.Names, f.Value)
			}
		}
		for _, word := range capitals(m.Synopsis()) {
			explained := slices.ContainsFunc(m.Words, func(e manual.Entry) bool { return e.Word == word }) ||
				slices.ContainsFunc(m.Flags, func(f manual.Flag) bool {
					return f.Value != "" && strings.Contains(f.Value, word) && strings.Contains(f.Text, word)
				})
			if leaf && !explained && word != "ARGUMENT" {
				t.Errorf("%q does not say what %s is", name, word)
			}
		}
	})
	slices.Sort(described)
	said := manual.Names()
	slices.Sort(said)
	if !slices.Equal(said, described) {
		t.Errorf("something is said about\n%q\nand the commands are\n%q", said, described)
	}
}

// understood checks an example's line, and reports whether it is about a command.
func understood(t *testing.T, tree []*command, line string, path []*command) bool {
	t.Helper()
	_, args, ok := strings.Cut(" "+line, " git grite ")
	if !ok {
		if !strings.Contains(line, "git grite") {
			t.Errorf("%q does not call git grite", line)
		}
		return true
	}
	args, _, _ = strings.Cut(args, " | ")
	env := &Env{Args: append([]string{"git-grite"}, strings.Fields(args)...), Dir: t.TempDir()}
	if slices.Contains(env.Args, "-C") {
		env.Args = env.Args[2:]
	}
	l, err := arrange(tree, env.Args[1:])
	if err != nil {
		t.Errorf("%q: %v", line, err)
		return false
	}
	return len(l.path) >= len(path) && slices.Equal(names(l.path)[:len(path)], names(path))
}

// TestHelpIsNarrow: all help fits 80 columns of ASCII, as it is printed.
func TestHelpIsNarrow(t *testing.T) {
	tree := commands()
	eachCommand(func(path []*command) {
		text := describe(tree, path).Help()
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if n := utf8.RuneCountInString(line); n > manual.Columns || n != len(line) || strings.TrimRight(line, " ") != line {
				t.Errorf("%s: %d columns, %d bytes: %q", fmt.Sprint(names(path)), n, len(line), line)
			}
		}
		if len(path) == 0 {
			for _, e := range exits {
				if !strings.Contains(text, fmt.Sprintf("\n  %-3d  %s", e.exit, e.when[:10])) {
					t.Errorf("the help of git grite does not have exit code %d", e.exit)
				}
			}
		}
	})
}
