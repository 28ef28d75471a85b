package keep

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/windows"
)

// Detach starts a program that outlives this one, without its console.
func Detach(args, env []string, dir string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env, cmd.Dir = env, dir
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// ParseSignal checks the name of a signal; Windows has but one.
func ParseSignal(name string) (string, error) {
	if short := strings.TrimPrefix(strings.ToUpper(name), "SIG"); short == "KILL" || short == "TERM" {
		return short, nil
	}
	return "", fmt.Errorf("%q is no signal that Windows has", name)
}

// terminate ends a process; what it keeps is on disk.
func terminate(p *os.Process) error { return p.Kill() }

func sendSignal(pid int, _ string) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}
