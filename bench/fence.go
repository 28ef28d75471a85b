package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// fenced measures pushes under a lock beside the bare pushes of the same refs.
func (b *bench) fenced() {
	for _, transport := range []string{"file", "http"} {
		name := "fenced push over " + transport
		if !b.selected(name) {
			continue
		}
		clone := b.served("fenced-"+transport, transport, 0)
		turn := 0
		commit := func() {
			turn++
			check(os.WriteFile(filepath.Join(clone, "d0", "f0"), fmt.Appendf(nil, "%d", turn), 0o666))
			b.do(clone, "git", "commit", "-q", "--no-verify", "-am", "turn")
		}
		ours := step{dir: clone, args: strings.Fields("git-grite push -- -q --no-verify origin HEAD:main")}
		ours.before = commit
		b.do(clone, "git-grite", "lock", "acquire", "-q", "-r", "path:d0/")
		b.do(clone, "git-grite", "lock", "renew", "-q", "--mine") // the first renewal is one of its own

		record := func() string {
			blob := b.output(clone, fmt.Sprintf("{%d}", turn), "git", "hash-object", "-w", "--stdin")
			tree := b.output(clone, "100644 blob "+blob+"\tlock.json\n", "git", "mktree")
			return b.output(clone, "", "git", "commit-tree", "-m", "Lock", tree)
		}
		commit()
		at := record()
		b.do(clone, "git", "push", "-q", "--no-verify", "origin", "HEAD:main", at+":refs/grite/locks/0bench")
		bare := step{dir: clone}
		bare.before = func() {
			commit()
			next := record()
			bare.args = strings.Fields(fmt.Sprintf("git push -q --no-verify --atomic --force-with-lease=refs/grite/locks/0bench:%s origin HEAD:main +%s:refs/grite/locks/0bench", at, next))
			at = next
		}
		b.pair(name, &ours, &bare, "git push of such refs; aim 1.15x")
	}
	b.vouching()
}

// vouching measures what the signatures of others cost: a status that verifies
// them for the first time, and every later one.
func (b *bench) vouching() {
	const first, later = "vouch, 1000 new records", "vouch, 1000 known records"
	if !b.any(first, later) {
		return
	}
	clone := b.served("vouch", "file", 1000)
	key := filepath.Join(b.dir, "vouch.key")
	b.do("", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key)
	public, err := os.ReadFile(key + ".pub")
	check(err)
	ours := filepath.Join(clone, ".git", "grite")
	check(os.WriteFile(filepath.Join(ours, "allowed_signers"), append([]byte("* "), public...), 0o666))
	off := step{dir: clone, args: []string{"git-grite", "lock", "status", "--cached"}}
	on := step{dir: clone, args: []string{"git-grite", "-C", clone, "lock", "status", "--cached"}}
	config := func(vouch string) {
		check(os.WriteFile(filepath.Join(ours, "config.toml"), []byte("[lock]\nvouch = \""+vouch+"\"\n"), 0o666))
	}
	off.before = func() { config("off") }
	on.args = off.args
	on.before = func() { config("mark"); _ = os.Remove(filepath.Join(ours, "vouched")) }
	b.pair(first, &on, &off, "the same status with lock.vouch = \"off\"")
	on.before = func() { config("mark") }
	b.pair(later, &on, &off, "the same status with lock.vouch = \"off\"")
}
