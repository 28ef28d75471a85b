package cli

import (
	"context"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/wire"
)

// role is what a part of the output is, which decides its colour.
type role string

// The roles, as the SGR sequences that they are written with.
const (
	faulty  role = "\x1b[31m"
	hinted  role = "\x1b[36m"
	noted   role = "\x1b[33m"
	mine    role = "\x1b[32m"
	soon    role = "\x1b[1;33m" // a lease that is about to end
	neutral role = "\x1b[0m"
)

// palette paints, or not.
type palette bool

func (p palette) paint(r role, text string) string {
	if !p || r == neutral {
		return text
	}
	return string(r) + text + string(neutral)
}

// see has the settings of a clone decide about output. Git is asked for them only
// where somebody looks.
func (p *printer) see(ctx context.Context, cl *clone.Clone) {
	p.setting = func(key string) (string, bool) { return cl.Repo.Shown(ctx, key, p.env.Terminal || p.env.Console) }
}

// set is the value of one of git's settings, where a repository was found.
func (p *printer) set(key string) (value string, ok bool) {
	if p.setting == nil {
		return "", false
	}
	return p.setting(key)
}

// colour decides for a stream as git does, and never against NO_COLOR.
func (p *printer) colour(terminal bool) palette {
	if p.env.getenv("NO_COLOR") != "" {
		return false
	}
	wanted, ours := p.set("color.grite")
	if !ours {
		wanted, _ = p.set("color.ui")
	}
	switch {
	case wanted == "never" || isFalse(wanted):
		return false
	case wanted == "always":
		return true
	}
	return palette(terminal && p.env.getenv("TERM") != "dumb")
}

// ofStdout is the palette for stdout, which may go to a pager.
func (p *printer) ofStdout() palette {
	if p.env.getenv("GIT_PAGER_IN_USE") != "" {
		if plain, _ := p.set("color.pager"); isFalse(plain) {
			return false
		}
	}
	return p.colour(p.env.Terminal)
}

// ofStderr is the palette for stderr.
func (p *printer) ofStderr() palette { return p.colour(p.env.Console) }

func isFalse(value string) bool {
	switch strings.ToLower(value) {
	case "false", "no", "off", "0":
		return true
	}
	return false
}

// utf8 reports whether the terminal shows more than ASCII.
func (e Env) utf8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := e.getenv(name); v != "" {
			return strings.Contains(strings.ToUpper(strings.ReplaceAll(v, "-", "")), "UTF8")
		}
	}
	return false
}

func (e Env) ellipsis() string {
	if e.utf8() {
		return "…"
	}
	return "..."
}

// columns is how wide the output may be, 0 for as wide as it gets.
func (e Env) columns() int {
	if !e.Terminal {
		return 0
	}
	if n, err := strconv.Atoi(e.getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if e.Columns > 0 {
		return e.Columns
	}
	return 80 // of the terminal that a pager of git's has
}

// moment is a time as messages have it, and whether how far off it is follows.
var moment = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC( \()?`)
})

// withSpans adds to each time in a text for people how far off it is.
func withSpans(text string, now time.Time) string {
	return moment().ReplaceAllStringFunc(text, func(found string) string {
		t, err := time.Parse("2006-01-02 15:04:05 UTC", found)
		if err != nil { // it is there already
			return found
		}
		return wire.Until(t, now)
	})
}

// choosePager is the command line of the pager that git would use, "" for none.
// Where git was told of another, or of none, it has set GIT_PAGER.
func (p *printer) choosePager() string {
	if p.env.Columns == 0 || p.env.noPager {
		return ""
	}
	pager, set := p.env.lookup("GIT_PAGER")
	if !set {
		switch pager, set = p.set("pager.grite"); {
		case isFalse(pager):
			return ""
		case strings.ToLower(pager) == "true" || pager == "yes" || pager == "on" || pager == "1":
			set = false
		}
	}
	if !set {
		pager, set = p.set("core.pager")
	}
	if !set {
		pager, set = p.env.lookup("PAGER")
	}
	if !set {
		pager = "less"
	}
	if pager == "cat" {
		return ""
	}
	return pager
}

// page shows a text in the pager. It reports false where there is none.
func (p *printer) page(text string) bool {
	pager := p.choosePager()
	if pager == "" {
		return false
	}
	cmd := exec.Command("sh", "-c", pager)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), p.env.Stdout, p.env.Stderr
	cmd.Env = p.env.Environ
	for name, value := range map[string]string{"LESS": "FRX", "LV": "-c"} {
		if p.env.getenv(name) == "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	if cmd.Start() != nil {
		return false
	}
	signal.Ignore(syscall.SIGINT) // it is the pager's, which started before and has its own way with it
	_ = cmd.Wait()                // it may be left early
	return true
}
