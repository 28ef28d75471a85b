package git

import (
	"os/exec"
	"syscall"
)

// endWithUs has the kernel ask a process to stop when the thread that starts it
// ends, which the caller has to keep for as long. A git that is killed instead
// may leave packed-refs.lock behind, which nobody removes.
func endWithUs(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
}
