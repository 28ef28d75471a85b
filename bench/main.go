// Command bench measures git-grite against something in the same run and prints
// one table of ratios. The machines that it runs on are shared and noisy: the
// commands of a row take turns, and the ratio is the median over the turns.
//
//	go run ./bench [-n TURNS] [ROWS]
//
// ROWS is a regular expression that selects rows by name.
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
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// bench is one run: where it works, and what it has to compare with.
type bench struct {
	dir     string
	env     []string
	turns   int
	only    *regexp.Regexp
	program string // git-grite as built
	hello   string // a program that prints a line
	empty   string // a Go program that does nothing
	floor   string // a Go program that runs diff-index and for-each-ref
}

func main() {
	turns := flag.Int("n", 21, "turns per row")
	flag.Parse()
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "git-grite-bench-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, turns: *turns, only: regexp.MustCompile(strings.Join(flag.Args(), "|"))}
	if err := b.prepare(); err != nil {
		log.Print(err)
		return
	}
	fmt.Printf("%-46s %9s %9s %7s  %s\n", "row", "ours ms", "base ms", "ratio", "against; aim")
	b.startUp()
	b.locks()
	b.index()
	b.hooks()
	b.remotes()
	b.managers()
}

// prepare builds the programs and a home of its own.
func (b *bench) prepare() error {
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
	b.env = append(b.env, "PATH="+bin+":"+os.Getenv("PATH"))
	return nil
}

// step is one timed command, with what has to be done before each turn.
type step struct {
	before func()
	dir    string
	stdin  string
	args   []string
}

// run runs a command that has to succeed and returns how long it took.
func (b *bench) run(s *step) time.Duration {
	if s.before != nil {
		s.before()
	}
	cmd := b.command(*s)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		log.Fatalf("%s: %v: %s", strings.Join(s.args, " "), err, out)
	}
	return took
}

func (b *bench) command(s step) *exec.Cmd {
	name := s.args[0]
	if name == "git-grite" {
		name = b.program
	}
	cmd := exec.Command(name, s.args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin = s.dir, b.env, strings.NewReader(s.stdin)
	return cmd
}

// do runs a command outside of the measurement.
func (b *bench) do(dir string, args ...string) { b.run(&step{dir: dir, args: args}) }

// selected tells whether a row is to be measured.
func (b *bench) selected(row string) bool { return b.only.MatchString(row) }

// row measures ours against base, in turns, and prints the medians.
func (b *bench) row(name string, ours, base step, against string) {
	b.pair(name, &ours, &base, against)
}

// pair is row for steps whose before sets what they run.
func (b *bench) pair(name string, ours, base *step, against string) {
	if !b.selected(name) {
		return
	}
	b.run(ours)
	b.run(base)
	var a, c, ratios []float64
	for range b.turns {
		x, y := b.run(ours).Seconds()*1000, b.run(base).Seconds()*1000
		a, c, ratios = append(a, x), append(c, y), append(ratios, x/y)
	}
	fmt.Printf("%-46s %9.1f %9.1f %6.2fx  %s\n", name, median(a), median(c), median(ratios), against)
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
