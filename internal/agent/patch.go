package agent

import "strings"

// PatchPaths returns the files that a patch in the format of Codex's
// apply_patch adds, updates, deletes, and moves from and to. Like Codex
// (codex-rs apply-patch parser, 0.124) it takes an indented header, but not
// inside an update, where a leading blank marks a line of context.
func PatchPaths(patch string) (paths []string) {
	updating := false
	for len(patch) > 0 {
		var line string
		line, patch, _ = strings.Cut(patch, "\n")
		line = strings.TrimRight(line, " \t\r")
		if !updating {
			line = strings.TrimLeft(line, " \t")
		}
		for _, header := range []string{"*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: "} {
			path, ok := strings.CutPrefix(line, header)
			if path = strings.TrimSpace(path); ok && path != "" {
				updating = header[4] == 'U' || updating && header[4] == 'M'
				paths = append(paths, path)
			}
		}
	}
	return paths
}
