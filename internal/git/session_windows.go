package git

import (
	"os"
	"os/exec"
)

// ownSession does nothing: Windows has no sessions.
func ownSession(*exec.Cmd) {}

// interruptSession ends the process alone.
func interruptSession(leader *os.Process) error { return leader.Kill() }

// killSession does nothing.
func killSession(*os.Process) {}
