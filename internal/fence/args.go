package fence

import (
	"fmt"
	"slices"
	"strings"
)

// ModeError is a way to call git push that cannot be fenced, because git then
// takes no refspec of ours, or one that git itself would refuse.
type ModeError struct {
	Option string // "" where the settings are to blame
	Reason string // a clause
}

func (e *ModeError) Error() string {
	if e.Option == "" {
		return "git push: " + e.Reason
	}
	return fmt.Sprintf("git push %s: %s", e.Option, e.Reason)
}

// options are those of git push (git 2.39 to 2.52) and whether a value has to
// follow; those whose value is optional take it behind = only.
var options = map[string]bool{
	"verbose": false, "quiet": false, "repo": true, "all": false, "branches": false, "mirror": false, "delete": false, "tags": false,
	"dry-run": false, "porcelain": false, "force": false, "force-with-lease": false, "force-if-includes": false,
	"recurse-submodules": true, "thin": false, "receive-pack": true, "exec": true, "set-upstream": false, "progress": false,
	"prune": false, "verify": false, "follow-tags": false, "signed": false, "atomic": false, "push-option": true, "ipv4": false, "ipv6": false,
}

var short = map[byte]string{
	'v': "verbose", 'q': "quiet", 'd': "delete", 'n': "dry-run", 'f': "force", 'u': "set-upstream", 'o': "push-option", '4': "ipv4", '6': "ipv6",
}

// command is a command line of git push, taken apart.
type command struct {
	kept        []string        // options that git gets as they are
	on          map[string]bool // those that are made into refspecs, and some that are kept
	repo        string
	positionals []string
}

// parse reads arguments by the rules of git's parse-options: options may follow
// positional arguments, "--" ends them, long ones may be shortened as long as
// they stay unique, short ones may be joined.
func parse(argv []string) (c command, err error) {
	c.on = map[string]bool{}
	for len(argv) > 0 {
		arg := argv[0]
		argv = argv[1:]
		switch {
		case arg == "--":
			c.positionals = append(c.positionals, argv...)
			return c, nil
		case strings.HasPrefix(arg, "--"):
			argv, err = c.long(arg, argv)
		case len(arg) > 1 && arg[0] == '-':
			argv, err = c.joined(arg, argv)
		default:
			c.positionals = append(c.positionals, arg)
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *command) long(arg string, rest []string) ([]string, error) {
	typed, value, hasValue := strings.Cut(arg[2:], "=")
	name, negated, err := resolve(typed)
	if err != nil {
		return nil, err
	}
	words := []string{arg}
	if options[name] && !negated && !hasValue {
		if len(rest) == 0 {
			return nil, &ModeError{arg, "needs a value"}
		}
		value, words, rest = rest[0], append(words, rest[0]), rest[1:]
	}
	return rest, c.set(name, !negated, value, words)
}

// resolve finds the option that is meant by a name, its negation, or the
// beginning of one.
func resolve(typed string) (name string, negated bool, err error) {
	var found []string
	for option := range options {
		forms := []string{option, "no-" + option}
		for _, form := range forms {
			if form == typed {
				return option, form != option, nil
			}
			if strings.HasPrefix(form, typed) {
				found = append(found, form)
			}
		}
	}
	if len(found) != 1 {
		return "", false, &ModeError{"--" + typed, "is not an option that is known here"}
	}
	if name, negated = strings.CutPrefix(found[0], "no-"); negated {
		return name, true, nil
	}
	return found[0], false, nil
}

func (c *command) joined(arg string, rest []string) ([]string, error) {
	for i := 1; i < len(arg); i++ {
		name, known := short[arg[i]]
		if !known {
			return nil, &ModeError{"-" + arg[i:i+1], "is not an option that is known here"}
		}
		if !options[name] {
			if err := c.set(name, true, "", []string{"-" + arg[i:i+1]}); err != nil {
				return nil, err
			}
			continue
		}
		words := []string{"-" + arg[i:i+1], arg[i+1:]}
		if words[1] == "" {
			if len(rest) == 0 {
				return nil, &ModeError{words[0], "needs a value"}
			}
			words[1], rest = rest[0], rest[1:]
		}
		return rest, c.set(name, true, words[1], words)
	}
	return rest, nil
}

// set takes note of an option. One that would weaken the fence, or that git does
// not take beside refspecs, is not passed on but made into refspecs.
func (c *command) set(name string, on bool, value string, words []string) error {
	switch name {
	case "force", "all", "branches", "delete", "tags", "mirror":
		c.on[name] = on
		return nil
	case "repo":
		c.repo = value
		return nil
	case "dry-run", "porcelain", "quiet", "set-upstream":
		c.on[name] = on
	case "atomic":
		if !on {
			return &ModeError{words[0], "takes the fence away"}
		}
		return nil
	}
	c.kept = append(c.kept, words...)
	return nil
}

// explicit returns the refspecs that the command line itself names.
func (c *command) explicit(names []string) ([]string, error) {
	var specs []string
	all := c.on["all"] || c.on["branches"]
	switch {
	case c.on["mirror"]:
		return nil, &ModeError{"--mirror", "pushes and deletes all refs, and takes no refspecs"}
	case c.on["delete"] && (all || c.on["tags"]):
		return nil, &ModeError{"--delete", "does not go with --all and --tags"}
	case c.on["delete"] && len(names) == 0:
		return nil, &ModeError{"--delete", "names no ref"}
	case all && (len(names) > 0 || c.on["tags"]):
		return nil, &ModeError{"--all", "does not go with refspecs and --tags"}
	case all:
		specs = append(specs, "refs/heads/*:refs/heads/*")
	case c.on["tags"]:
		specs = append(specs, "refs/tags/*:refs/tags/*")
	}
	for len(names) > 0 {
		name := names[0]
		names = names[1:]
		if name == "tag" {
			if len(names) == 0 {
				return nil, &ModeError{"tag", "names no tag"}
			}
			name, names = "refs/tags/"+names[0], names[1:]
		}
		if c.on["delete"] {
			if strings.Contains(name, ":") {
				return nil, &ModeError{"--delete", "takes plain names of refs"}
			}
			name = ":" + name
		}
		specs = append(specs, name)
	}
	return specs, nil
}

// forced puts the + of a forced update before each refspec. --force itself would
// overrule the leases of the locks (git 2.39, remote.c).
func forced(specs []string) []string {
	specs = slices.Clone(specs)
	for i, spec := range specs {
		if !strings.HasPrefix(spec, "^") { // which excludes refs from the others
			specs[i] = "+" + strings.TrimPrefix(spec, "+")
		}
	}
	return specs
}
