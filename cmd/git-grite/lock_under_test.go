//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// under is a command that runs under a lock. Its script finds its directory in
// $D; beats writes there as long as it lives.
type under struct {
	*testing.T
	*gittest.Running
	repo *gittest.Repo
	dir  string
}

const beats = `while :; do echo >>$D/beat; sleep 0.02; done`

// runUnder starts "lock run path:x" with more arguments and a script.
func runUnder(t *testing.T, r *gittest.Repo, script string, args ...string) *under {
	t.Helper()
	u := &under{T: t, dir: t.TempDir()}
	u.repo = r.With("D="+u.dir, "GRITE_TEST_CLOCK="+filepath.Join(u.dir, "clock"))
	args = append(append([]string{"lock", "run", "path:x", "--ttl", "6s"}, args...), "--", "sh", "-c", script)
	u.Running = u.repo.Start("git-grite", args...)
	return u
}

func (u *under) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(u.dir, name))
	return string(text)
}

// await waits until the command has written a file.
func (u *under) await(name string) string {
	u.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if text := u.read(name); strings.HasSuffix(text, "\n") {
			return strings.TrimSpace(text)
		}
	}
	u.Fatalf("the command never wrote %s: %+v", name, u.Running.Wait())
	return ""
}

// kill sends a signal to the process whose id a file has.
func (u *under) kill(file string, s syscall.Signal) {
	u.Helper()
	pid, err := strconv.Atoi(u.await(file))
	if err == nil {
		err = syscall.Kill(pid, s)
	}
	if err != nil {
		u.Fatal(err)
	}
}

// ends wants the exit code, words on stderr, and nothing left of the command.
func (u *under) ends(code int, words ...string) gittest.Result {
	u.Helper()
	res := u.Wait()
	if res.Code != code {
		u.Errorf("exit %d instead of %d: %s", res.Code, code, res.Stderr)
	}
	for _, w := range words {
		if !strings.Contains(res.Stderr, w) {
			u.Errorf("no %q in %s", w, res.Stderr)
		}
	}
	u.gone()
	return res
}

// gone wants no process that has the command's $D.
func (u *under) gone() {
	u.Helper()
	var left []string
	for range 100 {
		left = nil
		for _, pid := range u.processes() {
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			left = append(left, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond) // each look reads the environment of all that runs
	}
	u.Errorf("still running: %q", left)
}

// processes are those that have the command's $D.
func (u *under) processes() (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && bytes.Contains(text, []byte("D="+u.dir+"\x00")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// free wants the lock to be free now.
func (u *under) free() {
	u.Helper()
	try(u.T, u.repo, "lock", "status", "--json").exits(0, `"locks":[]`)
}

// inTime wants the last beat of the command to come before the end of the lease
// that stands in a repository.
func (u *under) inTime(r *gittest.Repo) {
	u.Helper()
	var record struct {
		Expires int64 `json:"expires_unix_ms"`
	}
	if err := json.Unmarshal([]byte(r.Git("cat-file", "-p", gittest.LockRef("path:x")+":lock.json")), &record); err != nil {
		u.Fatal(err)
	}
	beat, err := os.Stat(filepath.Join(u.dir, "beat"))
	if err != nil {
		u.Fatal(err)
	}
	if last := beat.ModTime().UnixMilli(); last >= record.Expires {
		u.Errorf("the command ran until %d, its lease until %d", last, record.Expires)
	}
}

func (u *under) clock(shift string) {
	if err := os.WriteFile(filepath.Join(u.dir, "clock"), []byte(shift), 0o666); err != nil {
		u.Fatal(err)
	}
}

// untilOn is a command that beats until goOn.
const untilOn = `while [ ! -e $D/on ]; do echo >>$D/beat; sleep 0.02; done`

func (u *under) goOn() {
	if err := os.WriteFile(filepath.Join(u.dir, "on"), nil, 0o666); err != nil {
		u.Fatal(err)
	}
}

// renewed waits until a lock has been renewed n times: four renewals take longer
// than a lease.
func renewed(t *testing.T, r *gittest.Repo, resource string, n int) {
	t.Helper()
	record := func() string {
		text, _ := os.ReadFile(filepath.Join(r.Dir, ".git", gittest.LockRef(resource)))
		return string(text)
	}
	last := record()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		now := record()
		if now == "" || now == last {
			continue
		}
		if last, n = now, n-1; n == 0 {
			return
		}
	}
	t.Fatalf("%s is not renewed", resource)
}
