package cli

import (
	"fmt"
	"strconv"
	"time"
)

// flag is a flag of a command.
type flag struct {
	names []string // the long one first
	usage string   // a word in backquotes stands for its value
	to    value
}

// value is where the value of a flag goes, or one of them.
type value interface{ Set(string) error }

// setting is a flag as it was given.
type setting struct {
	*flag
	value string // "true" where a switch has none
}

func (s setting) String() string { return "--" + s.names[0] + "=" + s.value }

// isSwitch reports whether a flag needs no value.
func (f *flag) isSwitch() bool {
	_, ok := f.to.(*toggle)
	return ok
}

// isMany reports whether a flag may be given several times.
func (f *flag) isMany() bool {
	_, ok := f.to.(*texts)
	return ok
}

// common are the values of the flags that every leaf takes.
type common struct {
	json, quiet    bool
	actor, dataDir string
}

func (c *common) flags() []*flag {
	return []*flag{
		boolFlag(&c.json, "json", "print one JSON object"),
		boolFlag(&c.quiet, "quiet", "print errors only", "q"),
		stringFlag(&c.actor, "actor", "act as the actor with this `ID|LABEL` (also GRITE_ACTOR)"),
		stringFlag(&c.dataDir, "data-dir", "act as the actor of this `DIR` (also GRITE_HOME)"),
	}
}

// commonFlags are these flags, for looking them up.
func commonFlags() []*flag { return new(common).flags() }

// toggle is the value of a switch.
type toggle bool

func (t *toggle) Set(s string) error {
	on, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", s)
	}
	*t = toggle(on)
	return nil
}

// word is a value for which "" is as good as none.
type word string

func (w *word) Set(s string) error { *w = word(s); return nil }

// span is a duration of any length.
type span time.Duration

func (d *span) Set(s string) error {
	given, err := time.ParseDuration(s)
	*d = span(given)
	return err
}

func boolFlag(to *bool, name, usage string, aliases ...string) *flag {
	return &flag{append([]string{name}, aliases...), usage, (*toggle)(to)}
}

func stringFlag(to *string, name, usage string) *flag {
	return &flag{[]string{name}, usage, (*word)(to)}
}

// optional is the value of a flag for which "" differs from not being given.
type optional struct {
	given bool
	text  string
}

func (o *optional) Set(s string) error { o.given, o.text = true, s; return nil }

func optionalFlag(to *optional, name, usage string, aliases ...string) *flag {
	return &flag{append([]string{name}, aliases...), usage, to}
}

// texts are the values of a flag that may be repeated.
type texts []string

func (x *texts) Set(s string) error { *x = append(*x, s); return nil }

// textsFlag makes a flag that may be repeated.
func textsFlag(to *texts, name, usage string, aliases ...string) *flag {
	return &flag{append([]string{name}, aliases...), usage, to}
}

func resourceFlag(to *texts) *flag {
	return textsFlag(to, "resource", "a `RESOURCE`; may be given several times", "r")
}

func ttlFlag(to *optional, usage string) *flag {
	return optionalFlag(to, "ttl", usage+", a `DURATION`", "t")
}

func labelFlag(to *optional) *flag {
	return optionalFlag(to, "label", "`NAME` for people; user.email by default")
}
