package gittest

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Running is a program in a process group of its own. It is killed when the
// test ends. Children that it gave groups of their own are reached by none of
// its methods, as it would be for anybody who sends it a signal.
type Running struct {
	cmd            *exec.Cmd
	stdout, stderr string // files, so that Wait does not wait for orphans that hold a pipe
	t              testing.TB
}

// Start starts a program in the repository, with nothing on its standard input.
func (r *Repo) Start(name string, args ...string) *Running {
	r.t.Helper()
	dir := r.t.TempDir()
	p := &Running{cmd: r.command(name, args...), stdout: filepath.Join(dir, "stdout"), stderr: filepath.Join(dir, "stderr"), t: r.t}
	stdout, err := os.Create(p.stdout)
	if err != nil {
		r.t.Fatal(err)
	}
	defer stdout.Close()
	stderr, err := os.Create(p.stderr)
	if err != nil {
		r.t.Fatal(err)
	}
	defer stderr.Close()
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	ownGroup(p.cmd)
	if err := p.cmd.Start(); err != nil {
		r.t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	r.t.Cleanup(p.Kill)
	return p
}

// Pid is the id of the process and of its group.
func (p *Running) Pid() int { return p.cmd.Process.Pid }

// Wait waits for the process itself, not for what it left behind. The code is
// -1 when a signal ended it. It may be called again.
func (p *Running) Wait() Result {
	p.t.Helper()
	if p.cmd.ProcessState == nil {
		if err := p.cmd.Wait(); p.cmd.ProcessState == nil {
			p.t.Fatal(err)
		}
	}
	stdout, err := os.ReadFile(p.stdout)
	if err != nil {
		p.t.Fatal(err)
	}
	stderr, err := os.ReadFile(p.stderr)
	if err != nil {
		p.t.Fatal(err)
	}
	return Result{Stdout: string(stdout), Stderr: string(stderr), Code: p.cmd.ProcessState.ExitCode()}
}

// Kill kills the process group with SIGKILL and waits for the process. On a
// process that Wait has seen the end of it does nothing.
func (p *Running) Kill() {
	if p.cmd.ProcessState == nil {
		_ = killGroup(p.cmd.Process)
		_ = p.cmd.Wait()
	}
}

// HearHangups has the programs that tests start end at a hangup, even where the
// tests were started to outlive one, with nohup: what is ignored is inherited.
func HearHangups() {
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
}
