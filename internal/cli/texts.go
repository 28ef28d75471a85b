package cli

import (
	"strings"

	"github.com/urfave/cli/v2"
)

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
func textsFlag(name, usage string, aliases ...string) cli.Flag {
	return &cli.GenericFlag{Name: name, Aliases: aliases, Usage: usage, Value: &texts{}}
}

// textsOf returns the values of such a flag.
func textsOf(cc *cli.Context, name string) []string {
	given, _ := cc.Generic(name).(*texts)
	if given == nil {
		return nil
	}
	return *given
}
