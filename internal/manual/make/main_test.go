package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/cli"
)

const pages = "../../../docs/man"

// TestPagesAreCurrent: what is checked in is what make docs writes.
func TestPagesAreCurrent(t *testing.T) {
	there, err := filepath.Glob(pages + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range cli.Manual() {
		file := filepath.Join(pages, page.Name+".1")
		there = slices.DeleteFunc(there, func(name string) bool { return name == file })
		if text, err := os.ReadFile(file); err != nil || string(text) != page.Roff() {
			t.Errorf("%s is not current (%v): run make docs", file, err)
		}
	}
	if len(there) > 0 {
		t.Errorf("%v are pages of no command: run make docs", there)
	}
}

// TestPagesAreClean: neither man nor mandoc has anything to say, and what a reader
// pastes is what is meant.
func TestPagesAreClean(t *testing.T) {
	for _, page := range cli.Manual() {
		file := filepath.Join(pages, page.Name+".1")
		for _, line := range [][]string{{"mandoc", "-T", "lint", file}, {"man", "--warnings", "-l", file}} {
			if _, err := exec.LookPath(line[0]); err != nil {
				t.Skip(err)
			}
			cmd := exec.Command(line[0], line[1:]...)
			cmd.Env = append(os.Environ(), "MANWIDTH=200", "MANPAGER=cat", "LC_ALL=C.UTF-8", "MAN_KEEP_FORMATTING=")
			var said strings.Builder
			cmd.Stderr = &said
			out, err := cmd.Output()
			if line[0] == "mandoc" {
				said.Write(out)
			}
			if err != nil || said.Len() > 0 {
				t.Errorf("%s: %v\n%s", strings.Join(line, " "), err, said.String())
			}
			if line[0] != "man" {
				continue
			}
			text := string(out)
			for _, c := range page.Commands {
				for _, e := range c.Examples {
					if !strings.Contains(text, e.Word) {
						t.Errorf("%s does not show %q as it is typed", file, e.Word)
					}
				}
				for _, f := range c.Flags {
					if !strings.Contains(text, strings.Join(f.Names, ", ")) {
						t.Errorf("%s does not show %v", file, f.Names)
					}
				}
			}
		}
	}
}
