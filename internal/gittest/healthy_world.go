package gittest

import (
	"hash/fnv"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// share is which part of the tests ends with [Year]; the others end with [Refs], since
// the suite makes two thousand repositories. With GRITE_TEST_FULL=1 all do.
const share = 24

// unhealthy has what tests break themselves: the names of tests and the directories
// of repositories.
var unhealthy sync.Map

// Unhealthy says that this test itself breaks repositories, all or those named, and
// why git is not expected to work there when it ends. What the product breaks is no
// reason.
func Unhealthy(t testing.TB, why string, repos ...*Repo) {
	t.Helper()
	if why == "" {
		t.Fatal("a reason is missing")
	}
	if len(repos) == 0 {
		unhealthy.Store(t.Name(), why)
	}
	for _, r := range repos {
		unhealthy.Store(r.Git("rev-parse", "--path-format=absolute", "--git-common-dir"), why)
	}
}

// expected reports whether git has to work in a repository of a test.
func expected(t testing.TB, dir string) bool {
	_, marked := unhealthy.Load(dir)
	for name := t.Name(); !marked; {
		if _, marked = unhealthy.Load(name); marked || !strings.Contains(name, "/") {
			break
		}
		name = path.Dir(name)
	}
	return !marked
}

// urls has what Transport.Serve serves: URL to served.
var urls sync.Map

type served struct{ test, bare string }

// serves notes that a test serves a directory under a URL: when it ends, the
// server is gone before git is asked to fetch.
func serves(t testing.TB, url, bare string) { urls.Store(url, served{root(t), bare}) }

// root is the name of the test without subtests.
func root(t testing.TB) string {
	name, _, _ := strings.Cut(t.Name(), "/")
	return name
}

// healthyInTheEnd checks each repository of a world whose test is over.
func healthyInTheEnd(t testing.TB, world, home string) {
	t.Helper()
	if t.Failed() || t.Skipped() {
		return
	}
	sum, how := fnv.New32a(), Refs
	sum.Write([]byte(t.Name()))
	if os.Getenv("GRITE_TEST_FULL") == "1" || sum.Sum32()%share == 0 {
		how = Year
	}
	var settings []string
	urls.Range(func(url, at any) bool {
		if at := at.(served); at.test == root(t) && url != at.bare {
			settings = append(settings, "-c", "url."+at.bare+".insteadOf="+url.(string))
		}
		return true
	})
	CheckWorld(t, world, append(Scrub(os.Environ()), Settings(home)...), how, settings...)
}

// Depth is how much git has to do in a repository to show that it works.
type Depth int

// Each is what the one before it is, and more.
const (
	Refs    Depth = iota // what all refs point to is there: two milliseconds
	Objects              // nothing of the database is missing or broken
	Year                 // what a repository goes through in a year works: a tenth of a second
)

// CheckWorld has git itself work in every repository below a directory.
func CheckWorld(t testing.TB, top string, env []string, how Depth, settings ...string) {
	t.Helper()
	for _, dir := range repositories(top) {
		if expected(t, dir) {
			w := &checked{t, dir, env, append([]string{"--git-dir=" + dir, "-c", "core.hooksPath=/dev/null", "-c", "fsck.gitmodulesUrl=ignore", "-c", "push.pushOption="}, settings...)}
			w.check(how)
		}
	}
}

// checked is a repository in which git has to work.
type checked struct {
	t        testing.TB
	dir      string
	env      []string
	settings []string
}

func (c *checked) check(how Depth) {
	c.t.Helper()
	if how == Refs {
		c.works("log", "--all", "-1", "--format=%H")
		return
	}
	c.fsck()
	c.works("log", "--all", "--format=%H")
	if how == Objects {
		return
	}
	if _, ok := c.git("show-ref", "-q"); !ok { // there is nothing in it, or it is another user's
		return
	}
	mirror := filepath.Join(c.t.TempDir(), "mirror")
	if _, err := os.Stat(filepath.Join(c.dir, "shallow")); err == nil { // an empty repository takes nothing of it
		c.works("clone", "-q", "--bare", "--no-local", c.dir, mirror)
	} else {
		format, _ := c.git("rev-parse", "--show-object-format")
		c.works("init", "-q", "--bare", "--object-format="+strings.TrimSpace(format), mirror)
	}
	c.works("--git-dir="+mirror, "config", "receive.shallowUpdate", "true")
	c.works("push", "-q", "--no-verify", "--no-signed", "--mirror", mirror)
	c.works("maintenance", "run", "--quiet") // which runs git gc
	c.works("repack", "-adkq")
	c.fsck()
	if _, ok := c.git("ls-remote", "-q"); ok {
		c.works("fetch", "-q")
	}
}

// fsck is git fsck, which starts a process for each kind of index of objects even
// where there is none.
func (c *checked) fsck() {
	c.t.Helper()
	in := *c
	for setting, pattern := range map[string]string{"core.commitGraph": "info/commit-graph*", "core.multiPackIndex": "pack/multi-pack-index"} {
		if found, err := filepath.Glob(filepath.Join(c.dir, "objects", pattern)); err == nil && len(found) == 0 {
			in.settings = append(in.settings[:len(in.settings):len(in.settings)], "-c", setting+"=false")
		}
	}
	in.works("fsck", "--strict", "--no-dangling", "--no-progress")
}

// answers are what git says where a repository lets it do no more.
var answers = []string{
	"cannot delete packs in a precious-objects repo", // extensions.preciousObjects
	"couldn't find remote ref HEAD",                  // of a remote that has no branch, or whose branches nobody fetches
	"No refs in common and none specified",           // where nothing is that git pushes, such as refs/junk
}

// works wants git to succeed, in a repository that it may read.
func (c *checked) works(args ...string) {
	c.t.Helper()
	out, ok := c.git(args...)
	if ok || slices.ContainsFunc(answers, func(answer string) bool { return strings.Contains(out, answer) }) {
		return
	}
	if _, ours := c.git("rev-parse", "--git-dir"); ours {
		c.t.Errorf("git %s no longer works in %s: %s", strings.Join(args, " "), c.dir, out)
	}
}

func (c *checked) git(args ...string) (out string, ok bool) {
	cmd := exec.Command("git", append(c.settings[:len(c.settings):len(c.settings)], args...)...)
	cmd.Dir, cmd.Env = filepath.Dir(c.dir), c.env
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

// repositories are the git directories below a directory.
func repositories(top string) (dirs []string) {
	_ = filepath.WalkDir(top, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		for _, name := range []string{"HEAD", "objects", "refs"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				return nil
			}
		}
		dirs = append(dirs, dir)
		return nil
	})
	return dirs
}
