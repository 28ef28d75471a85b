package fence

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/gittest"
)

// world is a clone with branches and tags of each kind, of a remote that has some.
func world(t *testing.T) (*gittest.Repo, *git.Repo) {
	t.Helper()
	remote := gittest.NewRemote(t)
	remote.Git("config", "receive.advertisePushOptions", "true")
	c := remote.Clone(t, remote.Dir)
	c.Git("commit", "-q", "--allow-empty", "-m", "1")
	c.Git("branch", "shared")
	c.Git("push", "-q", "origin", "main", "shared", "HEAD:renamed", "HEAD:refs/heads/gone")
	c.Git("commit", "-q", "--allow-empty", "-m", "2")
	c.Git("branch", "-f", "shared")
	c.Git("branch", "only-here")
	c.Git("tag", "light")
	c.Git("tag", "-a", "-m", "heavy", "heavy")
	c.Git("remote", "add", "other", remote.Dir)
	return c, open(t, c)
}

func open(t *testing.T, c *gittest.Repo) *git.Repo {
	t.Helper()
	repo, err := git.Open(t.Context(), c.Dir, c.Env)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// TestPlansWhatGitPushes holds the plan of a command line against what git itself
// would push.
func TestPlansWhatGitPushes(t *testing.T) {
	c, _ := world(t)
	upstream := "branch.main.remote=origin branch.main.merge=refs/heads/main"
	renamed := "branch.main.remote=origin branch.main.merge=refs/heads/renamed"
	for _, k := range []struct{ config, args string }{
		{"", "origin main"}, {"", "origin main:x shared"}, {"", "-u origin main"}, {"", "origin HEAD"}, {"", "origin +main"}, {"", "origin :gone"},
		{"", "-d origin gone"}, {"", "--delete origin gone renamed"}, {"", "--tags origin"}, {"", "--tags origin main"}, {"", "--all origin"}, {"", "origin --all"},
		{"", "-f origin main"}, {"", "--force --all origin"}, {"", "-f --tags origin main:x"}, {"", "--force --no-force origin main"}, {"", "-fu origin main"},
		{"", "origin tag light"}, {"", "origin tag light main"}, {"", "-d origin tag none"}, {"", "--follow-tags origin main"}, {"", "--prune origin refs/heads/*"},
		{"", "origin refs/heads/*:refs/heads/copy/*"}, {"", "origin refs/heads/* ^refs/heads/only-here"}, {"", "origin :"}, {"", "-f origin :"}, {"", "-- origin main"},
		{"", "--repo=origin -- "}, {"", "--repo other"}, {"", "--repo=other origin main"}, {"", "-o x -ox --push-option=y origin main"}, {"", "--force-with-lease origin main shared"},
		{"", "--force-with-lease=main origin main"}, {"", "--force-w origin main"}, {"", "--sign=if-asked --no-verif origin main"}, {"", "--recurse-submodules no origin main"},
		{"", "--atomic --thin --progress -q origin main"}, {"", "--receive-pack git-receive-pack origin main"},
		{"push.default=current", ""}, {"push.default=current remote.pushDefault=other", ""}, {"push.default=current branch.main.pushRemote=other", ""},
		{"push.default=current", "other"}, {"push.default=matching", ""}, {"push.default=matching", "-f other"}, {upstream, ""}, {upstream, "-f"}, {upstream, "other"}, {upstream, "origin"},
		{renamed + " push.default=upstream", ""}, {renamed + " push.default=tracking", "origin"}, {renamed + " push.default=upstream", "origin main"}, {renamed, "other"},
		{"push.autoSetupRemote=true", ""}, {"push.autoSetupRemote=true", "origin"}, {"push.autoSetupRemote=true push.default=current", ""},
		{"remote.origin.push=refs/heads/main:refs/heads/qa", ""}, {"remote.origin.push=refs/heads/*:refs/heads/q/*", "origin"}, {"remote.origin.push=refs/heads/*:refs/heads/q/*", "origin main"},
		{"remote.origin.push=HEAD:refs/for/main", "-f"},
		// what git refuses
		{"push.default=nothing", ""}, {"", ""}, {renamed, ""}, {renamed + " push.default=upstream", "other"}, {"branch.main.remote=origin", ""},
		{"", "--delete origin"}, {"", "--delete --tags origin x"}, {"", "--delete origin a:b"}, {"", "--all origin main"}, {"", "--all --tags origin"}, {"", "origin tag"},
		{"", "--no-such origin main"}, {"", "--f origin main"}, {"", "-z origin main"}, {"", "-o"}, {"", "--repo"},
	} {
		t.Run(k.config+" "+k.args, func(t *testing.T) {
			var set []string
			for kv := range strings.FieldsSeq(k.config) {
				set = append(set, "-c", kv)
				key, value, _ := strings.Cut(kv, "=")
				c.Git("config", key, value)
				defer c.Run("", "git", "config", "--unset-all", key)
			}
			argv := strings.Fields(k.args)
			want := pushes(c, argv)
			p, err := Read(t.Context(), open(t, c), argv) // settings are those of when it was opened
			var mode *ModeError
			if err != nil && !errors.As(err, &mode) {
				t.Fatal(err)
			}
			if refused := len(want) == 1 && want[0] == "refused"; refused != (err != nil) {
				t.Fatalf("%v; git: %q", err, want)
			}
			if err != nil {
				return
			}
			if got := pushes(c, p.args(nil)); !slices.Equal(got, want) {
				t.Errorf("as %q pushes %q; git %q", p.args(nil), got, want)
			}
		})
	}
	c.Git("checkout", "-q", "--detach")
	if _, err := Read(t.Context(), open(t, c), nil); err == nil || !strings.Contains(err.Error(), "on no branch") {
		t.Errorf("on a detached HEAD: %v", err)
	}
}

// pushes are the refs that a dry run of git push lists, without the flags that
// tell forced updates.
func pushes(c *gittest.Repo, argv []string) []string {
	args := append([]string{"push", "--dry-run", "--porcelain"}, slices.DeleteFunc(slices.Clone(argv), func(a string) bool { return a == "-q" })...)
	res := c.Run("", "git", args...)
	for range 10 {
		if res.Code != 141 && res.Code != -1 {
			break
		}
		res = c.Run("", "git", args...) // ended by SIGPIPE, as a dry run with push options is at times (git 2.39)
	}
	var lines []string
	for line := range strings.Lines(res.Stdout) {
		if parts := strings.Split(line, "\t"); len(parts) == 3 {
			lines = append(lines, parts[0]+" "+parts[1][strings.LastIndex(parts[1], ":"):]+" "+strings.TrimSpace(parts[2]))
		} else if strings.HasPrefix(line, "Would set") {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	if res.Code >= 128 {
		return []string{"refused"}
	}
	return lines
}

func TestWhatCannotBeFenced(t *testing.T) {
	c, _ := world(t)
	c.Git("config", "remote.two.url", "/a")
	c.Git("config", "--add", "remote.two.pushurl", "/b")
	c.Git("config", "--add", "remote.two.pushurl", "/c")
	c.Git("config", "remote.glass.url", "/a")
	c.Git("config", "remote.glass.mirror", "true")
	c.Git("config", "push.default", "upstream")
	repo := open(t, c)
	for args, words := range map[string]string{
		"--mirror origin": "takes no refspecs", "glass main": "is a mirror", "two main": "2 push URLs", "--no-atomic origin main": "takes the fence away",
		"-f origin main": "write it as +SOURCE:DESTINATION",
	} {
		var mode *ModeError
		if _, err := Read(t.Context(), repo, strings.Fields(args)); !errors.As(err, &mode) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", args, err)
		}
	}
	p, err := Read(t.Context(), repo, []string{"-n", "-f", "--delete", "./elsewhere.git", "x"})
	if err != nil || !p.DryRun || p.Repository != "./elsewhere.git" || p.Refspecs[0] != "+:x" || len(p.Sources()) > 0 {
		t.Errorf("%+v, %v", p, err)
	}
	p = &Plan{Refspecs: []string{"+main:x", "HEAD", ":gone", "^refs/heads/y", "refs/heads/*:refs/heads/*", ":", "main:z"}}
	if got := p.Sources(); !slices.Equal(got, []string{"main", "HEAD", "refs/heads/*", ":"}) {
		t.Errorf("sources %q", got)
	}
}

func streams(t *testing.T) (git.Streams, func() (string, string)) {
	t.Helper()
	dir := t.TempDir()
	file := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	out, err := file("out"), file("err")
	return git.Streams{Out: out, Err: err}, func() (string, string) {
		o, _ := os.ReadFile(out.Name())
		e, _ := os.ReadFile(err.Name())
		return string(o), string(e)
	}
}
