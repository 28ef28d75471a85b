package keep

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// becomeSubreaper makes this process the parent of what its descendants leave
// behind, so that a daemon stays below it.
func becomeSubreaper() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } // Linux 3.4 and later have it

// descendants lists the processes below root that have not ended.
func descendants(root int) []process {
	var all []process
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		if s, ok := readStat(file); ok && s.state != 'Z' {
			all = append(all, s.process)
		}
	}
	return below(root, all)
}

// stat is a process as the kernel describes it.
type stat struct {
	process
	state rune
	start uint64 // in clock ticks since the machine started
}

// readStat reads /proc/PID/stat. The name in it is the program's to choose,
// parentheses included, so that what counts comes after the last one.
func readStat(file string) (s stat, ok bool) {
	text, err := os.ReadFile(file)
	end := bytes.LastIndexByte(text, ')')
	if err != nil || end < 0 {
		return s, false
	}
	if _, err := fmt.Sscanf(string(text), "%d", &s.pid); err != nil {
		return s, false
	}
	fields := bytes.Fields(text[end+1:])
	if len(fields) < 20 {
		return s, false
	}
	s.state = rune(fields[0][0])
	_, err = fmt.Sscanf(fmt.Sprintf("%s %s %s", fields[1], fields[2], fields[19]), "%d %d %d", &s.parent, &s.group, &s.start)
	return s, err == nil
}

// startOf is when a process was started, in a form that only says whether it is
// the same; "" when there is none or it has ended.
func startOf(pid int) string {
	s, ok := readStat(fmt.Sprintf("/proc/%d/stat", pid))
	if !ok || s.state == 'Z' || s.state == 'X' {
		return ""
	}
	return fmt.Sprint(s.start)
}
