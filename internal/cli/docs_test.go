package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
)

// TestExitsAreDocumented holds docs/commands.md against the table of codes. Help
// and man pages are written from that table.
func TestExitsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range exits {
		if want := fmt.Sprintf("| %d | `%s` | %s |", e.exit, e.code, e.when); !strings.Contains(string(text), want) {
			t.Errorf("docs/commands.md has no %q", want)
		}
	}
}

// TestCommandsAreDocumented holds docs/commands.md against the command tree. The
// man pages are written from it.
func TestCommandsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	words := string(text)
	eachCommand(func(path []*command) {
		if len(path) == 0 {
			return
		}
		c := path[len(path)-1]
		if !strings.Contains(words, c.name) {
			t.Errorf("docs/commands.md does not have %v", names(path))
		}
		for _, f := range c.flags {
			name := f.Names()[0]
			if len(name) > 1 && name != "resource" && !strings.Contains(words, "--"+name) {
				t.Errorf("docs/commands.md does not have %v --%s", names(path), name)
			}
		}
	})
}

// TestCommandsHaveSchemas holds docs/schema.json against the command tree.
func TestCommandsHaveSchemas(t *testing.T) {
	text, err := os.ReadFile("../../docs/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	leaves := map[string]bool{"help": true}
	var walk func(above string, all []*command)
	walk = func(above string, all []*command) {
		for _, c := range all {
			if name := above + c.name; c.run != nil {
				leaves[name] = true
			}
			walk(above+c.name+" ", c.subcommands())
		}
	}
	walk("", commands())
	for name := range leaves {
		if schema.Defs[name] == nil {
			t.Errorf("docs/schema.json does not say what %q prints with --json", name)
		}
	}
	for name := range schema.Defs {
		if unicode.IsLower(rune(name[0])) && !leaves[name] {
			t.Errorf("docs/schema.json has %q, which is no command", name)
		}
	}
}
