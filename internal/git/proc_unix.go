//go:build unix

package git

import (
	"os"
	"os/exec"
	"syscall"
)

// interrupt asks a git process to stop, so that it removes its lock files.
func interrupt(p *os.Process) error { return p.Signal(syscall.SIGINT) }

// ownSession starts a process in a session of its own: without a terminal that
// anything could ask on, and with a process group that all that it starts
// belongs to.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// interruptSession asks the processes of a session to stop.
func interruptSession(leader *os.Process) error { return syscall.Kill(-leader.Pid, syscall.SIGINT) }

// killSession ends what is left of a session, mostly nothing.
func killSession(leader *os.Process) { _ = syscall.Kill(-leader.Pid, syscall.SIGKILL) }
