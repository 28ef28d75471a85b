package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/gittest"
)

// hostile compares commits beside a thousand hostile records of a kind with the same
// commits without them.
func (b *bench) hostile() {
	kinds := gittest.Hostile("")
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		name := "pre-commit, 1000 hostile " + kind
		if !b.selected(name) {
			continue
		}
		commit := func(victims string) step {
			dir := b.repo("hostile-"+strings.ReplaceAll(kind, " ", "-")+victims, 100, 10, false)
			hub := dir + ".git"
			b.do("", "git", "init", "-q", "--bare", hub)
			if victims == "" {
				records := map[string]string{}
				for i := range 1000 {
					ref, text := kinds[kind](i)
					records[ref] = text
				}
				b.run(&step{dir: hub, stdin: gittest.Stream(records), args: []string{"git", "fast-import", "--quiet"}})
			}
			b.do(dir, "git", "push", "-q", "--no-verify", hub, "refs/grite/locks/*:refs/grite/locks/*")
			b.do(dir, "sh", "-c", "git for-each-ref --format='delete %(refname)' refs/grite/locks | git update-ref --stdin")
			b.do(dir, "git", "remote", "add", "origin", hub)
			b.do(dir, "git-grite", "sync", "-q")
			b.do(dir, "sh", "-c", "echo changed >"+filepath.Join("d1", "f1")+" && git add .")
			return step{dir: dir, args: []string{"git-grite", "hook", "pre-commit"}}
		}
		b.row(name, commit(""), commit("-none"), "without them; aim 1.25x and 200 ms")
	}
}
