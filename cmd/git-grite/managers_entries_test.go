//go:build managers

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// husky runs the program that husky's package is; node has it on no PATH.
func (m managed) husky() {
	m.t.Helper()
	m.must("node", filepath.Join(os.Getenv("GRITE_MANAGERS"), "node_modules/husky/bin.js"))
}

// paste does what a refused "hooks install" says: it adds the lines to the files.
func (m managed) paste() {
	m.t.Helper()
	res := m.Run("", "git-grite", "hooks", "install")
	if res.Code != 5 {
		m.t.Fatalf("hooks install: exit %d: %s%s", res.Code, res.Stdout, res.Stderr)
	}
	pasted, path := 0, ""
	for line := range strings.Lines(res.Stderr) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, m.Dir):
			path = strings.TrimSuffix(line, ":")
		case path != "":
			text, _ := os.ReadFile(path)
			if err := os.WriteFile(path, append(text, line+"\n"...), 0o666); err != nil {
				m.t.Fatal(err)
			}
			pasted, path = pasted+1, ""
		}
	}
	if pasted != 2 {
		m.t.Fatalf("%d lines to paste in %s", pasted, res.Stderr)
	}
	m.Git("commit", "-q", "--no-verify", "-m", "pasted", ".husky")
}

func TestManagersHusky(t *testing.T) {
	configure := func(m managed) {
		m.husky()
		m.track(".husky/pre-commit", managedHook+"\n")
		m.track(".husky/pre-push", managedHook+"\n")
	}
	remove := func(m managed) { m.Git("config", "--unset", "core.hooksPath") }
	t.Run("before ours", func(t *testing.T) {
		t.Parallel()
		m := newManaged(t)
		m.userHooks("pre-commit", "pre-push")
		bare := m.hooksDir()
		configure(m)
		before := m.behaviour()
		if !strings.Contains(before, "managed") || strings.Contains(before, "user repo") {
			t.Fatalf("husky does not run alone: %s", before)
		}
		m.expectTruth("silent")
		m.paste()
		m.expectTruth("fires", "test")
		m.expectBehaviour("beside ours", before)
		grite(t, m.Repo, "hooks", "install") // nothing to do any more
		grite(t, m.Repo, "hooks", "uninstall")
		if m.hooksDir() != bare || m.Git("status", "--porcelain", ".husky") != "" {
			t.Errorf("we wrote more than the lines: %s", m.hooksDir())
		}
		remove(m)
		m.expectTruth("silent")
	})
	t.Run("after ours", func(t *testing.T) {
		t.Parallel()
		m := newManaged(t)
		m.userHooks("pre-commit", "pre-push")
		bare := m.hooksDir()
		grite(t, m.Repo, "hooks", "install")
		alone := m.behaviour()
		configure(m)
		m.expectTruth("silent", "test")
		if res := m.Run("", "git-grite", "hooks", "status"); !strings.Contains(res.Stderr, `shadowed by core.hooksPath = ".husky/_" (local)`) {
			t.Errorf("status says %s", res.Stderr)
		}
		before := m.behaviour()
		m.paste()
		m.expectTruth("fires", "test")
		m.expectBehaviour("beside ours", before)

		c := m.copy(t) // the manager goes first
		remove(c)
		c.expectTruth("fires")
		c.expectBehaviour("without husky", alone)

		grite(t, m.Repo, "hooks", "uninstall") // ours goes first
		if m.hooksDir() != bare {
			t.Errorf("in the end: %s\n--- in the beginning\n%s", m.hooksDir(), bare)
		}
		remove(m)
		m.expectTruth("silent")
		m.expectBehaviour("in the end", alone)
	})
}

// documented returns the block of docs/hooks.md that follows a heading.
func documented(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/hooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "\n"+heading+"\n")
	_, block, opened := strings.Cut(after, "```yaml\n")
	block, _, closed := strings.Cut(block, "```\n")
	if !found || !opened || !closed {
		t.Fatalf("docs/hooks.md has no block below %q", heading)
	}
	return block
}

// expectEntry checks that an entry in a manager's configuration fires, stops git
// and is what status and install say.
func (m managed) expectEntry() {
	m.t.Helper()
	m.expectTruth("fires", "test")
	before := m.hooksDir()
	if res := grite(m.t, m.Repo, "hooks", "install"); strings.Count(res.Stdout, ": unchanged (") != 2 || m.hooksDir() != before {
		m.t.Errorf("install did something: %s", res.Stdout)
	}
	m.Write("src/a.go", "somebody else's")
	m.Git("add", "src")
	res := m.With("GRITE_LOCK_POLICY=warn").Run("", "git", "commit", "-m", "x")
	if res.Code != 0 || !strings.Contains(res.Stdout+res.Stderr, "locked by others") {
		m.t.Errorf("under warn: exit %d: %s%s", res.Code, res.Stdout, res.Stderr)
	}
}

func TestManagersEntryLefthook(t *testing.T) {
	t.Parallel()
	m := newManaged(t)
	m.track("lefthook.yml", documented(t, "### Lefthook"))
	m.must("lefthook", "install")
	m.expectEntry()
	// Where lefthook sees nothing to push, it has to run all the same.
	m.Git("init", "-q", "--bare", m.remote+"2")
	m.Git("remote", "add", "origin", m.remote+"2")
	m.Git("push", "-q", "--no-verify", "-u", "origin", "main")
	m.Git("checkout", "-q", "-b", "other")
	m.Write("src/a.go", "on a branch")
	m.Git("commit", "-q", "--no-verify", "-am", "on a branch")
	m.Git("checkout", "-q", "main")
	res := m.With("GRITE_LOCK_POLICY=require").Run("", "git", "push", "origin", "other")
	if res.Code == 0 || !strings.Contains(res.Stdout+res.Stderr, "locked by others") {
		t.Errorf("push of another branch: exit %d: %s%s", res.Code, res.Stdout, res.Stderr)
	}
}

func TestManagersEntryFramework(t *testing.T) {
	t.Parallel()
	m := newManaged(t)
	manifest, err := os.ReadFile("../../.pre-commit-hooks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	hooks := m.At(filepath.Join(filepath.Dir(m.Dir), "hooks"))
	hooks.Write(".pre-commit-hooks.yaml", string(manifest))
	hooks.Git("init", "-q")
	hooks.Git("add", ".")
	hooks.Git("commit", "-q", "-m", "hooks")
	m.track(".pre-commit-config.yaml", strings.NewReplacer("<URL of this repository>", hooks.Dir, "<a commit or a tag>", hooks.Git("rev-parse", "HEAD")).
		Replace(documented(t, "### Pre-commit")))
	m.must("pre-commit", "install", "-t", "pre-commit", "-t", "pre-push")
	m.expectEntry()
	// A push of what follows on what the remote has.
	m.Git("init", "-q", "--bare", m.remote+"2")
	m.Git("remote", "add", "origin", m.remote+"2")
	m.Git("push", "-q", "--no-verify", "origin", "main")
	m.Git("config", "--unset-all", "remote.origin.fetch")
	push := func() int {
		return m.With("GRITE_LOCK_POLICY=require").Run("", "git", "push", "origin", "main").Code
	}
	m.Write("free", "x")
	m.Git("add", ".")
	m.Git("commit", "-q", "--no-verify", "-m", "free")
	if push() != 0 {
		t.Error("a push of what nobody locked is stopped")
	}
	m.Write("src/a.go", "y")
	m.Git("commit", "-q", "--no-verify", "-am", "locked")
	if push() == 0 {
		t.Error("a push of what somebody locked goes on")
	}
}
