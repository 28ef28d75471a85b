package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
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
	b.receiving()
	b.vouching()
	b.signing()
}

// receiving measures what the hook of a server adds to a push: of a branch, beside
// locks of others, and of one record.
func (b *bench) receiving() {
	const branch, record = "receive a commit, 1000 locks", "receive a lock, 1000 locks"
	if !b.any(branch, record) {
		return
	}
	push := func(row string, hook bool) *step {
		name := fmt.Sprintf("%.14s-%v", strings.ReplaceAll(row, " ", "-"), hook)
		clone := b.served(name, "file", 1000)
		if hook {
			b.do(filepath.Join(b.work, name+"-remote.git"), "git-grite", "hooks", "install", "-q", "--server")
		}
		s := &step{dir: clone, args: strings.Fields("git push -q --no-verify origin HEAD:refs/heads/master")}
		turn := 0
		s.before = func() {
			turn++
			b.do(clone, "git", "commit", "-q", "--no-verify", "--allow-empty", "-m", fmt.Sprint(turn))
		}
		if row == record {
			s.before = func() {
				resource := fmt.Sprintf("path:mine/%d", turn)
				turn++
				text := fmt.Sprintf("{\"owner\":\"%032x\",\"nonce\":\"m\",\"expires_unix_ms\":%d,\"resource\":%q}", 9, time.Now().Add(time.Hour).UnixMilli(), resource)
				tree := b.output(clone, "100644 blob "+b.output(clone, text, "git", "hash-object", "-w", "--stdin")+"\tlock.json\n", "git", "mktree")
				s.args = append(s.args[:5:5], b.output(clone, "", "git", "commit-tree", "-m", "Lock", tree)+":"+gittest.LockRef(resource))
			}
		}
		return s
	}
	for _, row := range []string{branch, record} {
		if b.selected(row) {
			b.pair(row, push(row, true), push(row, false), "git push without the hook")
		}
	}
}

// signing measures what a signature adds to making a lock.
func (b *bench) signing() {
	const row = "remote acquire, signed"
	if !b.selected(row) {
		return
	}
	acquire := func(name, sign string) step {
		clone := b.served(name, "file", 0)
		key := filepath.Join(b.dir, name+".key")
		b.do("", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key)
		b.do(clone, "git", "config", "gpg.format", "ssh")
		b.do(clone, "git", "config", "user.signingKey", key)
		b.do(clone, "git-grite", "config", "set", "-q", "lock.sign", sign)
		return step{dir: clone, args: strings.Fields("git-grite lock acquire -q -r path:mine"),
			before: func() { b.do(clone, "git-grite", "lock", "release", "--mine", "-q") }}
	}
	b.row(row, acquire("signed", "always"), acquire("unsigned", "off"), "the same without a signature")
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
	on := off
	config := func(vouch string) {
		check(os.WriteFile(filepath.Join(ours, "config.toml"), []byte("[lock]\nvouch = \""+vouch+"\"\n"), 0o666))
	}
	off.before = func() { config("off") }
	on.before = func() { config("mark"); _ = os.Remove(filepath.Join(ours, "vouched")) }
	b.pair(first, &on, &off, "the same status with lock.vouch = \"off\"")
	on.before = func() { config("mark") }
	b.pair(later, &on, &off, "the same status with lock.vouch = \"off\"")
}
