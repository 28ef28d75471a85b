package hook_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
	"github.com/git-grite/git-grite/internal/hook"
)

// fakeGrite is a PATH with a git-grite that shows how it was called, and runs the
// hook that it is told to chain.
func fakeGrite(t *testing.T, server *gittest.Repo) {
	t.Helper()
	bin := filepath.Join(server.Dir, "bin")
	server.Write("bin/git-grite", "#!/bin/sh\necho called $1 $2 >&2\nif [ -x \"$3\" ]; then exec \"$3\"; fi\n")
	if err := os.Chmod(filepath.Join(bin, "git-grite"), 0o777); err != nil {
		t.Fatal(err)
	}
	server.Env = append(server.Env, "PATH="+bin+":"+os.Getenv("PATH"))
}

func TestInstallServer(t *testing.T) {
	server := gittest.NewRemote(t)
	fakeGrite(t, server)
	hooks := filepath.Join(server.Dir, "hooks")
	const theirs = "#!/bin/sh\ngrep -v refs/heads/no >&2\n"
	server.Write("hooks/pre-receive", theirs)
	if err := os.Chmod(filepath.Join(hooks, "pre-receive"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"installed", "unchanged"} {
		if c, err := hook.InstallServer(server.Dir, hooks); err != nil || c.Did != want {
			t.Fatalf("%+v, %v", c, err)
		}
	}
	clone := server.Clone(t, server.Dir)
	clone.Write("a", "a")
	clone.Git("add", ".")
	clone.Git("commit", "-q", "-m", "a")
	for branch, ok := range map[string]bool{"yes": true, "no": false} {
		res := clone.Run("", "git", "push", "origin", "HEAD:refs/heads/"+branch)
		if (res.Code == 0) != ok || !strings.Contains(res.Stderr, "called receive --chain") {
			t.Errorf("%s: %+v", branch, res)
		}
	}
	notFound(t, filepath.Join(hooks, "pre-receive"))
	if res := clone.Run("", "git", "push", "origin", "HEAD:no"); res.Code == 0 || !strings.Contains(res.Stderr, "this push was not checked") {
		t.Errorf("without the program their hook does not run: %+v", res)
	}
	if err := os.WriteFile(filepath.Join(hooks, "pre-receive"), []byte("#!/bin/sh\n# git-grite hook shim, format 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err := hook.InstallServer(server.Dir, hooks); err != nil || c.Did != "updated" {
		t.Errorf("%+v, %v", c, err)
	}
	for _, want := range []string{"restored", "not ours"} {
		if c, err := hook.UninstallServer(server.Dir, hooks); err != nil || c.Did != want {
			t.Errorf("%+v, %v; want %s", c, err, want)
		}
	}
	if text, err := os.ReadFile(filepath.Join(hooks, "pre-receive")); err != nil || string(text) != theirs {
		t.Errorf("their hook is %q, %v", text, err)
	}
	server.Write("hooks/pre-receive.pre-grite", "kept by somebody")
	if _, err := hook.InstallServer(server.Dir, hooks); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("over a kept hook: %v", err)
	}
}

// TestTryServer: the hook is what git runs, and the server's refs stay as they are.
func TestTryServer(t *testing.T) {
	for name, c := range map[string]struct {
		hook string
		want hook.ServerTrial
	}{
		"works":     {"while read old new ref; do git cat-file blob $new:lock.json | grep good || { echo no >&2; exit 1; }; done; cat grite/receive.toml >&2", hook.ServerTrial{Fired: true, TakesGood: true, RefusesForged: true}},
		"takes all": {"exit 0", hook.ServerTrial{Fired: true, TakesGood: true}},
		"no":        {"exit 1", hook.ServerTrial{Fired: true, RefusesForged: true}},
	} {
		for _, format := range []string{"sha1", "sha256"} {
			t.Run(name+" "+format, func(t *testing.T) {
				server := gittest.NewRemote(t, "--object-format="+format)
				server.Hook("pre-receive", c.hook)
				server.Write("grite/receive.toml", "# settings of the server\n")
				repo, err := git.Open(t.Context(), server.Dir, server.Env)
				if err != nil {
					t.Fatal(err)
				}
				got, err := hook.TryServer(t.Context(), repo, filepath.Join(server.Dir, "hooks/pre-receive"), filepath.Join(server.Dir, "grite"),
					git.RefName(gittest.LockRef("path:a")), []byte("good"), []byte("forged"), time.Unix(1, 0))
				said := got.Said
				got.Said = ""
				if err != nil || got != c.want || name == "works" && !strings.Contains(said, "settings of the server") {
					t.Errorf("%+v, %v, %s", got, err, said)
				}
				if refs := server.Git("for-each-ref"); refs != "" {
					t.Errorf("the server has %s", refs)
				}
			})
		}
	}
}

// TestInstallServerOfGitLab: GitLab runs what is in custom_hooks/pre-receive.d.
func TestInstallServerOfGitLab(t *testing.T) {
	server := gittest.NewRemote(t)
	server.Write("custom_hooks/pre-receive.d/other", "theirs")
	hooks := filepath.Join(server.Dir, "hooks")
	c, err := hook.InstallServer(server.Dir, hooks)
	if st, statErr := os.Stat(filepath.Join(server.Dir, "custom_hooks/pre-receive.d/git-grite")); err != nil || statErr != nil || c.Did != "installed" || st.Mode()&0o111 == 0 {
		t.Fatalf("%+v, %v, %v", c, err, statErr)
	}
	for _, want := range []string{"removed", "absent"} {
		if c, err := hook.UninstallServer(server.Dir, hooks); err != nil || c.Did != want {
			t.Errorf("%+v, %v; want %s", c, err, want)
		}
	}
	server.Write("custom_hooks/pre-receive.d/git-grite", "#!/bin/sh\n")
	if _, err := hook.InstallServer(server.Dir, hooks); err == nil {
		t.Error("over a file that is not ours")
	}
}

// notFound has a shim look for programs where there is nothing but grep: git-grite
// may be installed on this machine.
func notFound(t *testing.T, shim string) {
	t.Helper()
	bin := t.TempDir()
	grep, err := exec.LookPath("grep")
	if err == nil {
		err = os.Symlink(grep, filepath.Join(bin, "grep"))
	}
	text, readErr := os.ReadFile(shim)
	if err = errors.Join(err, readErr); err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^PATH=.*$`).ReplaceAll(text, []byte("PATH='"+bin+"'"))
	if err := os.WriteFile(shim, text, 0o755); err != nil {
		t.Fatal(err)
	}
}
