package cli

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// common are the flags that every leaf takes.
func common() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print errors only"},
		&cli.StringFlag{Name: "actor", Usage: "act as the actor with this `ID|LABEL` (also GRITE_ACTOR)"},
		&cli.StringFlag{Name: "data-dir", Usage: "act as the actor of this `DIR` (also GRITE_HOME)"},
	}
}

func boolFlag(to *bool, name, usage string, aliases ...string) cli.Flag {
	return &cli.BoolFlag{Name: name, Aliases: aliases, Usage: usage, Destination: to}
}

func stringFlag(to *string, name, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Usage: usage, Destination: to}
}

// optional is the value of a flag for which "" differs from not being given.
type optional struct {
	given bool
	text  string
}

func (o *optional) Set(s string) error { o.given, o.text = true, s; return nil }
func (o *optional) String() string     { return o.text }

func optionalFlag(to *optional, name, usage string, aliases ...string) cli.Flag {
	return &cli.GenericFlag{Name: name, Aliases: aliases, Usage: usage, Value: to}
}

// texts are the values of a flag that may be repeated, exactly as given: those
// of cli.StringSliceFlag lose the blanks at their ends, which names of files may
// have.
type texts []string

// sameTexts stands for the value itself when the library copies it from an
// alias to the name, which share it. No argument has a NUL.
const sameTexts = "\x00"

func (x *texts) Set(s string) error {
	if s != sameTexts {
		*x = append(*x, s)
	}
	return nil
}

func (x *texts) String() string    { return strings.Join(*x, ", ") }
func (x *texts) Serialize() string { return sameTexts }

// textsFlag makes a flag that may be repeated.
func textsFlag(to *texts, name, usage string, aliases ...string) cli.Flag {
	return &cli.GenericFlag{Name: name, Aliases: aliases, Usage: usage, Value: to}
}

func resourceFlag(to *texts) cli.Flag {
	return textsFlag(to, "resource", "a `RESOURCE`; may be given several times", "r")
}

func ttlFlag(to *optional, usage string) cli.Flag {
	return optionalFlag(to, "ttl", usage+", a `DURATION`", "t")
}

func labelFlag(to *optional) cli.Flag {
	return optionalFlag(to, "label", "`NAME` for people; user.email by default")
}
