//go:build unix

package gittest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// ownGroup makes a command that has not started yet the leader of a process
// group.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup kills a process started with ownGroup and its group.
func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }

// Stop suspends the process group as Ctrl-Z does, only that it cannot be caught.
func (p *Running) Stop() { p.signal(syscall.SIGSTOP) }

// Cont lets a stopped process group go on.
func (p *Running) Cont() { p.signal(syscall.SIGCONT) }

func (p *Running) signal(s syscall.Signal) {
	p.t.Helper()
	if err := syscall.Kill(-p.Pid(), s); err != nil {
		p.t.Fatalf("%v: %v", s, err)
	}
}

// endAll kills every process that has its HOME in world and returns when there
// is none, which takes milliseconds. It finds also what left its parents and
// their process group, where there is a /proc; elsewhere it does nothing.
func endAll(world string) {
	for range 2000 {
		pids := livingIn(world)
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(time.Millisecond)
	}
}

// Left lists the processes that are left behind when all tests have ended, by
// their command lines, and kills them. They are known by dir, which the tests
// have put on their PATH; it needs a /proc.
func Left(dir string) (lines []string) {
	var left []int
	for range 100 { // a keeper looks once a second whether its clone is still there
		if left = withVariable("PATH", dir); len(left) == 0 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, pid := range left {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		lines = append(lines, fmt.Sprintf("%d: %s", pid, bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return lines
}

// livingIn lists the processes that have their HOME in world.
func livingIn(world string) []int { return withVariable("HOME", world+"/") }

// withVariable lists the processes that were started with a directory in an
// environment variable, but not zombies, whose environment reads as empty.
func withVariable(name, dir string) (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		environ, _ := os.ReadFile("/proc/" + entry.Name() + "/environ")
		if !bytes.Contains(environ, []byte(dir)) {
			continue
		}
		for kv := range bytes.SplitSeq(environ, []byte{0}) {
			if value, ok := bytes.CutPrefix(kv, []byte(name+"=")); ok && bytes.Contains(value, []byte(dir)) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
