package git

import (
	"os/exec"
	"syscall"
)

// endWithUs has the kernel kill a process when the thread that starts it ends,
// which the caller has to keep for as long.
func endWithUs(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
