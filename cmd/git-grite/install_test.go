package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// builder stands for go, which takes minutes: it puts the program under test
// where a build would put its own.
const builder = `#!/bin/sh
echo "$@" >>"$BUILT"
while [ "$1" != -o ]; do shift; done
cp "$PROGRAM" "$2/git-grite" && cp "$PROGRAM" "$2/git-grite-mcp"
`

// installation is a machine on which install.sh is run.
type installation struct {
	*gittest.Repo
	bin, prefix, built string
}

func newInstallation(t *testing.T, env ...string) installation {
	r := gittest.New(t)
	program, err := exec.LookPath("git-grite")
	if err != nil {
		t.Fatal(err)
	}
	i := installation{bin: t.TempDir(), prefix: filepath.Join(t.TempDir(), "local"), built: filepath.Join(t.TempDir(), "built")}
	gittest.Executable(t, filepath.Join(i.bin, "go"), builder)
	// Not the PATH of the tests, on which there is a git-grite already.
	i.Repo = r.With(append([]string{"PATH=" + i.bin + ":/usr/local/bin:/usr/bin:/bin", "PROGRAM=" + program, "BUILT=" + i.built, "SHELL=/bin/sh"}, env...)...)
	return i
}

func (i installation) run(t *testing.T, args ...string) string {
	t.Helper()
	script, err := filepath.Abs("../../install.sh")
	if err != nil {
		t.Fatal(err)
	}
	res := i.Run("", script, append([]string{"--prefix", i.prefix}, args...)...)
	came(t, "install.sh", res).exits(0)
	return res.Stdout
}

// files are those below the prefix, sorted.
func (i installation) files(t *testing.T) (all []string) {
	t.Helper()
	err := filepath.WalkDir(i.prefix, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, strings.TrimPrefix(path, i.prefix+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestInstall(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	said := i.run(t)
	lines := strings.Split(strings.TrimSpace(said), "\n")
	version := strings.TrimSuffix(strings.TrimPrefix(strings.Split(lines[0], ";")[0], "Building git-grite "), ";")
	if version == "" || !strings.Contains(lines[0], "takes a minute or two") {
		t.Errorf("first it says %q", lines[0])
	}
	if built := readFile(t, i.built); !strings.Contains(built, "cli.version="+version) {
		t.Errorf("what is built is %q, not of version %q", built, version)
	}
	for _, want := range []string{
		"Installed " + i.prefix + "/bin/git-grite, version " + version + ",", "Linked " + i.prefix + "/bin/grite\n",
		i.prefix + "/bin is not on PATH; add it: export PATH=\"" + i.prefix + "/bin:$PATH\"\n", "\nNext, in a repository: git grite init\n",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q in %s", want, said)
		}
	}
	if strings.Contains(said, "Another git-grite") {
		t.Errorf("there is no other: %s", said)
	}
	want := []string{
		"bin/git-grite", "bin/git-grite-mcp", "bin/grite", "share/bash-completion/completions/git-grite", "share/bash-completion/completions/grite",
		"share/fish/vendor_conf.d/git-grite.fish", "share/zsh/site-functions/_git-grite",
	}
	pages, err := filepath.Glob("../../docs/man/*.1")
	if err != nil || len(pages) < 5 {
		t.Fatal(pages, err)
	}
	for _, page := range pages {
		want = append(want, "share/man/man1/"+filepath.Base(page))
	}
	slices.Sort(want)
	if got := i.files(t); !slices.Equal(got, want) {
		t.Errorf("installed are %q, not %q", got, want)
	}
	here := i.With("PATH="+i.prefix+"/bin:/usr/local/bin:/usr/bin:/bin", "MANPAGER=cat", "MANWIDTH=80", "LC_ALL=C.UTF-8")
	came(t, "git grite", here.Run("", "git", "grite", "version")).exits(0)
	came(t, "grite", here.Run("", "grite", "version")).exits(0)
	if _, err := exec.LookPath("man"); err == nil {
		came(t, "git grite --help", here.Run("", "git", "grite", "--help")).exits(0, "GIT-GRITE(1)", "GRITE_LOCK_POLICY")
		came(t, "man git-grite-lock", here.Run("", "man", "git-grite-lock")).exits(0, "GIT-GRITE-LOCK(1)", "git grite lock acquire")
	}
	// Without man, both say what there is to know.
	came(t, "git grite help", here.Run("", "git", "grite", "help", "lock", "acquire")).exits(0, "usage: git grite lock acquire ")
	came(t, "git-grite --help", here.Run("", "git-grite", "--help")).exits(0, "usage: git grite COMMAND")

	// Once more is an update, which is quiet about what is right.
	i.Repo = i.With("PATH=" + i.bin + ":" + i.prefix + "/bin:/usr/local/bin:/usr/bin:/bin")
	again := i.run(t)
	if strings.Contains(again, "PATH") || strings.Contains(again, "Not linked") || strings.Contains(again, "Another") {
		t.Errorf("the second time: %s", again)
	}
	i.run(t, "--uninstall")
	if left := i.files(t); len(left) > 0 {
		t.Errorf("left are %q", left)
	}
}

// TestInstallBesideOthers: programs of the same names that come first are named
// and left alone.
func TestInstallBesideOthers(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "SHELL=/usr/bin/zsh")
	gittest.Executable(t, filepath.Join(i.bin, "git-grite"), "#!/bin/sh\necho git-grite version old\n")
	gittest.Executable(t, filepath.Join(i.bin, "grite"), "#!/bin/sh\n")
	said := i.run(t)
	for _, want := range []string{
		"Another git-grite comes first on PATH and runs instead: " + i.bin + "/git-grite (git-grite version old)\n",
		"Not linked as grite: that name is taken by " + i.bin + "/grite\n", "For zsh, before compinit: fpath=(" + i.prefix + "/share/zsh/site-functions $fpath)\n",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q in %s", want, said)
		}
	}
	i.run(t, "--uninstall")
	if _, err := os.Stat(filepath.Join(i.bin, "grite")); err != nil {
		t.Error(err)
	}
}

// TestInstallWithoutMan says how to read help where git cannot show a page.
func TestInstallWithoutMan(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	for _, name := range []string{"sh", "env", "git", "dirname", "mkdir", "mv", "cp", "rm", "ln", "readlink", "cut", "cmp", "head", "cat"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(i.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	i.Repo = i.With("PATH=" + i.bin)
	if said := i.run(t); !strings.Contains(said, "There is no man here, which git grite --help needs; git grite help does without\n") {
		t.Errorf("it says %s", said)
	}
}
