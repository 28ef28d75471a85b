package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
)

// TestExitsAreDocumented holds the documentation against the table of codes.
func TestExitsAreDocumented(t *testing.T) {
	for file, row := range map[string]string{"../../docs/commands.md": "| %d | `%s` | %s |", "../../docs/man/git-grite.1": "\\fB%d\\fR %s\n%s\n"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range exits {
			if want := fmt.Sprintf(row, e.exit, e.code, e.when); !strings.Contains(string(text), want) {
				t.Errorf("%s has no %q", file, want)
			}
		}
	}
}

// TestCommandsAreDocumented holds docs/commands.md against the command tree.
func TestCommandsAreDocumented(t *testing.T) {
	for _, file := range []string{"../../docs/commands.md", "../../docs/man/git-grite.1"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		words := strings.NewReplacer(`\-`, "-", `\fB`, "", `\fR`, "").Replace(string(text))
		for _, c := range commands() {
			if !strings.Contains(words, c.name) {
				t.Errorf("%s does not have %s", file, c.name)
			}
			for _, sub := range c.subcommands {
				if !strings.Contains(words, sub.name) {
					t.Errorf("%s does not have %s %s", file, c.name, sub.name)
				}
				for _, f := range sub.flags {
					name := f.Names()[0]
					if len(name) > 1 && name != "resource" && !strings.Contains(words, "--"+name) {
						t.Errorf("%s does not have %s %s --%s", file, c.name, sub.name, name)
					}
				}
			}
		}
	}
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
			walk(above+c.name+" ", c.subcommands)
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
