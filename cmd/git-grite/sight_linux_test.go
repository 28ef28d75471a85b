package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/wire"
)

// onTerminal runs a command line of a shell on a terminal of a width, which is
// stdin, stdout and stderr, and returns what is seen there.
func onTerminal(t *testing.T, r *gittest.Repo, columns int, line string) string {
	t.Helper()
	res := r.Run("", "script", "-qec", fmt.Sprintf("stty cols %d rows 24; %s", columns, line), "/dev/null")
	if res.Code == -1 {
		t.Fatal(res.Stderr)
	}
	return strings.ReplaceAll(res.Stdout, "\r\n", "\n")
}

// sightWorld is a clone of alice with a lock of hers, one of hers that is about to
// end, and one of bob.
func sightWorld(t *testing.T) *gittest.Repo {
	t.Helper()
	r := gittest.New(t).With("TERM=xterm", "GIT_PAGER=cat")
	grite(t, r, "init", "--no-hooks", "--label", "alice")
	grite(t, r, "lock", "acquire", "-r", "path:src/", "--ttl", "1h", "--reason", "rework")
	grite(t, r, "lock", "acquire", "-r", "path:web/", "--ttl", "10h")
	grite(t, r.With("GRITE_ACTOR=bob"), "lock", "acquire", "-r", "path:docs/", "--ttl", "10h")
	r.Git("config", "alias.late", "!GRITE_TEST_SHIFT=55m git grite lock status")
	return r
}

const (
	red, green, yellow, cyan = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"
	boldYellow               = "\x1b[1;33m"
)

func TestSightColours(t *testing.T) {
	t.Parallel()
	r := sightWorld(t)
	seen := onTerminal(t, r, 100, "git late")
	for _, row := range []string{boldYellow + "  path:src/", green + "  path:web/", "\n  path:docs/"} {
		if !strings.Contains(seen, row) {
			t.Errorf("no %q in %q", row, seen)
		}
	}
	seen = onTerminal(t, r, 100, "git grite lock acquire docs/x; git late")
	for _, words := range []string{red + "Error:", cyan + "hint:", yellow + "note:"} {
		if !strings.Contains(seen, words) {
			t.Errorf("no %q in %q", words, seen)
		}
	}
	const refused = "lock acquire docs/x"
	for name, row := range map[string]struct {
		line  string // on a terminal, after "git"
		set   []string
		piped bool
		want  bool
	}{
		"auto":               {"grite " + refused, nil, false, true},
		"auto, piped":        {"grite " + refused, nil, true, false},
		"NO_COLOR":           {"grite " + refused, []string{"NO_COLOR=1"}, false, false},
		"NO_COLOR, empty":    {"grite " + refused, []string{"NO_COLOR="}, false, true},
		"dumb":               {"grite " + refused, []string{"TERM=dumb"}, false, false},
		"never":              {"-c color.ui=never grite " + refused, nil, false, false},
		"false":              {"-c color.ui=false grite " + refused, nil, false, false},
		"true":               {"-c color.ui=true grite " + refused, nil, false, true},
		"always, piped":      {"-c color.ui=always grite " + refused, nil, true, true},
		"always, NO_COLOR":   {"-c color.ui=always grite " + refused, []string{"NO_COLOR=1"}, false, false},
		"ours before all":    {"-c color.ui=always -c color.grite=never grite " + refused, nil, false, false},
		"ours before none":   {"-c color.ui=never -c color.grite=auto grite " + refused, nil, false, true},
		"JSON":               {"-c color.ui=always grite " + refused + " --json", nil, false, false},
		"status":             {"grite lock status", nil, false, true},
		"status, piped":      {"grite lock status", nil, true, false},
		"status, never":      {"-c color.ui=never grite lock status", nil, false, false},
		"git's pager":        {"-c pager.grite=true grite lock status", []string{"GIT_PAGER=sed p"}, false, true},
		"git's pager, plain": {"-c pager.grite=true -c color.pager=false grite lock status", []string{"GIT_PAGER=sed p"}, false, false},
	} {
		line := "git " + row.line
		if row.piped {
			line = "{ " + line + "; } 2>&1 | cat"
		}
		seen := onTerminal(t, r.With(row.set...), 100, line)
		if colour := strings.Contains(seen, "\x1b["); colour != row.want || !strings.Contains(seen, "path:docs/") {
			t.Errorf("%s: %q", name, seen)
		}
	}
}

// TestSightHook: what stops a commit stands out, as far as git's settings let it,
// and costs no process where nobody sees it.
func TestSightHook(t *testing.T) {
	t.Parallel()
	r := sightWorld(t)
	grite(t, r, "hooks", "install")
	r.Write("docs/a", "a") // what bob has locked
	r.Git("add", ".")
	for line, want := range map[string]string{
		"GRITE_LOCK_POLICY=require git commit -qm x":                   red + "git-grite:",
		"GRITE_LOCK_POLICY=require git commit -qm x --":                cyan + "override:",
		"GRITE_LOCK_POLICY=require git -c color.ui=false commit -qm x": "\ngit-grite:",
		"GRITE_LOCK_POLICY=require git commit -qm x 2>&1 | cat":        "git-grite:",
		"GRITE_LOCK_POLICY=require NO_COLOR=1 git commit -qm x":        "git-grite:",
		"git grite hook pre-commit":                                    yellow + "git-grite:",
	} {
		if seen := "\n" + onTerminal(t, r, 100, line); !strings.Contains(seen, want) || !strings.Contains(want, "\x1b") && strings.Contains(seen, "\x1b") {
			t.Errorf("%s: no %q in %q", line, want, seen)
		}
	}
	counted, count := r.Trace(0)
	for _, config := range []string{"'user.x'='1'", "'color.ui'='false' 'color.diff'='false'"} {
		counted.With("GIT_CONFIG_PARAMETERS="+config, "GRITE_LOCK_POLICY=require").Run("", "git-grite", "hook", "pre-commit")
		if got := count(); len(got) > 1 {
			t.Errorf("%s: %q", config, got)
		}
	}
}

// TestSightTimes: people see at once when a lock ends and how far off that is.
func TestSightTimes(t *testing.T) {
	t.Parallel()
	r := sightWorld(t)
	for line, want := range map[string]string{
		"git grite lock status":           `path:docs/ [0-9a-f]{8}  expires in 9h59m +at ([0-9-]{10} )?[0-9:]{5} UTC`,
		"git grite lock acquire docs/x":   `Expires: [0-9-]{10} [0-9:]{8} UTC \(in (10h|9h59m)\)\n`,
		"git grite lock renew -r path:w/": `Error: `,
		"git grite lock renew --mine":     `Expires: [0-9-]{10} [0-9:]{8} UTC \(in (10h|9h59m)\)\n`,
		"git grite lock log":              `(?m)^[0-9-]{10} [0-9:]{8} UTC \([0-9]+[smh]+ ago\)  granted `,
	} {
		if seen := onTerminal(t, r.With("NO_COLOR=1"), 120, line); !regexp.MustCompile(want).MatchString(seen) {
			t.Errorf("%s: no %s in %s", line, want, seen)
		}
	}
}

// TestSightWidth: whatever the names, no line is wider than the terminal, and the
// end of each name is seen.
func TestSightWidth(t *testing.T) {
	t.Parallel()
	r := sightWorld(t).With("NO_COLOR=1")
	grite(t, r, "lock", "acquire", "-r", "path:a/very/long/way/down/to/some/component/login.tsx", "--reason", strings.Repeat("because ", 20))
	grite(t, r, "lock", "acquire", "-r", "path:文書/設計/図面/第一章/概要/目次/長い名前.md", "-r", "issue:deploy")
	for _, columns := range []int{40, 60, 80, 120, 400} {
		for _, locale := range []string{"C", "C.UTF-8"} {
			seen := onTerminal(t, r.With("LC_ALL="+locale), columns, "git grite lock status")
			for line := range strings.Lines(seen) {
				if n := wire.Width(strings.TrimSuffix(line, "\n")); n > columns {
					t.Errorf("%d columns of %d: %s", n, columns, line)
				}
			}
			for _, words := range []string{".tsx ", ".md ", "expires in 59m", "alice", "because"} {
				if !strings.Contains(seen, words) {
					t.Errorf("%d columns: no %q in\n%s", columns, words, seen)
				}
			}
			if columns >= 60 && (!strings.Contains(seen, "login.tsx ") || !strings.Contains(seen, "前.md ") || !strings.Contains(seen, "issue:deploy ")) {
				t.Errorf("%d columns: no names in\n%s", columns, seen)
			}
			if columns == 400 && !strings.Contains(seen, map[string]string{"C": "####", "C.UTF-8": "████"}[locale]) {
				t.Errorf("%s: no bar in\n%s", locale, seen)
			}
			if ours := strings.NewReplacer("文書/設計/図面/第一章/概要/目次/長い名前", "").Replace(seen); locale == "C" && columns == 400 && regexp.MustCompile(`[^\x00-\x7f]`).MatchString(ours) {
				t.Errorf("not ASCII:\n%s", ours)
			}
		}
	}
}

func TestSightPager(t *testing.T) {
	t.Parallel()
	r := sightWorld(t).With("NO_COLOR=1")
	r.Env = slices.DeleteFunc(r.Env, func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains([]string{"GIT_PAGER", "PAGER", "LESS"}, name)
	})
	pages := func(name string) string { return "sed s/^/" + name + ":/" }
	for name, row := range map[string]struct {
		line string
		set  []string
		want string // who pages
	}{
		"GIT_PAGER":             {"git -c pager.grite='" + pages("grite") + "' grite lock log", []string{"GIT_PAGER=" + pages("env"), "PAGER=" + pages("pager")}, "env"},
		"core.pager":            {"git -c core.pager='" + pages("core") + "' grite lock log", []string{"PAGER=" + pages("pager")}, "core"},
		"pager.grite":           {"git -c core.pager='" + pages("core") + "' -c pager.grite='" + pages("grite") + "' grite lock log", nil, "grite"},
		"PAGER":                 {"git grite lock log", []string{"PAGER=" + pages("pager")}, "pager"},
		"status":                {"git grite lock status", []string{"PAGER=" + pages("pager")}, "pager"},
		"by itself":             {"git-grite lock log", []string{"PAGER=" + pages("pager")}, "pager"},
		"GIT_PAGER is empty":    {"git grite lock log", []string{"GIT_PAGER=", "PAGER=" + pages("pager")}, ""},
		"cat":                   {"git -c core.pager=cat grite lock log", []string{"PAGER=" + pages("pager")}, ""},
		"--no-pager":            {"git-grite --no-pager lock log", []string{"PAGER=" + pages("pager")}, ""},
		"--no-pager of git":     {"git --no-pager grite lock log", []string{"PAGER=" + pages("pager")}, ""},
		"pager.grite is off":    {"git -c pager.grite=false grite lock log", []string{"PAGER=" + pages("pager")}, ""},
		"off, by itself":        {"GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=pager.grite GIT_CONFIG_VALUE_0=no git-grite lock log", []string{"PAGER=" + pages("pager")}, ""},
		"pager.grite is on":     {"git -c pager.grite=true grite actor list", []string{"PAGER=" + pages("pager")}, "pager"}, // by git
		"what is short":         {"git grite actor list", []string{"PAGER=" + pages("pager")}, ""},
		"JSON":                  {"git grite lock log --json", []string{"PAGER=" + pages("pager")}, ""},
		"a pipe":                {"git grite lock log | cat", []string{"PAGER=" + pages("pager")}, ""},
		"less, as git sets it":  {"git grite lock log", []string{`PAGER=sh -c 'echo "$LESS:"; cat'`}, "FRX"},
		"less, as the user has": {"git grite lock log", []string{`PAGER=sh -c 'echo "$LESS:"; cat'`, "LESS=R"}, "R"},
		"less":                  {"git grite lock log", nil, ""},
		"no such pager":         {"git -c core.pager=nosuchpager grite lock log; true", nil, "sh"},
	} {
		seen := onTerminal(t, r.With(row.set...), 100, row.line)
		who, _, found := strings.Cut(strings.SplitN(seen, "\n", 2)[0], ":")
		if found = found && !strings.Contains(who, " ") && !strings.HasPrefix(who, "{"); !found {
			who = ""
		}
		if who != row.want || row.want != "sh" && !strings.Contains(seen, "alice") {
			t.Errorf("%s: %q pages, not %q:\n%s", name, who, row.want, seen)
		}
	}
	if res := r.Run("", "script", "-qec", "PAGER='head -n 1' git grite lock log; echo exit $?", "/dev/null"); !strings.Contains(res.Stdout, "exit 0") {
		t.Errorf("left early: %s", res.Stdout)
	}
}

// TestSightLess pages through a long log with the real less, which Ctrl-C does not
// end before the reader does; the git of "git grite" would end by it then.
func TestSightLess(t *testing.T) {
	t.Parallel()
	r := sightWorld(t)
	r.Env = slices.DeleteFunc(r.Env, func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains([]string{"GIT_PAGER", "PAGER", "LESS", "TMUX"}, name)
	})
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprintf("path:f%02d", i))
	}
	grite(t, r, append([]string{"lock", "acquire", "-q"}, many...)...)
	socket := filepath.Join(t.TempDir(), "tmux")
	tmux := func(args ...string) string {
		t.Helper()
		res := r.Run("", "tmux", append([]string{"-S", socket}, args...)...)
		if res.Code != 0 {
			t.Fatalf("tmux %q: %s", args, res.Stderr)
		}
		return res.Stdout
	}
	// press presses a key until something is seen: what is typed right after Ctrl-C is
	// thrown away with it.
	press := func(key, words string) {
		t.Helper()
		seen := ""
		for deadline := time.Now().Add(time.Minute); !strings.Contains(seen, words); time.Sleep(200 * time.Millisecond) {
			if seen = tmux("capture-pane", "-p"); time.Now().After(deadline) {
				t.Fatalf("no %q on\n%s", words, seen)
			}
			if key != "" && !strings.Contains(seen, words) {
				tmux("send-keys", key)
			}
		}
	}
	t.Cleanup(func() { r.Run("", "tmux", "-S", socket, "kill-server") })
	tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "12", "sh -c 'trap : INT; git-grite lock log; echo ended with $?; exec cat'")
	press("", "path:src/")
	tmux("send-keys", "C-c")
	press("G", "path:f39")
	press("q", "ended with 0")
}
