//go:build unix

package git

import (
	"os"
	"os/exec"
	"syscall"
)

// interrupt asks a git process to stop, so that it removes its lock files.
func interrupt(p *os.Process) error { return p.Signal(syscall.SIGINT) }

// detach gives a process and its children a session of their own: whatever
// they start can be ended with them, and none can ask the terminal anything.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
}

// killDetached ends what is left of a detached process and its children.
func killDetached(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
