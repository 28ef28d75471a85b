//go:build unix

package git

import (
	"os"
	"os/exec"
	"syscall"
)

// ownSession starts a process in a session of its own: without a terminal, and
// with a process group that all that it starts belongs to.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// interruptSession asks the processes of a session to stop.
func interruptSession(leader *os.Process) error { return syscall.Kill(-leader.Pid, syscall.SIGINT) }

// killSession ends what is left of a session.
func killSession(leader *os.Process) { _ = syscall.Kill(-leader.Pid, syscall.SIGKILL) } // mostly nothing is left
