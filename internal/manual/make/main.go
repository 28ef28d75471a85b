// Command make writes the man pages of git-grite, from the same table of commands
// that -h is printed from, into a directory. "make docs" runs it.
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/git-grite/git-grite/internal/cli"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: make DIRECTORY")
	}
	old, err := filepath.Glob(filepath.Join(os.Args[1], "*.1"))
	if err != nil {
		log.Fatal(err)
	}
	for _, page := range old { // of commands that are gone
		if err := os.Remove(page); err != nil {
			log.Fatal(err)
		}
	}
	for _, page := range cli.Manual() {
		if err := os.WriteFile(filepath.Join(os.Args[1], page.Name+".1"), []byte(page.Roff()), 0o666); err != nil {
			log.Fatal(err)
		}
	}
}
