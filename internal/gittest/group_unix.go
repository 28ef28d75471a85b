//go:build unix

package gittest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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

// Living lists the processes that run a program below dir, where there is a
// /proc.
func Living(dir string) (pids []int) {
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		program, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(program, dir+"/") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// livingIn lists the processes that have their HOME in world, but not zombies,
// whose environment reads as empty.
func livingIn(world string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), []byte("\x00HOME="+world+"/")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
