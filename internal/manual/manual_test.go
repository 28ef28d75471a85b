package manual

import (
	"os/exec"
	"strings"
	"testing"
)

var page = Page{
	Name: "git-x", Date: "2026-11-29",
	About: Command{Name: "git x", Usage: `say "x"`, Purpose: ".git is a directory, 'x' is not, and C:\\x is ~ or ^\nsecond", Examples: []Entry{{`x '.*' --y "$z"`, "'quoted'"}}},
	Commands: []Command{{
		Name: "git x y", Usage: "do y", Args: "[PATH...]",
		Flags:  []Flag{{Names: []string{"-r", "--resource"}, Value: "RESOURCE", Text: "may be given `often`", Many: true}, {Names: []string{"--all"}, Text: strings.Repeat(".words ", 30)}},
		Common: []Flag{{Names: []string{"--json"}, Text: "for programs"}}, Words: []Entry{{"PATH", "a file"}}, Exits: []Entry{{"0", "done"}},
	}},
	See: []string{"git(1)"},
}

// TestRoff: whatever the words have in them, a reader sees just that.
func TestRoff(t *testing.T) {
	source := page.Roff()
	for line := range strings.Lines(source) {
		if len(line) > 81 {
			t.Errorf("%d bytes: %s", len(line), line)
		}
	}
	cmd := exec.Command("mandoc", "-T", "ascii", "-O", "width=300")
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip(err)
	}
	cmd.Stdin = strings.NewReader(source)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder // without what makes it bold
	for i := 0; i < len(out); i++ {
		if i+1 < len(out) && out[i+1] == '\b' {
			i++
			continue
		}
		text.WriteByte(out[i])
	}
	for _, want := range []string{
		`git-x - say "x"`, "git x y [-r RESOURCE]... [--all] [PATH...]", ".git is a directory, 'x' is not, and C:\\x is ~ or ^\n", "     second\n",
		`x '.*' --y "$z"`, "'quoted'", "-r, --resource RESOURCE", "may be given `often`", " .words .words ", "--json", "PATH", "git(1)",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
}

func TestHelp(t *testing.T) {
	want := `git x y - do y

usage: git x y [-r RESOURCE]... [--all] [PATH...]

Flags:
  -r, --resource RESOURCE  may be given ` + "`often`" + `
      --all                .words .words .words .words .words .words .words
                           .words .words .words .words .words .words .words
`
	if got := page.Commands[0].Help(); !strings.HasPrefix(got, want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
