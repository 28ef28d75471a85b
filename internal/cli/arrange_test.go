package cli

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestSplit: the flags of a command come first, under their names, and the order
// of everything else stays.
func TestSplit(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"lock acquire a -rpath:b c":            "--resource=path:b -- a c",
		"lock acquire -qr path:b":              "--quiet --resource=path:b",
		"lock acquire -qrpath:b=c":             "--quiet --resource=path:b=c",
		"lock acquire -r=path:b -t30m":         "--resource=path:b --ttl=30m",
		"lock acquire --ttl 30m --json=true":   "--ttl=30m --json=true",
		"lock acquire -r -q":                   "--resource=-q",
		"lock acquire -r path:ä -rpath:ö":      "--resource=path:ä --resource=path:ö",
		"lock acquire -- -q":                   "-- -q",
		"lock run -q a -- make -q -- -j":       "--quiet -- a -- make -q -- -j",
		"lock run -q -- make":                  "--quiet -- -- make",
		"--json lock list -":                   "--json -- -",
		"lock log -n5":                         "--number=5",
		"push -q -- -f origin":                 "--quiet -- -f origin",
		"lock check --stdin -z --cached a":     "--stdin --z --cached -- a",
		"lock renew --all":                     "--mine",
		"actor use --worktree --actor a b":     "--worktree --actor=a -- b",
		"lock release -json -quiet -mine":      "--json --quiet --mine",
		"config set lockable *.psd assets/**":  "-- lockable *.psd assets/**",
		"lock acquire --reason=--ttl --ttl=1h": "--reason=--ttl --ttl=1h",
	} {
		l, err := arrange(commands(), strings.Fields(line))
		if got := strings.Join(l.args, " "); err != nil || got != want || l.help {
			t.Errorf("%s: %q, %v, not %q", line, got, err, want)
		}
	}
}

// FuzzArrange: whatever is typed, it is a command, help, or a mistake that is
// explained; and a shell that asks gets an answer.
func FuzzArrange(f *testing.F) {
	for _, line := range []string{"lock\x00acquire\x00-qrpath:a\x00-t30m", "-C\x00/\x00lock\x00ls", "help\x00lock\x00rm", "--actor=\x00x", "config\x00set\x00lock.ttl\x00-", "lock\x00release\x00-\x00-r\x00p", "-\x00--\x00=", "issue\x00show\x00--cached=\xff"} {
		f.Add(line)
	}
	r := gittest.New(f)
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\x00")
		l, err := arrange(commands(), args)
		var usage *usageError
		if err != nil && (!errors.As(err, &usage) || usage.message == "") {
			t.Errorf("%q: %v", args, err)
		}
		if err == nil && !l.help && (len(l.path) == 0 || l.path[len(l.path)-1].run == nil) {
			t.Errorf("%q is no command", args)
		}
		if slices.Contains(args, "-C") {
			return
		}
		var out bytes.Buffer
		env := Env{Args: []string{"git-grite"}, Stdout: &out, Environ: r.Env, Dir: r.Dir, Now: time.Now}
		if code := runComplete(t.Context(), env, args); code != 0 || !strings.HasPrefix(out.String(), "words\n") && out.String() != "files\n" {
			t.Errorf("%q completes with %d, %q", args, code, out.String())
		}
	})
}
