//go:build managers

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// managed is a repository in which a manager of hooks comes and goes. The hooks
// write what they were told to a file, and fail when FAIL has their name.
type managed struct {
	*gittest.Repo
	t      *testing.T
	log    string
	remote string
}

// userHook is a hook that was there before everybody else.
const userHook = `#!/bin/sh
echo "user $(basename "$(git rev-parse --show-toplevel)") $# $*" >>"$LOG"
case "$0" in *pre-push*) cat >>"$LOG" ;; esac
case "$FAIL" in *user*) exit 3 ;; esac
`

// managedHook is what a manager runs.
const managedHook = `echo managed >>"$LOG"; case "$FAIL" in *managed*) exit 1;; esac`

func newManaged(t *testing.T) managed {
	t.Helper()
	tools := os.Getenv("GRITE_MANAGERS")
	if tools == "" {
		t.Fatal("GRITE_MANAGERS is not set; run make test-managers")
	}
	r := gittest.New(t)
	parent := filepath.Dir(r.Dir)
	m := managed{r, t, filepath.Join(parent, "log"), filepath.Join(parent, "remote.git")}
	m.Repo = r.With("LOG="+m.log, "PATH="+os.Getenv("PATH")+":"+filepath.Join(tools, "bin"), "PRE_COMMIT_HOME="+filepath.Join(parent, "pre-commit"))
	if err := os.RemoveAll(filepath.Join(r.Dir, ".git/hooks")); err != nil {
		t.Fatal(err)
	}
	m.Write("src/a.go", "package src\n")
	m.Git("add", ".")
	m.Git("commit", "-q", "-m", "second")
	grite(t, r, "init", "--no-hooks")
	grite(t, r.With("GRITE_ACTOR=alice"), "lock", "acquire", "-r", "path:src/")
	return m
}

func (m managed) executable(path, text string) {
	m.t.Helper()
	m.Write(path, text)
	if err := os.Chmod(filepath.Join(m.Dir, path), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

func (m managed) userHooks(names ...string) {
	for _, name := range names {
		m.executable(".git/hooks/"+name, userHook)
	}
}

// must runs a program that has to succeed.
func (m managed) must(name string, args ...string) {
	m.t.Helper()
	// env looks for it on the PATH of the repository, not on ours.
	if res := m.Run("", "env", append([]string{name}, args...)...); res.Code != 0 {
		m.t.Fatalf("%s %s: exit %d: %s%s", name, strings.Join(args, " "), res.Code, res.Stdout, res.Stderr)
	}
}

var oids = regexp.MustCompile(`[0-9a-f]{40}`)

// behaviour commits and pushes, with hooks that succeed and that fail in turn,
// and returns what they were told and what became of it.
func (m managed) behaviour() string {
	m.t.Helper()
	var seen strings.Builder
	for _, try := range []struct {
		push bool
		fail string
	}{{false, "none"}, {true, "none"}, {true, "user"}, {false, "managed"}} {
		r := m.With("GRITE_LOCK_POLICY=off", "FAIL="+try.fail)
		os.Remove(m.log)
		os.RemoveAll(m.remote)
		var res gittest.Result
		if try.push {
			r.Git("init", "-q", "--bare", m.remote)
			res = r.Run("", "git", "push", "file://"+m.remote, "HEAD:refs/heads/new")
		} else {
			r.Write("free", time.Now().String())
			r.Git("add", "free")
			res = r.Run("", "git", "commit", "-m", "x")
		}
		told, _ := os.ReadFile(m.log)
		objects, _ := filepath.Glob(filepath.Join(m.remote, "lfs/objects/*/*/*"))
		fmt.Fprintf(&seen, "push %v, %s fails: exit %v, %d lfs objects\n%s", try.push, try.fail, res.Code != 0, len(objects), oids.ReplaceAll(told, []byte("OID")))
	}
	return seen.String()
}

// fires tells which of our hooks stop git on account of alice's lock.
func (m managed) fires() map[string]bool {
	m.t.Helper()
	r := m.With("GRITE_LOCK_POLICY=require")
	stopped := func(res gittest.Result) bool {
		said := strings.Count(res.Stderr+res.Stdout, "locked by others")
		if said > 1 {
			m.t.Errorf("ours ran %d times: %s", said, res.Stderr)
		}
		return res.Code != 0 && said == 1
	}
	r.Write("src/a.go", time.Now().String())
	r.Git("add", "src")
	fired := map[string]bool{"pre-commit": stopped(r.Run("", "git", "commit", "-m", "x"))}
	r.Git("reset", "-q", "--hard")
	os.RemoveAll(m.remote)
	r.Git("init", "-q", "--bare", m.remote)
	fired["pre-push"] = stopped(r.Run("", "git", "push", "file://"+m.remote, "HEAD:refs/heads/new"))
	return fired
}

// truth checks that commands, status or test, say what git really does, and
// returns it in a few words.
func (m managed) truth(commands ...string) string {
	m.t.Helper()
	fires := m.fires()
	all := fires["pre-commit"] && fires["pre-push"]
	for _, command := range commands {
		res := m.Run("", "git-grite", "hooks", command, "--json")
		var answer struct {
			Data struct {
				Hooks []struct {
					Name, State, Output string
					OK                  bool
				}
			}
		}
		if err := json.Unmarshal([]byte(res.Stdout), &answer); err != nil || len(answer.Data.Hooks) != 2 {
			m.t.Fatalf("%v in %s", err, res.Stdout)
		}
		for _, h := range answer.Data.Hooks {
			if h.OK != fires[h.Name] {
				m.t.Errorf("hooks %s says of %s that ok is %v (%s), and it fires is %v: %s", command, h.Name, h.OK, h.State, fires[h.Name], h.Output)
			}
		}
		if (res.Code == 0) != all || (res.Code != 0 && res.Code != 4) {
			m.t.Errorf("hooks %s is exit %d", command, res.Code)
		}
	}
	switch {
	case all:
		return "fires"
	case fires["pre-commit"] || fires["pre-push"]:
		return "one fires"
	}
	return "silent"
}

func (m managed) expectTruth(want string, more ...string) {
	m.t.Helper()
	if got := m.truth(append(more, "status")...); got != want {
		m.t.Errorf("ours: %s, not %s: %s", got, want, m.hooksDir())
	}
}

func (m managed) expectBehaviour(what, want string) {
	m.t.Helper()
	if got := m.behaviour(); got != want {
		m.t.Errorf("%s, the hooks behave otherwise: %s\n--- now\n%s--- before\n%s", what, m.hooksDir(), got, want)
	}
}

// hooksDir is the hooks directory, byte for byte and mode for mode.
func (m managed) hooksDir() string {
	m.t.Helper()
	var all strings.Builder
	entries, _ := os.ReadDir(filepath.Join(m.Dir, ".git/hooks"))
	for _, e := range entries {
		st, err := e.Info()
		if err != nil {
			m.t.Fatal(err)
		}
		text, _ := os.ReadFile(filepath.Join(m.Dir, ".git/hooks", e.Name()))
		fmt.Fprintf(&all, "%s %s %d %q\n", e.Name(), st.Mode(), len(text), text[:min(len(text), 100)])
	}
	return all.String()
}

// copy is the same repository, in a directory of its own.
func (m managed) copy(t *testing.T) managed {
	t.Helper()
	parent := t.TempDir()
	if res := m.Run("", "cp", "-a", m.Dir, filepath.Join(parent, "repo")); res.Code != 0 {
		t.Fatal(res.Stderr)
	}
	c := managed{m.At(filepath.Join(parent, "repo")), t, filepath.Join(parent, "log"), m.remote}
	c.Repo = c.With("LOG=" + c.log)
	return c
}

// program is a manager as the matrix needs it.
type program struct {
	user               []string        // hooks of the user's that the manager can live with
	configure          func(m managed) // what comes with installing it
	install, uninstall []string
	oursFirst          string // what becomes of ours when the manager comes later
}

var lefthookConfig = fmt.Sprintf(`
pre-commit:
  jobs:
    - run: '%s'
pre-push:
  jobs:
    - run: '%[1]s'
      files: echo lefthook.yml
`, strings.ReplaceAll(managedHook, "'", "''"))

func frameworkConfig(more string) string {
	hook := "  - id: %[1]s\n    name: managed\n    language: system\n    entry: sh -c '%[2]s'\n    always_run: true\n    pass_filenames: false\n    stages: [%[1]s]\n"
	return "repos:\n- repo: local\n  hooks:\n" + fmt.Sprintf(hook, "commit", managedHook) + fmt.Sprintf(hook, "push", managedHook) + more
}

var programs = map[string]program{
	"lefthook": {
		user:      []string{"pre-commit", "pre-push"},
		configure: func(m managed) { m.track("lefthook.yml", lefthookConfig) },
		install:   []string{"lefthook", "install"}, uninstall: []string{"lefthook", "uninstall"},
		oursFirst: "silent",
	},
	"pre-commit": {
		user:      []string{"pre-commit", "pre-push"},
		configure: func(m managed) { m.track(".pre-commit-config.yaml", frameworkConfig("")) },
		install:   []string{"pre-commit", "install", "-t", "pre-commit", "-t", "pre-push"},
		uninstall: []string{"pre-commit", "uninstall", "-t", "pre-commit", "-t", "pre-push"},
		oursFirst: "fires",
	},
	"git-lfs": {
		user: []string{"pre-commit"}, // git-lfs leaves a pre-push hook of others alone
		configure: func(m managed) {
			m.must("git", "lfs", "install", "--local", "--skip-repo")
			m.track(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
			m.track("big.bin", "large\n")
		},
		install: []string{"git", "lfs", "update", "--force"}, uninstall: []string{"git", "lfs", "uninstall", "--local"},
		oursFirst: "one fires",
	},
}

// track adds a file of a manager's.
func (m managed) track(path, text string) {
	m.t.Helper()
	m.Write(path, text)
	m.Git("add", path)
	m.Git("commit", "-q", "--no-verify", "-m", "configure")
}

func TestManagersMatrix(t *testing.T) {
	for name, p := range programs {
		install := func(m managed) {
			m.t.Helper()
			m.must(p.install[0], p.install[1:]...)
		}
		uninstall := func(m managed) {
			m.t.Helper()
			m.must(p.uninstall[0], p.uninstall[1:]...)
		}
		prepare := func(t *testing.T) managed {
			m := newManaged(t)
			m.userHooks(p.user...)
			return m
		}
		t.Run(name+" before ours", func(t *testing.T) {
			t.Parallel()
			m := prepare(t)
			bare := m.hooksDir()
			p.configure(m)
			install(m)
			files, before := m.hooksDir(), m.behaviour()
			if !strings.Contains(before, "managed") && !strings.Contains(before, "1 lfs") {
				t.Fatalf("the manager runs nothing: %s", before)
			}
			m.expectTruth("silent")
			grite(t, m.Repo, "hooks", "install")
			m.expectTruth("fires")
			m.expectBehaviour("beside ours", before)

			c := m.copy(t) // ours goes first
			grite(t, c.Repo, "hooks", "uninstall")
			if got := c.hooksDir(); got != files {
				t.Errorf("after uninstall: %s\n--- before\n%s", got, files)
			}
			c.expectBehaviour("without ours", before)
			uninstall(c)
			c.expectTruth("silent")

			c = m.copy(t) // the manager goes first
			uninstall(c)
			c.expectTruth("fires")
			grite(t, c.Repo, "hooks", "uninstall")
			c.expectTruth("silent")
			uninstall(c) // some do not find their hook while it is chained
			if c.hooksDir() != bare {
				t.Errorf("in the end: %s\n--- in the beginning\n%s", c.hooksDir(), bare)
			}

			// Another install changes nothing of what runs.
			install(m)
			m.truth()
			grite(t, m.Repo, "hooks", "install")
			m.expectTruth("fires")
			m.expectBehaviour("installed once more", before)
		})
		t.Run(name+" after ours", func(t *testing.T) {
			t.Parallel()
			m := prepare(t)
			bare, alone := m.hooksDir(), m.behaviour()
			grite(t, m.Repo, "hooks", "install")
			m.expectTruth("fires")
			m.expectBehaviour("under ours", alone)
			p.configure(m)
			install(m)
			m.expectTruth(p.oursFirst)
			grite(t, m.Repo, "hooks", "install")
			m.expectTruth("fires")
			both := m.behaviour()
			if ran := strings.Contains(both, "managed") || strings.Contains(both, "1 lfs"); !ran || !strings.Contains(both, "user") {
				t.Errorf("not all run: %s", both)
			}
			grite(t, m.Repo, "hooks", "install")
			m.expectBehaviour("installed twice", both)

			c := m.copy(t) // ours goes first
			grite(t, c.Repo, "hooks", "uninstall")
			c.expectTruth("silent")
			uninstall(c)
			if c.hooksDir() != bare {
				t.Errorf("in the end: %s\n--- in the beginning\n%s", c.hooksDir(), bare)
			}
			c.expectBehaviour("in the end", alone)

			c = m.copy(t) // the manager goes first
			uninstall(c)
			c.expectTruth("fires")
			if name != "git-lfs" { // which does not find its hook while it is chained
				c.expectBehaviour("without the manager", alone)
				grite(t, c.Repo, "hooks", "uninstall")
				c.expectBehaviour("in the end", alone)
				if c.hooksDir() != bare {
					t.Errorf("in the end: %s\n--- in the beginning\n%s", c.hooksDir(), bare)
				}
			}
		})
	}
}
