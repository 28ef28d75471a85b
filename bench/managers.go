package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// managers measures whole commits and pushes with our hooks beside those of other
// managers, each with a job that does nothing. "make managers" gets them.
func (b *bench) managers() {
	cache := os.Getenv("GRITE_MANAGERS")
	if cache == "" {
		base, err := os.UserCacheDir()
		check(err)
		cache = filepath.Join(base, "git-grite-managers")
	}
	lefthook := filepath.Join(cache, "bin", "lefthook")
	husky := filepath.Join(cache, "node_modules", "husky", "bin.js")
	installs := map[string]func(dir string){
		"lefthook": func(dir string) {
			check(os.WriteFile(filepath.Join(dir, "lefthook.yml"), []byte("pre-commit:\n  commands:\n    nothing:\n      run: \"true\"\npre-push:\n  commands:\n    nothing:\n      run: \"true\"\n"), 0o666))
			b.do(dir, lefthook, "install")
		},
		"husky": func(dir string) {
			check(os.WriteFile(filepath.Join(dir, "package.json"), []byte("{}\n"), 0o666))
			b.do(dir, "node", husky)
			for _, hook := range []string{"pre-commit", "pre-push"} {
				check(os.WriteFile(filepath.Join(dir, ".husky", hook), []byte("true\n"), 0o755))
			}
		},
		"git-lfs": func(dir string) { b.do(dir, "git", "lfs", "install", "--local") },
	}
	for _, verb := range []string{"commit", "push"} {
		name := func(manager string) string { return fmt.Sprintf("%s, ours beside %s", verb, manager) }
		if !b.any(name("lefthook"), name("husky"), name("git-lfs")) {
			continue
		}
		dir := b.repo(verb+"-beside-ours", 10000, 1000, true)
		b.do(dir, "git-grite", "hooks", "install", "-q")
		ours := b.gitStep(verb, dir)
		// A push looks at the remote's locks first, which no other manager does.
		quiet := ours
		if verb == "push" {
			dir := b.repo("push-beside-quiet", 10000, 1000, true)
			b.do(dir, "git-grite", "hooks", "install", "-q")
			check(os.WriteFile(filepath.Join(dir, ".git/grite/config.toml"), []byte("[hook]\nfetch = \"never\"\n"), 0o666))
			quiet = b.gitStep(verb, dir)
		}
		for _, manager := range []string{"lefthook", "husky", "git-lfs"} {
			if !b.available(manager, lefthook, husky) {
				fmt.Printf("%-46s not here; make managers gets it\n", name(manager))
				continue
			}
			dir := b.repo(verb+"-beside-"+manager, 10000, 0, true)
			installs[manager](dir)
			theirs := b.gitStep(verb, dir)
			against := manager + " with a job that does nothing; aim below 1x"
			b.row(name(manager), quiet, theirs, against)
			if verb == "push" {
				b.row(name(manager)+", with the look", ours, theirs, against)
			}
		}
	}
	b.largePush()
}

// available reports whether a manager is on this machine.
func (b *bench) available(manager, lefthook, husky string) bool {
	switch manager {
	case "lefthook":
		_, err := os.Stat(lefthook)
		return err == nil
	case "husky":
		_, err := os.Stat(husky)
		return err == nil
	}
	_, err := exec.LookPath(manager)
	return err == nil
}

// largePush measures the judging of a push of 200 commits beside the listing of
// their paths.
func (b *bench) largePush() {
	const name = "pre-push of 200 commits"
	if !b.selected(name) {
		return
	}
	dir := b.repo("large-push", 10000, 1000, true)
	remote := dir + ".git"
	b.do("", "git", "clone", "-q", "--bare", dir, remote)
	b.do(dir, "git", "remote", "add", "origin", remote)
	b.do(dir, "git", "fetch", "-q")
	check(os.WriteFile(filepath.Join(dir, ".git/grite/config.toml"), []byte("[lock]\nremote = \"none\"\n"), 0o666))
	branch := b.output(dir, "", "git", "symbolic-ref", "HEAD")
	var in strings.Builder
	for i := range 200 {
		fmt.Fprintf(&in, "commit %s\ncommitter x <x@example.com> %d +0000\ndata 1\nx\n", branch, 1700000000+i)
		if i == 0 {
			fmt.Fprintf(&in, "from %s^0\n", branch)
		}
		fmt.Fprintf(&in, "M 100644 inline d%d/f%d\ndata %d\n%s\n", i%100, i, len(fmt.Sprint(i)), fmt.Sprint(i))
	}
	b.run(&step{dir: dir, stdin: in.String(), args: []string{"git", "fast-import", "--quiet", "--force"}})
	head := b.output(dir, "", "git", "rev-parse", "HEAD")
	line := fmt.Sprintf("refs/heads/x %s refs/heads/x %s\n", head, strings.Repeat("0", 40))
	ours := step{dir: dir, stdin: line, args: []string{"git-grite", "hook", "pre-push", "origin", remote}}
	bare := step{dir: dir, args: []string{"sh", "-c", "git rev-list HEAD --not --remotes=origin | git diff-tree --stdin -r -c --root --no-commit-id --name-only -z >/dev/null"}}
	b.row(name, ours, bare, "git rev-list and git diff-tree; aim 1.3x")
}
