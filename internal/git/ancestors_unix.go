//go:build unix

package git

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// runners are git's own commands that run hooks or other people's programs. No
// alias can have the name of one.
var runners = []string{"am", "bisect", "checkout", "cherry-pick", "clone", "commit", "difftool", "fetch", "filter-branch", "for-each-repo", "gc",
	"maintenance", "merge", "mergetool", "pull", "push", "rebase", "reset", "revert", "stash", "submodule", "switch", "update-ref", "worktree"}

// belowGit reports whether a command of git's own, not an alias, has started us,
// as far as the system shows its processes in /proc.
func belowGit() bool {
	const far = 16
	pid := os.Getppid()
	for range far {
		line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		if err != nil || pid <= 1 {
			return false
		}
		if command := gitCommand(strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")); command != "" && command != "grite" {
			return slices.Contains(runners, command)
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

// gitCommand is the command of a git's arguments; "" for another program.
func gitCommand(args []string) string {
	name := path.Base(args[0])
	if command, ok := strings.CutPrefix(name, "git-"); ok {
		return command
	}
	if name != "git" {
		return ""
	}
	for i := 1; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-C" || arg == "-c" || arg == "--git-dir" || arg == "--work-tree" || arg == "--namespace" || arg == "--config-env":
			i++
		case !strings.HasPrefix(arg, "-"):
			return arg
		}
	}
	return ""
}
