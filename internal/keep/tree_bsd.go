//go:build unix && !linux

package keep

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"strings"
)

// becomeSubreaper does nothing: only Linux has it. A daemon that leaves its
// parents and its group is not found here.
func becomeSubreaper() {}

// descendants lists the processes below root.
func descendants(root int) []process {
	text, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,pgid=").Output()
	if err != nil {
		return nil
	}
	var all []process
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var p process
		if _, err := fmt.Sscan(lines.Text(), &p.pid, &p.parent, &p.group); err == nil {
			all = append(all, p)
		}
	}
	return below(root, all)
}

// startOf is when a process was started, in a form that only says whether it is
// the same; "" when there is none or it has ended.
func startOf(pid int) string {
	text, err := exec.Command("ps", "-o", "state=,lstart=", "-p", fmt.Sprint(pid)).Output()
	state, start, ok := strings.Cut(strings.TrimSpace(string(text)), " ")
	if err != nil || !ok || strings.HasPrefix(state, "Z") {
		return ""
	}
	return strings.TrimSpace(start)
}
