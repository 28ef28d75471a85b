package git

import "os"

// interrupt ends a git process: Windows has no signal that asks for it.
func interrupt(p *os.Process) error { return p.Kill() }
