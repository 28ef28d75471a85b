package git

import (
	"os"
	"os/exec"
	"syscall"
)

// interrupt ends a git process: Windows has no signal that asks for it.
func interrupt(p *os.Process) error { return p.Kill() }

// detach gives a process a group of its own, away from the console's Ctrl-C.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// killDetached does nothing: the process itself is gone by now, and Windows has
// no group to be killed with it.
func killDetached(*os.Process) {}
