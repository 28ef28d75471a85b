package cli

import (
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/config"
)

// agentsSection is what AGENTS.md gets, between two marker lines.
//
//go:embed agents.md
var agentsSection string

const (
	agentsBegin = "<!-- git-grite: begin -->"
	agentsEnd   = "<!-- git-grite: end -->"
)

// writeAgentsMD puts our section into AGENTS.md at the top of the work tree and
// leaves the rest of the file alone. It says what it did.
func writeAgentsMD(workTree string) (did string, err error) {
	if workTree == "" {
		return "", usagef("--agents-md needs a work tree; this repository is bare")
	}
	path := filepath.Join(workTree, "AGENTS.md")
	if st, err := os.Lstat(path); err == nil && !st.Mode().IsRegular() {
		return "", &config.Error{File: "AGENTS.md", Fault: "is not a regular file, and what it leads to is not ours to write; add the section of docs/agents.md by hand"}
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	section := agentsBegin + "\n" + agentsSection + agentsEnd + "\n"
	text, did := string(old), "updated"
	before, rest, found := strings.Cut(text, agentsBegin)
	_, after, closed := strings.Cut(rest, agentsEnd)
	switch {
	case found && closed:
		text = before + section + strings.TrimPrefix(after, "\n")
	case text == "":
		text, did = section, "created"
	default:
		text = strings.TrimRight(text, "\n") + "\n\n" + section
	}
	if text == string(old) {
		return "unchanged", nil
	}
	return did, atomicfile.Write(path, []byte(text), 0o666)
}
