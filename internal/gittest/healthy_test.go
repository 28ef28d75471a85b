package gittest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// complaints stands for a test whose errors are looked at.
type complaints struct {
	testing.TB
	said []string
}

func (c *complaints) Errorf(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

// TestCheckWorld: what is broken is found, at the depth that looks for it, and what a
// test breaks itself is left alone.
func TestCheckWorld(t *testing.T) {
	r := New(t)
	r.Git("update-ref", "refs/grite/locks/x", r.GitIn("record\n", "commit-tree", "HEAD^{tree}"))
	check := func(how Depth) []string {
		c := &complaints{TB: t}
		CheckWorld(c, filepath.Dir(r.Dir), r.Env, how)
		return c.said
	}
	if said := check(Year); len(said) > 0 {
		t.Error(said)
	}
	r.Git("update-ref", "-d", "refs/grite/locks/x")
	blob := r.GitIn("lost\n", "hash-object", "-w", "--stdin")
	r.Git("update-ref", "refs/grite/locks/y", r.GitIn("record\n", "commit-tree", r.GitIn("100644 blob "+blob+"\tlock.json\n", "mktree")))
	if err := os.Remove(filepath.Join(r.Dir, ".git/objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	if said := check(Refs); len(said) > 0 {
		t.Error(said)
	}
	if said := check(Objects); len(said) != 1 || !strings.HasPrefix(said[0], "git fsck") {
		t.Error(said)
	}
	r.Write(".git/refs/grite/locks/y", strings.Repeat("1", 40)+"\n")
	if said := check(Refs); len(said) != 1 || !strings.HasPrefix(said[0], "git log") {
		t.Error(said)
	}
	Unhealthy(t, "it is broken above", r)
	if said := check(Year); len(said) > 0 {
		t.Error(said)
	}
}
