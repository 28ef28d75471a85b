//go:build unix

package keep

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Detach starts a program that outlives this one, in a session of its own, with
// none of the caller's open files: neither what $(…) reads until it is closed,
// nor a file lock that a script holds in a descriptor.
func Detach(args, env []string, dir string) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	inheritNothing()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env, cmd.Dir = env, dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = null, null, null
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// inheritNothing closes the descriptors above the standard ones in all programs
// that are started from now on.
func inheritNothing() {
	open, _ := filepath.Glob("/dev/fd/*")
	for _, path := range open {
		if fd, err := strconv.Atoi(filepath.Base(path)); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// ParseSignal checks the name of a signal, with or without SIG.
func ParseSignal(name string) (string, error) {
	short := strings.TrimPrefix(strings.ToUpper(name), "SIG")
	if unix.SignalNum("SIG"+short) == 0 {
		return "", fmt.Errorf("%q is no signal", name)
	}
	return short, nil
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

func sendSignal(pid int, name string) error {
	return syscall.Kill(pid, unix.SignalNum("SIG"+name))
}
