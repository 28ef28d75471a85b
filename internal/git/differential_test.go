package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// world is a generated repository, seen from one of its directories.
type world struct {
	name string
	make func(t *testing.T, r *gittest.Repo) *gittest.Repo
	args []string // of git init
	// asks marks a world in which everything is left to git: the gate is closed.
	asks bool
	// asksConfig marks one in which only the configuration is left to git.
	asksConfig bool
}

func same(_ *testing.T, r *gittest.Repo) *gittest.Repo { return r }

// configured makes a world with settings, "SCOPE KEY VALUE" each.
func configured(settings ...string) func(*testing.T, *gittest.Repo) *gittest.Repo {
	return func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
		for _, s := range settings {
			f := strings.SplitN(s, " ", 3)
			r.Git("config", "--"+f[0], f[1], f[2])
		}
		return r
	}
}

// written makes a world with text behind the repository's configuration.
func written(text string) func(*testing.T, *gittest.Repo) *gittest.Repo {
	return func(t *testing.T, r *gittest.Repo) *gittest.Repo {
		f, err := os.OpenFile(filepath.Join(r.Dir, ".git/config"), os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(text)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func with(env ...string) func(*testing.T, *gittest.Repo) *gittest.Repo {
	return func(_ *testing.T, r *gittest.Repo) *gittest.Repo { return r.With(env...) }
}

func worlds() []world {
	return []world{
		{name: "plain", make: same},
		{name: "SHA-256", make: same, args: []string{"--object-format=sha256"}},
		{name: "below", make: func(_ *testing.T, r *gittest.Repo) *gittest.Repo { r.Write("a/b/f", "f"); return r.At("a/b") }},
		{name: "packed", make: func(_ *testing.T, r *gittest.Repo) *gittest.Repo { r.Git("gc", "-q"); return r }},
		{name: "packed and newer", make: func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("pack-refs", "--all")
			r.Git("commit", "-q", "--allow-empty", "-m", "second")
			r.Git("update-ref", "refs/grite/locks/0003", "HEAD")
			r.Git("update-ref", "-d", "refs/grite/locks/0001")
			return r
		}},
		{name: "symrefs", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("symbolic-ref", "refs/grite/locks/sym", "refs/heads/main")
			r.Git("symbolic-ref", "refs/grite/locks/twice", "refs/grite/locks/sym")
			r.Git("symbolic-ref", "refs/grite/locks/dangling", "refs/heads/nothing")
			if err := os.Symlink("refs/heads/main", filepath.Join(r.Dir, ".git/refs/grite/locks/link")); err != nil {
				t.Fatal(err)
			}
			return r
		}},
		{name: "junk among the refs", make: func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			for _, name := range []string{"x.lock", "a~b", "junk", "empty", ".hidden", "sub/deep"} {
				r.Write(".git/refs/grite/locks/"+name, "junk\n")
			}
			r.Write(".git/refs/grite/locks/empty", "")
			return r
		}},
		{name: "linked work tree", make: func(_ *testing.T, r *gittest.Repo) *gittest.Repo { return r.Worktree("linked") }},
		{name: "work tree of a bare repository", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			bare := filepath.Join(t.TempDir(), "bare.git")
			r.Git("clone", "-q", "--mirror", r.Dir, bare)
			return r.At(bare).Worktree("wt")
		}},
		{name: "bare", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			bare := filepath.Join(t.TempDir(), "bare.git")
			r.Git("clone", "-q", "--mirror", r.Dir, bare)
			return r.At(bare)
		}},
		{name: "separate git directory", make: same, args: []string{"--separate-git-dir=../elsewhere.git"}},
		{name: "dotfiles", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			bare := filepath.Join(t.TempDir(), "bare.git")
			r.Git("clone", "-q", "--mirror", r.Dir, bare)
			return r.With("GIT_DIR="+bare, "GIT_WORK_TREE="+r.Dir)
		}},
		{name: "hook", make: with("GIT_DIR=.git", "GIT_INDEX_FILE=.git/index")},
		{name: "hook in a linked work tree", make: func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			linked := r.Worktree("linked")
			dir := filepath.Join(r.Dir, ".git/worktrees/linked")
			return linked.With("GIT_DIR="+dir, "GIT_INDEX_FILE="+dir+"/index")
		}},
		{name: "submodule", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			super := r.At(t.TempDir())
			super.Git("init", "-q")
			super.Git("submodule", "add", "-q", r.Dir, "sub")
			super.Git("-C", "sub", "fetch", "-q", "origin", "refs/grite/*:refs/grite/*")
			return super.At("sub")
		}},
		{name: "moved submodule", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			super := r.At(t.TempDir())
			super.Git("init", "-q")
			super.Git("submodule", "add", "-q", r.Dir, "sub")
			super.Git("mv", "sub", "moved")
			return super.At("moved")
		}},
		{name: "sparse", make: func(_ *testing.T, r *gittest.Repo) *gittest.Repo { r.Git("sparse-checkout", "set", "x"); return r }},
		{name: "work tree elsewhere", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("config", "core.worktree", t.TempDir())
			return r
		}},
		{name: "bare with a work tree of its own configuration", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			bare := filepath.Join(t.TempDir(), "bare.git")
			r.Git("clone", "-q", "--mirror", r.Dir, bare)
			wt := r.At(bare).Worktree("wt")
			wt.Git("sparse-checkout", "set", "x")
			return wt
		}},
		{name: "inside the git directory", make: func(_ *testing.T, r *gittest.Repo) *gittest.Repo { return r.At(".git/refs") }},
		{name: "git directory behind a link", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			aside := filepath.Join(t.TempDir(), "real")
			if err := os.Rename(filepath.Join(r.Dir, ".git"), aside); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(aside, filepath.Join(r.Dir, ".git")); err != nil {
				t.Fatal(err)
			}
			return r
		}},
		{name: "new-workdir", make: newWorkdir},
		{name: "alternates", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			dir := filepath.Join(t.TempDir(), "borrower")
			r.Git("clone", "-q", "--shared", r.Dir, dir)
			b := r.At(dir)
			b.Git("fetch", "-q", "origin", "refs/grite/*:refs/grite/*")
			return b
		}},
		{name: "object directory", asks: true, make: func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			return r.With("GIT_OBJECT_DIRECTORY=" + filepath.Join(r.Dir, ".git/objects"))
		}},
		{name: "namespace", make: with("GIT_NAMESPACE=ns")},
		{name: "pathspecs and traces", make: with("GIT_LITERAL_PATHSPECS=1", "GIT_GLOB_PATHSPECS=1", "GIT_TRACE=1", "GIT_TRACE2=1", "GIT_EXTERNAL_DIFF=false")},
		{name: "ceiling", make: with("GIT_CEILING_DIRECTORIES=/")},

		{name: "global", make: configured("global remote.hub.url /hub", "global core.sharedRepository group", "global core.ignoreCase true")},
		{name: "global and local", make: configured("global remote.origin.url /a", "local remote.origin.url /b", "local core.ignoreCase true", "global core.ignoreCase false")},
		{name: "worktree scope", make: configured("local extensions.worktreeConfig true", "worktree remote.wt.url /wt", "worktree core.ignoreCase true")},
		{name: "system", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			file := filepath.Join(t.TempDir(), "system")
			r.Git("config", "-f", file, "remote.sys.url", "/sys")
			return r.With("GIT_CONFIG_NOSYSTEM=", "GIT_CONFIG_SYSTEM="+file)
		}},
		{name: "xdg", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			home := t.TempDir()
			r.Git("config", "-f", filepath.Join(home, "gitconfig"), "remote.home.url", "/home")
			r = r.With("HOME="+home, "XDG_CONFIG_HOME="+home, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
			r.Env = slices.DeleteFunc(r.Env, func(kv string) bool { return strings.HasPrefix(kv, "GIT_CONFIG_GLOBAL=") })
			for _, file := range []string{".gitconfig", "git/config"} {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(home, file)), 0o777); err != nil {
					t.Fatal(err)
				}
				r.Git("config", "-f", filepath.Join(home, file), "remote."+filepath.Base(file)+".url", "/"+file)
			}
			return r
		}},
		{name: "git -c", asksConfig: true, make: with("GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=remote.cmd.url", "GIT_CONFIG_VALUE_0=/cmd")},
		{name: "git -c of something else", make: with("GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=gc.auto", "GIT_CONFIG_VALUE_0=0")},
		{name: "included", asksConfig: true, make: func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("config", "-f", filepath.Join(r.Dir, ".git/team"), "remote.team.url", "/team")
			r.Git("config", "include.path", "team")
			return r
		}},
		{name: "included by the user", asksConfig: true, make: func(_ *testing.T, r *gittest.Repo) *gittest.Repo {
			r.Git("config", "-f", filepath.Join(r.Dir, ".git/team"), "remote.team.url", "/team")
			r.Git("config", "--global", "includeIf.gitdir:"+filepath.Dir(r.Dir)+"/.path", filepath.Join(r.Dir, ".git/team"))
			return r
		}},
		{name: "quotes", asks: true, make: written("[remote \"q\"]\n\turl = \"/a b\"\n")},
		{name: "continued", asks: true, make: written("[alias]\n\tx = a \\\n[remote \"no\"]\n\turl = /no\n")},
		{name: "BOM", make: func(t *testing.T, r *gittest.Repo) *gittest.Repo {
			if err := os.WriteFile(filepath.Join(r.Dir, ".git/config"), []byte("\ufeff[remote \"bom\"]\r\n\turl = /bom\r\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			return r
		}},
		{name: "names", make: configured("local remote.a/b.url /1", "local remote.foo.bar.url /2", "local remote.x=y.url /3", "local remote.-evil.url /4")},
		{name: "not a remote", make: written("[remotes \"no\"]\n\turl = /no\n[remote]\n\tpushDefault = x\n")},
		{name: "pieces", make: written("[remote \"p\"]\n\turl = /1\n[core]\n[remote \"p\"]\n\turl = /2\n\tpushurl = /3\n")},
		{name: "section in capitals", make: written("[REMOTE \"P\"]\n\tURL = /1\n")},
		{name: "unused extension", make: configured("local extensions.preciousObjects true")},
		{name: "precious objects", make: configured("local core.repositoryFormatVersion 1", "local extensions.preciousObjects true")},
		{name: "partial clone", make: configured("local core.repositoryFormatVersion 1", "local extensions.partialClone origin")},
	}
}

// newWorkdir is what contrib/workdir/git-new-workdir makes.
func newWorkdir(t *testing.T, r *gittest.Repo) *gittest.Repo {
	dir := filepath.Join(t.TempDir(), "workdir")
	if err := os.MkdirAll(filepath.Join(dir, ".git/logs"), 0o777); err != nil {
		t.Fatal(err)
	}
	r.Git("pack-refs", "--all")
	r.Git("update-ref", "refs/grite/locks/0004", "HEAD")
	for _, name := range []string{"config", "refs", "logs/refs", "objects", "info", "hooks", "packed-refs"} {
		if err := os.Symlink(filepath.Join(r.Dir, ".git", name), filepath.Join(dir, ".git", name)); err != nil {
			t.Fatal(err)
		}
	}
	head, err := os.ReadFile(filepath.Join(r.Dir, ".git/HEAD"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, ".git/HEAD"), head, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r.At(dir)
}

// TestDifferential compares what is read and written without git with git itself.
func TestDifferential(t *testing.T) {
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			if w.name == "symrefs" || w.name == "junk among the refs" {
				gittest.Unhealthy(t, "the refs are broken on purpose")
			}
			r := gittest.New(t, w.args...)
			for i := range 3 {
				r.Git("update-ref", fmt.Sprintf("refs/grite/locks/%04d", i), "HEAD")
			}
			r = w.make(t, r)
			repo := open(t, r)
			if asks := repo.direct == nil; asks != w.asks {
				t.Errorf("everything is left to git: %v, want %v", asks, w.asks)
			} else if asks := !asks && !repo.direct.Complete; asks != w.asksConfig {
				t.Errorf("the configuration is left to git: %v, want %v", asks, w.asksConfig)
			}
			comparePlaces(t, r, repo)
			compareRefs(t, r, repo)
			compareConfig(t, r, repo)
			compareObjects(t, r, repo)
		})
	}
}

func physical(path string) string {
	if path == "" {
		return ""
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "!" + path
	}
	return real
}

func comparePlaces(t *testing.T, r *gittest.Repo, repo *Repo) {
	t.Helper()
	lines := func(args ...string) []string {
		return strings.Split(r.Run("", "git", append([]string{"rev-parse", "--path-format=absolute"}, args...)...).Stdout+"\n\n", "\n")
	}
	want := lines("--git-dir", "--git-common-dir")
	if got := []string{repo.GitDir, repo.CommonDir}; physical(got[0]) != physical(want[0]) || physical(got[1]) != physical(want[1]) {
		t.Errorf("git directories %q, git has %q", got, want)
	}
	tree, prefix := "", ""
	if lines("--is-inside-work-tree")[0] == "true" {
		want := lines("--show-toplevel", "--show-prefix")
		tree, prefix = want[0], want[1]
	}
	if physical(repo.WorkTree) != physical(tree) || repo.Prefix != prefix {
		t.Errorf("work tree %q prefix %q, git has %q %q", repo.WorkTree, repo.Prefix, tree, prefix)
	}
	if format, err := repo.ObjectFormat(context.Background()); err != nil || format != lines("--show-object-format")[0] {
		t.Errorf("object format %q, error %v", format, err)
	}
}

func compareRefs(t *testing.T, r *gittest.Repo, repo *Repo) {
	t.Helper()
	for _, prefix := range []string{"refs/grite/locks", "refs/heads", "refs/grite/locks/0001", "refs/none", "refs"} {
		refs, err := repo.Refs(context.Background(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, ref := range refs {
			if !ref.Broken {
				got += fmt.Sprintf("%s %s %v\n", ref.OID, ref.Name, ref.Symref != "") // git names the end of a chain
			}
		}
		if want := r.Run("", "git", "for-each-ref", "--format=%(objectname) %(refname) %(if)%(symref)%(then)true%(else)false%(end)", prefix).Stdout; got != want {
			t.Errorf("%s:\n%sgit has\n%s", prefix, got, want)
		}
	}
}

func compareConfig(t *testing.T, r *gittest.Repo, repo *Repo) {
	t.Helper()
	ctx := context.Background()
	remotes, err := repo.Remotes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range remotes {
		for _, url := range c.URLs {
			got = append(got, "remote."+c.Name+".url\n"+url)
		}
		for _, url := range c.PushURLs {
			got = append(got, "remote."+c.Name+".pushurl\n"+url)
		}
	}
	want := splitZ([]byte(r.Run("", "git", "config", "-z", "--get-regexp", `^remote\..*\.(url|pushurl)$`).Stdout))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("remotes %q, git has %q", got, want)
	}
	if want := strings.TrimSpace(r.Run("", "git", "config", "--type=bool", "core.ignorecase").Stdout) == "true"; repo.IgnoreCase(ctx) != want {
		t.Errorf("core.ignorecase %v, git has %v", !want, want)
	}
}

// compareObjects writes a commit and lets git read it, and the other way round.
func compareObjects(t *testing.T, r *gittest.Repo, repo *Repo) {
	t.Helper()
	ctx := context.Background()
	content := strings.Repeat("content\n", 100)
	oid, err := repo.WriteCommit(ctx, FileCommit{Name: "f", Content: []byte(content), Message: "m", Time: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Run("", "git", "cat-file", "blob", string(oid)+":f").Stdout; got != content {
		t.Errorf("git reads %q", got)
	}
	if out := r.Run("", "git", "fsck", "--strict", string(oid)); out.Code != 0 {
		t.Errorf("fsck: %s%s", out.Stdout, out.Stderr)
	}
	blob := strings.TrimSpace(r.GitIn("of git", "hash-object", "-w", "--stdin"))
	tree := strings.TrimSpace(r.GitIn("100644 blob "+blob+"\tf\n", "mktree"))
	other := OID(strings.TrimSpace(r.GitIn("m", "commit-tree", tree)))
	found, _, err := repo.ReadFiles(ctx, []OID{oid, other}, "f")
	if err != nil || string(found[oid].Content) != content || string(found[other].Content) != "of git" {
		t.Errorf("ours %q, git's %q, error %v", found[oid].Content, found[other].Content, err)
	}
	modes := map[os.FileMode]bool{}
	dirs, _ := filepath.Glob(filepath.Join(repo.CommonDir, "objects", "[0-9a-f][0-9a-f]"))
	for _, dir := range dirs {
		if st, err := os.Stat(dir); err == nil && strings.Contains(dir, string(oid[:2])) {
			modes[st.Mode()] = true
		}
	}
	if shared, err := repo.sharing(ctx); err != nil || shared != 0 && !modes[os.ModeDir|os.ModeSetgid|0o775] && !modes[os.ModeDir|os.ModeSetgid|0o777] {
		t.Errorf("shared %v, but %v, error %v", shared, modes, err)
	}
}
