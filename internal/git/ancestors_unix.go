//go:build unix

package git

import (
	"os"
	"path"
	"strconv"
	"strings"
)

// belowHook reports whether we run below a hook script, as far as the system
// shows its processes in /proc.
func belowHook() bool {
	const far = 16
	pid := os.Getppid()
	for range far {
		line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		if err != nil || pid <= 1 {
			return false
		}
		args := strings.Split(string(line), "\x00")
		for _, arg := range args[:min(len(args), 3)] { // the script, behind its interpreter
			if path.Base(path.Dir(arg)) == "hooks" && !strings.ContainsAny(arg, " \n") {
				return true
			}
		}
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			return false
		}
		fields := strings.Fields(string(stat)[strings.LastIndexByte(string(stat), ')')+1:])
		if len(fields) < 2 {
			return false
		}
		if pid, err = strconv.Atoi(fields[1]); err != nil {
			return false
		}
	}
	return false
}
