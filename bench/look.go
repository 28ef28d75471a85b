package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"time"
)

// looks measures what a commit costs whose view of the locks is too old, beside
// the fetch that it consists of, and one whose view is young enough.
func (b *bench) looks() {
	const young = "commit with a young view, 1000 locks"
	for _, transport := range []string{"file", "http", "ssh"} {
		name := "commit's look over " + transport + ", 1000 locks"
		if !b.any(name, young) || transport != "file" && !b.selected(name) {
			continue
		}
		clone := b.served("look-"+transport, transport, 1000)
		check(os.WriteFile(filepath.Join(clone, "d0", "f0"), []byte("changed"), 0o666))
		b.do(clone, "git", "add", ".")
		settings := func(maxAge string) func() {
			return func() {
				check(os.WriteFile(filepath.Join(clone, ".git", "grite", "config.toml"), []byte("[hook]\ncommit_timeout = \"1m\"\nmax_age = \""+maxAge+"\"\n"), 0o666))
			}
		}
		hook := step{dir: clone, args: []string{"git-grite", "hook", "pre-commit"}}
		hook.before = settings("0s")
		fetch := step{dir: clone, args: []string{"git", "fetch", "-q", "--no-tags", "origin", "+refs/grite/locks/*:refs/bench/*"}}
		b.pair(name, &hook, &fetch, "git fetch of the locks, which nothing has changed; aim 1.1x")
		if transport == "file" {
			hook.before = settings("9h")
			b.pair(young, &hook, &step{dir: clone, args: []string{b.floor}}, "a program that lists what is staged and the locks")
		}
	}
}

// serveSSH has git reach a path through the real sshd, once for each connection
// and without a port.
func (b *bench) serveSSH(bare string) string {
	me, err := user.Current()
	check(err)
	dir := bare + "-ssh"
	check(os.Mkdir(dir, 0o777))
	for _, name := range []string{"host", "user"} {
		b.do("", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, name))
	}
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		sshd = "/usr/sbin/sshd"
	}
	if _, err := os.Stat(sshd); err != nil {
		log.Fatal("sshd was not found; install the package openssh-server")
	}
	_ = os.MkdirAll("/run/sshd", 0o755) // which Debian's wants, and only root can make
	config := filepath.Join(dir, "config")
	check(os.WriteFile(config, fmt.Appendf(nil, "HostKey %[1]s/host\nAuthorizedKeysFile %[1]s/user.pub\nPermitRootLogin prohibit-password\nUsePAM no\nStrictModes no\nPidFile none\n", dir), 0o666))
	b.env = append(b.env, fmt.Sprintf("GIT_SSH_COMMAND=ssh -F none -q -i %s/user -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ProxyCommand='%s -i -f %s'", dir, sshd, config))
	return "ssh://" + me.Username + "@bench" + bare
}

// watching measures what "status --watch" takes of a processor while nothing
// happens to 200 locks, with six looks at the remote.
func (b *bench) watching() {
	const name, while = "status --watch --json, idle", 30 * time.Second
	if !b.selected(name) {
		return
	}
	cmd := b.command(step{dir: b.served("watch", "file", 200), args: []string{"git-grite", "lock", "status", "--watch", "--json"}}, b.env)
	check(cmd.Start())
	time.Sleep(while)
	check(cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait() // it ends with 130
	took := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	b.single(name, 100*took.Seconds()/while.Seconds(), "% of a processor; aim 1")
}
