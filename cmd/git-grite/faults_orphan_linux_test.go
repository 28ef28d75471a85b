package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// orphan kills an acquire, but not the first git of a kind that it has started,
// which goes on when proceed is called. pid is that of this git.
func orphan(t *testing.T, r *gittest.Repo, step, resource string) (pid string, proceed func()) {
	t.Helper()
	dir := t.TempDir()
	reached, goOn := filepath.Join(dir, "reached"), filepath.Join(dir, "go on")
	before, after := "", ""
	if step == "update-ref" { // what it is asked for comes through a pipe
		before, after = "cat >'"+reached+".in';", "exec <'"+reached+".in';"
	}
	p := r.With(gittest.WrapGit(t, "if is "+step+" 1; then "+before+" echo $$ >'"+goOn+".pid'; >'"+reached+"'; await '"+goOn+"'; "+after+" fi")...).
		Start("git-grite", "lock", "acquire", "-r", resource)
	appears(t, reached)
	if err := syscall.Kill(p.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.Wait()
	text, err := os.ReadFile(goOn + ".pid")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text)), func() { touch(t, goOn) }
}

// TestKilledWhileGitWrites: a process is killed while its git is about to write
// the record. Nobody decides before that git has ended.
func TestKilledWhileGitWrites(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	all := racers(t, r, 2)
	_, proceed := orphan(t, all[0], "update-ref", "path:src/")
	f, err := os.Open(filepath.Join(r.Dir, ".git/grite/lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != syscall.EWOULDBLOCK {
		t.Errorf("the lock of the clone is free while a git writes: %v", err)
	}
	f.Close()
	p := all[1].Start("git-grite", "lock", "acquire", "-r", "path:src/a.go")
	proceed()
	came(t, "the second acquire", p.Wait()).exits(4, "racer-0")
}

// TestKilledWhileGitFetches: a process is killed while it reads the locks of the
// remote. Its fetch ends with it, so that it neither keeps others from reading
// nor prunes later what they have read.
func TestKilledWhileGitFetches(t *testing.T) {
	t.Parallel()
	remote, alice, _ := pair(t)
	pid, proceed := orphan(t, alice, "fetch", "path:src/")
	defer proceed()
	try(t, alice.With("GRITE_ACTOR=second"), "lock", "acquire", "-r", "path:docs/").exits(0)
	if line, err := os.ReadFile("/proc/" + pid + "/cmdline"); err == nil && len(line) > 0 {
		t.Errorf("%q is still there when others read", line)
	}
	locksOn(t, remote, "path:docs/", "path:src/")
}
