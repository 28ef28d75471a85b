package keep

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Identify describes a process of this machine so that Gone can tell later, in
// another process, whether it has ended; "" when there is no such process.
func Identify(host string, pid int) string {
	start := startOf(pid)
	if start == "" {
		return ""
	}
	return fmt.Sprintf("%d\t%s\t%s\t%s", pid, start, processes(), host)
}

// Gone reports whether a process that Identify described is known to have ended.
// Of one on another machine, or in a container of its own, that is not known.
func Gone(host, process string) bool {
	parts := strings.Split(process, "\t")
	var pid int
	if _, err := fmt.Sscan(parts[0], &pid); err != nil || pid <= 0 || len(parts) != 4 || parts[2] != processes() || parts[3] != host {
		return false
	}
	if start := startOf(pid); start != "" {
		return start != parts[1]
	}
	// Perhaps it is there and hidden from this user.
	p, err := os.FindProcess(pid)
	if err != nil {
		return true
	}
	err = p.Signal(syscall.Signal(0))
	return err != nil && !errors.Is(err, os.ErrPermission)
}

// processes names the processes that this one sees, where there may be several
// such sets on one machine.
func processes() string {
	set, _ := os.Readlink("/proc/self/ns/pid") // "" elsewhere than on Linux
	return set
}
