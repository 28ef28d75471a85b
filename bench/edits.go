package main

import (
	"fmt"
	"path/filepath"
	"time"
)

// edits measures what a coding agent waits for before each edit, where its view of
// the locks is young enough.
func (b *bench) edits() {
	for _, n := range []int{0, 1000} {
		name := func(against string) string { return fmt.Sprintf("edit, %d locks, %s", n, against) }
		if !b.any(name("empty"), name("git")) {
			continue
		}
		dir := b.repo(fmt.Sprintf("edits-%d", n), 1, n, false)
		event := fmt.Sprintf(`{"hook_event_name":"PreToolUse","session_id":"3f2a9c1d-5b0e-4d1c-9a77-1f6f0c2b8e44","cwd":%q,"tool_name":"Edit","tool_input":{"file_path":%q}}`,
			dir, filepath.Join(dir, "d0/f0"))
		ours := step{dir: dir, stdin: event, args: []string{"git-grite", "hook", "agent", "claude"}}
		time.Sleep(3 * time.Second) // a look trusts no directory that has just changed (ADR 53)
		b.row(name("empty"), ours, step{dir: dir, stdin: event, args: []string{b.empty}}, "an empty Go program; aim 1.3x")
		b.row(name("git"), ours, step{dir: dir, stdin: event, args: []string{"git", "rev-parse", "--show-toplevel"}}, "git rev-parse")
	}
}
