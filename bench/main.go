// Command bench measures git-grite against something in the same run and prints
// one table. The machines that it runs on are shared and noisy: the commands of a
// row take turns, and the ratio is the median over the turns. Beside the time
// stand what does not depend on the load: how many processes of git a command
// starts, and where valgrind is there how many instructions all its processes
// execute, in millions.
//
//	go run ./bench [-n TURNS] [-old PROGRAM] [ROWS]
//
// ROWS is a regular expression that selects rows by name; "." is all of them, which
// take a while. With -old an older git-grite takes its turns, too, in repositories of
// its own: neither reads what the other remembers.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/gittest"
)

// bench is one run: where it works, and what it has to compare with.
type bench struct {
	dir     string
	work    string // the repositories
	env     []string
	turns   int
	only    *regexp.Regexp
	old     []string // the environment with the older program first on PATH, or none
	program string   // git-grite as built
	hello   string   // a program that prints a line
	empty   string   // a Go program that does nothing
	floor   string   // a Go program that runs diff-index and for-each-ref
}

func main() {
	turns := flag.Int("n", 11, "turns per row")
	old := flag.String("old", "", "an older git-grite, for comparison")
	flag.Parse()
	rows := strings.Join(flag.Args(), "|")
	if rows == "" {
		rows = usual
	}
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "git-grite-bench-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	defer func() {
		if f, failed := recover().(failure); failed {
			log.Print(string(f))
			_ = os.RemoveAll(dir)
			os.Exit(1)
		}
	}()
	b := &bench{dir: dir, work: filepath.Join(dir, "work"), turns: *turns, only: regexp.MustCompile(rows)}
	if err := b.prepare(*old); err != nil {
		log.Print(err)
		return
	}
	b.header()
	for _, rows := range []func(){b.startUp, b.locks, b.index, b.issues, b.hooks, b.edits, b.hostile, b.remotes, b.looks, b.watching, b.fenced, b.managers} {
		check(os.Mkdir(b.work, 0o777))
		rows()
		check(os.RemoveAll(b.work))
	}
}

// usual are the rows that are measured where none are named.
const usual = `^version|^(acquire|renew|release), 0 locks|^(acquire|status|memory.*), 10000 locks packed|^index|^issue|` +
	`^edit|^remote (acquire|renew|release) over file, 0|^(commit|push), ours (with|beside)|^pre-commit, 1000 hostile|^commit's look|^commit with a young|^pre-push of`

// prepare builds the programs and a home of its own.
func (b *bench) prepare(old string) error {
	b.env = append(gittest.Scrub(os.Environ()), gittest.Settings(b.dir)...)
	if err := gittest.WriteConfig(b.dir); err != nil {
		return err
	}
	bin := filepath.Join(b.dir, "bin")
	b.program = filepath.Join(bin, "git-grite")
	b.hello, b.empty, b.floor = filepath.Join(bin, "hello"), filepath.Join(bin, "empty"), filepath.Join(bin, "floor")
	sources := map[string]string{
		b.hello: `package main; import "fmt"; func main() { fmt.Println("hello, world") }`,
		b.empty: `package main; func main() {}`,
		b.floor: `package main
import ("os"; "os/exec")
func main() {
	c := exec.Command("git", "diff-index", "--cached", "--name-only", "-z", "HEAD"); c.Env = os.Environ(); c.Output()
	exec.Command("git", "for-each-ref", "--format=%(objectname) %(refname) %(symref)", "refs/grite/locks").Output()
}`,
	}
	build := func(output, pkg string, args ...string) error {
		cmd := exec.Command("go", append(append([]string{"build", "-trimpath", "-ldflags", "-s -w"}, args...), "-o", output, pkg)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("go build: %v: %s", err, out)
		}
		return nil
	}
	if err := build(b.program, "./cmd/git-grite", "-tags", "urfave_cli_no_docs"); err != nil {
		return err
	}
	for output, source := range sources {
		file := output + ".go"
		if err := os.WriteFile(file, []byte(source), 0o666); err != nil {
			return err
		}
		if err := build(output, file); err != nil {
			return err
		}
	}
	if old != "" {
		olden := filepath.Join(b.dir, "old")
		text, err := os.ReadFile(old)
		if err == nil {
			err = os.Mkdir(olden, 0o777)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(olden, "git-grite"), text, 0o777)
		}
		if err != nil {
			return err
		}
		b.old = append(slices.Clone(b.env), "PATH="+olden+":"+bin+":"+os.Getenv("PATH"))
	}
	b.env = append(b.env, "PATH="+bin+":"+os.Getenv("PATH"))
	return nil
}
