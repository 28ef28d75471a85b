package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// completed is what somebody types before the tab, and the words that are there
// after it. Each has one way to go on.
var completed = []struct{ typed, words string }{
	{"git grite lock acq", "git|grite|lock|acquire"},
	{"git grite lock acquire --rea", "git|grite|lock|acquire|--reason"},
	{"git grite lock release sr", "git|grite|lock|release|src/a.go"}, // the one of two files that I hold
	{"git grite lock renew ar", "git|grite|lock|renew|art work/x.psd"},
	{"git grite lock release -r path:sr", "git|grite|lock|release|-r|path:src/a.go"},
	{"git grite lock renew --resource=path:sr", "git|grite|lock|renew|--resource=path:src/a.go"},
	{"git grite lock release --actor robot -r path:s", "git|grite|lock|release|--actor|robot|-r|path:src/b.go"},
	{"git grite lock break -r p", "git|grite|lock|break|-r|path:src/b.go"},
	{"git grite lock acquire -r path:READ", "git|grite|lock|acquire|-r|path:README"},
	{"git grite lock acquire READ", "git|grite|lock|acquire|README"},
	{"git grite actor use ro", "git|grite|actor|use|robot"},
	{"git grite lock status --actor ro", "git|grite|lock|status|--actor|robot"},
	{"git grite sync --remote up", "git|grite|sync|--remote|upstream"},
	{"git grite config set lock_p", "git|grite|config|set|lock_policy"},
	{"git grite config set lock_policy req", "git|grite|config|set|lock_policy|require"},
	{"git grite hooks install --agent cl", "git|grite|hooks|install|--agent|claude"},
	{"git grite issue list --state=cl", "git|grite|issue|list|--state=closed"},
	{"git-grite lock gc --js", "git-grite|lock|gc|--json"},
	{"grite lock gc --js", "grite|lock|gc|--json"},
}

// completionWorld is a clone in which there is something to complete.
func completionWorld(t *testing.T) *gittest.Repo {
	r := gittest.New(t)
	for _, name := range []string{"README", "src/a.go", "src/b.go", "art work/x.psd"} {
		r.Write(name, "x\n")
	}
	r.Git("add", ".")
	r.Git("commit", "-q", "-m", "first")
	for _, args := range [][]string{
		{"init", "-q", "--no-hooks", "--label", "alice"}, {"actor", "init", "-q", "--label", "robot"},
		{"lock", "acquire", "-q", "src/a.go", "art work/x.psd"}, {"lock", "acquire", "-q", "src/b.go", "--actor", "robot"},
		{"config", "set", "-q", "lock.remote", "none"},
	} {
		came(t, strings.Join(args, " "), r.Run("", "git-grite", args...)).exits(0)
	}
	r.Git("remote", "add", "upstream", "nowhere")
	r.Git("remote", "add", "fork", "nowhere")
	return r
}

// needs skips a test where a program is not installed; make needs gets them.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(err)
		}
	}
}

// scripts are the completions where shells look for them, below a directory as
// install.sh fills it.
func scripts(t *testing.T) string {
	dir, err := filepath.Abs("../../internal/completions")
	if err != nil {
		t.Fatal(err)
	}
	share := t.TempDir()
	for from, to := range map[string]string{"git-grite.bash": "git-grite", "_git-grite": "_git-grite", "git-grite.fish": "git-grite.fish"} {
		if err := os.Symlink(filepath.Join(dir, from), filepath.Join(share, to)); err != nil {
			t.Fatal(err)
		}
	}
	return share
}

// terminal is a shell that believes that somebody types.
type terminal struct {
	t    *testing.T
	keys io.Writer
	said *bufio.Reader
}

// openTerminal starts a program that has a shell say READY first.
func openTerminal(t *testing.T, r *gittest.Repo, name string, args ...string) *terminal {
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = r.Dir, r.With("TERM=dumb", "LC_ALL=C.UTF-8").Env
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(10*time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		keys.Close()
		stuck.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s := &terminal{t, keys, bufio.NewReader(said)}
	s.until("READY")
	return s
}

// until reads to the end of a word.
func (s *terminal) until(word string) string {
	s.t.Helper()
	var out strings.Builder
	for !strings.HasSuffix(out.String(), word) {
		b, err := s.said.ReadByte()
		if err != nil {
			s.t.Fatalf("the shell has ended: %v: %q", err, out.String())
		}
		out.WriteByte(b)
	}
	return out.String()
}

var printed = regexp.MustCompile(`<([^\r\n]*)>DONE`)

// after presses keys on a line, then has the shell print its words instead of
// running it: Control-A goes to the beginning and Control-E to the end.
func (s *terminal) after(keys string) string {
	s.t.Helper()
	if _, err := io.WriteString(s.keys, keys+"\x01printf '<%s>' \x05; echo DO''NE\n"); err != nil {
		s.t.Fatal(err)
	}
	out := s.until("DONE")
	m := printed.FindStringSubmatch(out)
	if m == nil {
		s.t.Fatalf("%q: the shell said %q", keys, out)
	}
	return strings.ReplaceAll(m[1], "><", "|")
}

// completes has a shell complete all that is in the table, and a few more.
func (s *terminal) completes() {
	s.t.Helper()
	for _, tt := range completed {
		if got := s.after(tt.typed + "\t"); got != tt.words {
			s.t.Errorf("%q becomes %q, not %q", tt.typed, got, tt.words)
		}
	}
	for typed, want := range map[string]string{
		"git grite lock acquire -r pa\tsr\t":         "git|grite|lock|acquire|-r|path:src/", // and no blank behind path: and src/
		"git -C 'art work' grite lock release ../\t": "git|-C|art work|grite|lock|release|../",
		"git -C src grite lock release a\t":          "git|-C|src|grite|lock|release|a.go",
		"git grite lock release READ\t":              "git|grite|lock|release|READ", // which nobody holds
		"git grite nonsense \t":                      "git|grite|nonsense",
	} {
		if got := s.after(typed); got != want {
			s.t.Errorf("%q becomes %q, not %q", typed, got, want)
		}
	}
}

// TestCompletionBash types into bash, with git's own completion.
func TestCompletionBash(t *testing.T) {
	t.Parallel()
	needs(t, "bash", "script")
	const gits = "/usr/share/bash-completion/completions/git"
	if _, err := os.Stat(gits); err != nil {
		t.Skip(err)
	}
	r := completionWorld(t)
	rc := filepath.Join(t.TempDir(), "rc")
	// bash-completion's way to find the completion of a program.
	write(t, rc, "_completion_loader () { . '"+scripts(t)+"'/$1; }\n. "+gits+`
bind 'set enable-bracketed-paste off' 'set bell-style none'
bind 'set horizontal-scroll-mode off' 2>/dev/null
PS1='$ '; echo RE''ADY
`)
	s := openTerminal(t, r, "script", "-qefc", "bash --noprofile --rcfile '"+rc+"' -i", "/dev/null")
	s.completes()
	// Meta-* inserts everything that there is.
	if got := s.after("git grite lock release \x1b*"); got != "git|grite|lock|release|art work/x.psd|src/a.go" {
		t.Errorf("all own locks are %q", got)
	}
	if got := s.after(`git grite lock release "art` + "\t"); got != "git|grite|lock|release|art work/x.psd" {
		t.Errorf("in quotes: %q", got)
	}
}

// TestCompletionZsh types into zsh through its own module for that, with the
// completion for git that zsh has.
func TestCompletionZsh(t *testing.T) {
	t.Parallel()
	needs(t, "zsh")
	r := completionWorld(t)
	driver := filepath.Join(t.TempDir(), "driver")
	write(t, driver, `zmodload zsh/zpty || exit 1
zpty shell "zsh -f -i"
zpty -w shell "fpath=('`+scripts(t)+`' \$fpath); autoload -Uz compinit && compinit -u -D; LISTMAX=1000; PS1='$ '; bindkey -e; echo RE''ADY"
zpty -r -m shell out '*READY*' && print -r -- "$out"
while IFS= read -r keys; do
	zpty -w shell "$keys"
	zpty -r -m shell out '*DONE*' && print -r -- "$out"
done
`)
	s := openTerminal(t, r, "zsh", "-f", driver)
	s.completes()
}

// TestCompletionFish asks fish what it would offer.
func TestCompletionFish(t *testing.T) {
	t.Parallel()
	needs(t, "fish")
	r := completionWorld(t)
	share := t.TempDir()
	if err := os.MkdirAll(filepath.Join(share, "fish", "vendor_conf.d"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(scripts(t), "git-grite.fish"), filepath.Join(share, "fish", "vendor_conf.d", "git-grite.fish")); err != nil {
		t.Fatal(err)
	}
	offered := func(typed string) string {
		res := r.With("LC_ALL=C.UTF-8", "XDG_DATA_HOME="+share).Run("", "fish", "-c", "complete -C $argv[1]", "--", typed)
		if res.Code != 0 {
			t.Fatalf("%s: %s", typed, res.Stderr)
		}
		return res.Stdout
	}
	for _, tt := range completed {
		words := strings.Split(tt.words, "|")
		lines := strings.Split(strings.TrimSpace(offered(tt.typed)), "\n")
		word, _, _ := strings.Cut(lines[0], "\t")
		if want := words[len(words)-1]; len(lines) != 1 || word != want {
			t.Errorf("%q: %q, not %q", tt.typed, lines, want)
		}
	}
	if got := offered("git grite lock release "); !strings.Contains(got, "art work/x.psd\talice (") || !strings.Contains(got, "src/a.go\t") || strings.Contains(got, "src/b.go") || strings.Contains(got, "README") {
		t.Errorf("own locks are %s", got)
	}
	if got := offered("git -C src grite lock release "); !strings.Contains(got, "a.go\talice") {
		t.Errorf("own locks seen from src are %s", got)
	}
	if got := offered("git grite lock "); !strings.Contains(got, "acquire\ttake locks on all resources or none\n") {
		t.Errorf("commands are %s", got)
	}
}
