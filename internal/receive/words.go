package receive

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// most is how many refs or paths are listed.
const most = 10

// Lines is the verdict for the standard error of the hook, which git shows to
// the pusher behind "remote: "; none when there is nothing to say.
func (v Verdict) Lines() []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, "git-grite: "+fmt.Sprintf(format, args...)) }
	for i, r := range v.Refusals {
		if i == most {
			say("and %d more", len(v.Refusals)-most)
			break
		}
		say("%s: %s", printable(string(r.Ref)), printable(r.Why))
	}
	if n := len(v.Collisions); n > 0 {
		verb := "are"
		if v.Blocked() {
			verb = "may not be pushed while they are"
		}
		say("paths of this push %s locked by others:", verb)
		for i, c := range v.Collisions {
			if i == most {
				lines = append(lines, fmt.Sprintf("  and %d more", n-most))
				break
			}
			reason := ""
			if c.Lock.Reason != "" {
				reason = ": " + c.Lock.Reason
			}
			lines = append(lines, "  "+printable(fmt.Sprintf("%s  %s held by %s for %s more%s", c.Path, c.Lock.Resource, c.Lock.Holder(),
				c.Lock.Expires.Sub(v.At).Round(time.Second), reason)))
		}
	}
	switch {
	case v.Gap != nil && v.Closed:
		say("this push could not be judged: %s", printable(v.Gap.Error()))
	case v.Gap != nil:
		say("not all of this push was checked: %s; going on", printable(v.Gap.Error()))
	}
	if v.gitlab {
		for i := range lines { // the only lines that GitLab passes on
			lines[i] = "GL-HOOK-ERR: " + lines[i]
		}
	}
	return lines
}

// printable escapes what must not reach a terminal.
func printable(s string) string {
	quoted := strconv.QuoteToGraphic(s)
	quoted = quoted[1 : len(quoted)-1]
	return strings.ReplaceAll(strings.ReplaceAll(quoted, `\"`, `"`), `\\`, `\`)
}
