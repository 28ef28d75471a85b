package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// listing is every file below a directory, with its mode, owner, time and content.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "%s %s %d %d %s\n", path, info.Mode(), info.Sys().(*syscall.Stat_t).Uid, info.Size(), info.ModTime())
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			fmt.Fprintf(&all, "%x %v\n", text, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// touched are the files below dir that a program and all that it starts read or
// changed, by strace, and whether strace can be used here.
func touched(t *testing.T, r *gittest.Repo, args ...string) (read, changed []string, ok bool) {
	t.Helper()
	if exec.Command("strace", "-o", os.DevNull, "true").Run() != nil {
		return nil, nil, false
	}
	log := filepath.Join(t.TempDir(), "strace")
	r.Run("", "strace", append([]string{"-f", "-qq", "-s", "4096", "-e", "signal=none", "-o", log,
		"-e", "trace=openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,chmod,fchmodat,truncate,utimensat"}, args...)...)
	call := regexp.MustCompile(`^\d+ +(\w+)\((.*)\) += ([0-9]+)`)
	for line := range strings.Lines(readFile(t, log)) {
		m := call.FindStringSubmatch(line)
		if m == nil || !strings.Contains(m[2], `"`+r.Dir) && !strings.Contains(m[2], `".git`) {
			continue // it failed, or is elsewhere
		}
		switch {
		case !strings.HasPrefix(m[1], "open") || regexp.MustCompile(`O_WRONLY|O_RDWR|O_CREAT`).MatchString(m[2]):
			changed = append(changed, line)
		case !strings.Contains(m[2], "O_DIRECTORY"):
			read = append(read, line)
		}
	}
	return read, changed, true
}

// TestDirectoryOfAnotherUser: what git refuses for its owner is refused in git's own
// words before anything of it is read, and nothing is written there; for root among
// the files of a user, and for a user among those of root.
func TestDirectoryOfAnotherUser(t *testing.T) {
	if _, err := exec.LookPath("runuser"); err != nil || os.Getuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	t.Parallel()
	for name, as := range map[string][]string{"root in a user's": nil, "a user in root's": {"runuser", "-u", "nobody", "--"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, mine, _ := pair(t)
			grite(t, mine, "lock", "acquire", "src", "--ttl", "1h")
			top := filepath.Dir(mine.Dir)
			for dir := mine.Dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
				if err := os.Chmod(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			theirs := mine
			if as == nil {
				came(t, "chown", mine.Run("", "chown", "-R", "nobody", top)).exits(0)
			}
			home := t.TempDir()
			if err := gittest.WriteConfig(home); err != nil {
				t.Fatal(err)
			}
			for dir := home; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
				if err := os.Chmod(dir, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			theirs = theirs.With(gittest.Settings(home)...)
			run := func(args ...string) gittest.Result {
				all := append(append([]string{}, as...), args...)
				return theirs.Run("", all[0], all[1:]...)
			}
			words := run("git", "status")
			reason := strings.TrimPrefix(strings.SplitN(words.Stderr, "\n", 2)[0], "fatal: ")
			if words.Code != 128 || !strings.Contains(reason, "dubious ownership") {
				t.Fatalf("git status: exit %d, %s", words.Code, words.Stderr)
			}
			before := listing(t, mine.Dir)
			for _, args := range [][]string{
				{"lock", "status"}, {"lock", "status", "--cached"}, {"init"}, {"init", "--agents-md"}, {"hooks", "install"}, {"hooks", "uninstall"},
				{"lock", "acquire", "src/a.go"}, {"lock", "renew", "--mine"}, {"lock", "release", "--mine"}, {"lock", "gc"}, {"sync"},
				{"actor", "init"}, {"config", "set", "lock_policy", "off"}, {"deinit"}, {"doctor", "--fix"},
			} {
				res := came(t, strings.Join(args, " "), run(append([]string{"git-grite"}, args...)...))
				res.exits(5, reason)
				if read, changed, ok := touched(t, theirs, append(append(append([]string{}, as...), "git-grite"), args...)...); ok && (len(changed) > 0 || tooMuch(read)) {
					t.Errorf("%q read %q and changed %q", args, read, changed)
				}
			}
			// A hook of ours that git runs all the same stops nobody.
			came(t, "hook", run("git-grite", "hook", "pre-commit")).exits(0, "dubious ownership")
			if now := listing(t, mine.Dir); now != before {
				t.Errorf("the files were\n%s\nand are\n%s", before, now)
			}
		})
	}
}

// tooMuch reports whether more is read than what git finds a repository by.
func tooMuch(read []string) bool {
	for _, line := range read {
		if !regexp.MustCompile(`/\.git(/HEAD|/commondir)?", O_RDONLY|"\.git(/HEAD|/commondir)?", O_RDONLY`).MatchString(line) {
			return true
		}
	}
	return false
}
