package git

import (
	"os"
	"os/exec"
)

// interrupt ends a git process: Windows has no signal that asks for it.
func interrupt(p *os.Process) error { return p.Kill() }

// ownSession does nothing: Windows has no sessions.
func ownSession(*exec.Cmd) {}

// interruptSession ends the process alone.
func interruptSession(leader *os.Process) error { return leader.Kill() }

// killSession does nothing: the process itself is gone by now.
func killSession(*os.Process) {}
