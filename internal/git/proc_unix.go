//go:build unix

package git

import (
	"os"
	"syscall"
)

// interrupt asks a git process to stop, so that it removes its lock files.
func interrupt(p *os.Process) error { return p.Signal(syscall.SIGINT) }
