package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// step is one timed command, with what has to be done before each turn.
type step struct {
	before func()
	dir    string
	stdin  string
	args   []string
}

// failure is a command that failed, as a panic: it ends the run, or the turns of an
// older program that does not know it.
type failure string

// run runs a command that has to succeed and returns how long it took.
func (b *bench) run(s *step) time.Duration { return b.runIn(s, b.env) }

func (b *bench) runIn(s *step, env []string, wrapper ...string) time.Duration {
	if s.before != nil {
		s.before()
	}
	cmd := b.command(*s, env, wrapper...)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		panic(failure(fmt.Sprintf("%s: %v: %s", strings.Join(s.args, " "), err, out)))
	}
	return took
}

// command is the command of a step, below a wrapper, with the programs of PATH.
func (b *bench) command(s step, env []string, wrapper ...string) *exec.Cmd {
	argv := slices.Concat(wrapper, s.args)
	for i := len(env) - 1; i >= 0; i-- {
		path, ok := strings.CutPrefix(env[i], "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			if found, err := exec.LookPath(filepath.Join(dir, argv[0])); err == nil {
				argv[0] = found
				break
			}
		}
		break
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin = s.dir, env, strings.NewReader(s.stdin)
	return cmd
}

// do runs a command outside of the measurement.
func (b *bench) do(dir string, args ...string) { b.run(&step{dir: dir, args: args}) }

// output is what a command prints.
func (b *bench) output(dir string, stdin string, args ...string) string {
	out, err := b.command(step{dir: dir, stdin: stdin, args: args}, b.env).Output()
	check(err)
	return strings.TrimSpace(string(out))
}

// selected reports whether a row is to be measured.
func (b *bench) selected(row string) bool { return b.only.MatchString(row) }

// any reports whether one of the rows is to be measured.
func (b *bench) any(rows ...string) bool { return slices.ContainsFunc(rows, b.selected) }

const columns = "%-46s %8s %8s %7s %7s %15s"

func (b *bench) header() {
	fmt.Printf(columns, "row", "ours ms", "base ms", "ratio", "git", "10^6 instr")
	if b.old != nil {
		fmt.Printf(" %8s %7s", "old ms", "to old")
	}
	fmt.Println("  against; aim")
}

// row measures ours against base, in turns, and prints the medians.
func (b *bench) row(name string, ours, base step, against string) {
	b.pair(name, &ours, &base, against)
}

// pair is row for steps whose before sets what they run.
func (b *bench) pair(name string, ours, base *step, against string) {
	if !b.selected(name) {
		return
	}
	has := b.old != nil && b.apart(ours)
	b.run(ours)
	b.run(base)
	var a, c, o, ratios, toOld []float64
	for range b.turns {
		x, y := b.run(ours).Seconds()*1000, b.run(base).Seconds()*1000
		a, c, ratios = append(a, x), append(c, y), append(ratios, x/y)
		if has {
			z := b.older(ours).Seconds() * 1000
			o, toOld = append(o, z), append(toOld, x/z)
		}
	}
	git := fmt.Sprintf("%d/%d", b.processes(ours), b.processes(base))
	fmt.Printf(columns, name, ms(median(a)), ms(median(c)), fmt.Sprintf("%.2fx", median(ratios)), git, b.instructions(ours, base))
	if has {
		fmt.Printf(" %8s %6.2fx", ms(median(o)), median(toOld))
	} else if b.old != nil {
		fmt.Printf(" %8s %7s", "", "")
	}
	fmt.Printf("  %s\n", against)
}

// apart copies the repositories for the older program and reports whether that can
// run the step.
func (b *bench) apart(s *step) (has bool) {
	b.do("", "rm", "-rf", b.work+".old")
	b.do("", "cp", "-a", b.work, b.work+".old")
	defer func() {
		if f, failed := recover().(failure); failed {
			log.Printf("the older program: %s", f)
			has = false
		}
	}()
	b.older(s)
	return true
}

// older runs a step, and what goes before it, with the older program. Its
// repositories are where the others were meanwhile: their paths are in settings.
func (b *bench) older(s *step) time.Duration {
	swap := func() {
		check(os.Rename(b.work, b.work+".new"))
		check(os.Rename(b.work+".old", b.work))
		check(os.Rename(b.work+".new", b.work+".old"))
	}
	env := b.env
	swap()
	b.env = b.old
	defer func() { b.env = env; swap() }()
	return b.run(s)
}

// single prints a row that is one number.
func (b *bench) single(name string, value float64, unit string) {
	fmt.Printf(columns+"  %s\n", name, ms(value), "", "", "", "", unit)
}

func ms(v float64) string { return fmt.Sprintf("%.1f", v) }

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// processes counts the processes of git below a command, itself among them.
func (b *bench) processes(s *step) int {
	file := filepath.Join(b.dir, "trace")
	defer os.Remove(file)
	if s.before != nil {
		s.before()
	}
	plain := *s
	plain.before = nil
	b.runIn(&plain, append(slices.Clone(b.env), "GIT_TRACE2_EVENT="+file))
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	return bytes.Count(text, []byte(`{"event":"start",`))
}

var executed = regexp.MustCompile(`Collected *: ([0-9]+)`)

// instructions compares what all processes of two commands execute, or is "" where
// there is no valgrind or the command fails below it. Go is told not to interrupt itself, which callgrind (3.19)
// does not survive.
func (b *bench) instructions(ours, base *step) string {
	if _, err := exec.LookPath("valgrind"); err != nil {
		return ""
	}
	count := func(s *step) float64 {
		dir, err := os.MkdirTemp(b.dir, "valgrind-")
		check(err)
		if s.before != nil {
			s.before()
		}
		plain := *s
		plain.before = nil
		cmd := b.command(plain, append(slices.Clone(b.env), "GODEBUG=asyncpreemptoff=1"), "valgrind", "--tool=callgrind", "--trace-children=yes", "--callgrind-out-file=/dev/null", "--log-file="+filepath.Join(dir, "%p"))
		if cmd.Run() != nil {
			return 0 // a hook of a push does not survive it either
		}
		sum := 0.0
		logs, err := filepath.Glob(filepath.Join(dir, "*"))
		check(err)
		for _, file := range logs {
			text, err := os.ReadFile(file)
			check(err)
			if m := executed.FindSubmatch(text); m != nil {
				n, err := strconv.ParseFloat(string(m[1]), 64)
				check(err)
				sum += n / 1e6
			}
		}
		return sum
	}
	x, y := count(ours), count(base)
	if x == 0 || y == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f/%.1f", x, y)
}
