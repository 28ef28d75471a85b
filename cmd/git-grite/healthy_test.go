package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// healthy has git itself work, at the end of a script, in every repository that the
// script made: what it does with it every day, and with all what it does in a year.
func healthy(t *testing.T, env *testscript.Env, all bool) {
	for _, dir := range repositories(env.WorkDir) {
		run := func(args ...string) bool {
			cmd := exec.Command("git", append([]string{"--git-dir=" + dir, "-c", "fsck.gitmodulesUrl=ignore"}, args...)...)
			cmd.Dir, cmd.Env = env.WorkDir, env.Vars
			out, err := cmd.CombinedOutput()
			if err != nil && args[0] != "rev-parse" && args[0] != "ls-remote" && args[0] != "show-ref" {
				t.Errorf("git %s no longer works in %s: %v, %s", strings.Join(args, " "), dir, err, out)
			}
			return err == nil
		}
		if !run("rev-parse", "--git-dir") {
			continue // another user's
		}
		run("fsck", "--strict", "--no-dangling", "--no-progress")
		run("log", "--all", "--format=%H")
		if !all || !run("show-ref", "-q") { // there is nothing in it
			continue
		}
		mirror := filepath.Join(t.TempDir(), "mirror")
		clone := exec.Command("git", "clone", "-q", "--bare", "--no-local", dir, mirror) // of the same format
		clone.Env = env.Vars
		if out, err := clone.CombinedOutput(); err != nil {
			t.Errorf("git clone no longer works of %s: %v, %s", dir, err, out)
		}
		run("push", "-q", "--no-verify", "--mirror", mirror)
		run("gc", "-q")
		run("maintenance", "run", "--quiet")
		run("repack", "-adkq")
		run("fsck", "--strict", "--no-dangling", "--no-progress")
		if run("ls-remote", "-q") {
			run("fetch", "-q")
		}
	}
}

// repositories are the git directories below a directory.
func repositories(top string) (dirs []string) {
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		for _, name := range []string{"HEAD", "objects", "refs"} {
			if _, err := os.Stat(filepath.Join(path, name)); err != nil {
				return nil
			}
		}
		dirs = append(dirs, path)
		return nil
	})
	return dirs
}
