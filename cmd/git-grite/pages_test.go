package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// pages has the blocks of each page in the order in which they stand there, and
// what is done with each; a page is one story, in the clone of one person.
var pages = map[string][]play{
	"README.md": {
		{"$ git grite lock acquire", shown},
		{"./install.sh\n", fromSource("Installed")},
		{"git grite init\n", run("", "git-grite is set up")},
		{"make demo", fromSource("Lock conflict")},
		{"git grite lock run repo:deploy", run("", "deployed", "Lock acquired", "path:src/api.go", "Lock renewed", "Lock released")},
		{"make test", fromSource("-n", "go test")},
	},
	"docs/guide.md": {
		{"git grite init", run("", "Locks granted by: remote origin", "Hook pre-push: installed")},
		{"git grite lock acquire src/api.rs", run("", "issue:8057324b", `"path:src/api.rs"`, "path:docs/**/*.md")},
		{"git grite lock acquire --changed", run("echo changed >>src/web/page", "path:src/web/page")},
		{"Error: Lock conflict", shownTo},
		{"git-grite: 1 changed path", stoppedCommit},
		{"lock_policy =", teamFile},
		{"git grite lock renew", run("", "Lock renewed", "Lock released")},
		{"git grite lock run issue:nightly", run("", "nightly done", "path:src/web/", "Lock kept")},
		{"git grite lock ask", conversation},
		{"git grite lock status\n", run("", "Active Locks", `"locks"`, "src/api.rs", "granted", "Report written")},
		{"git grite lock acquire src/api.rs --offline", run("", "Lock acquired", "Synced with origin", "ok    remote")},
		{"id=$(git grite issue create", run("", "Process batch", "todo", "Comment added")},
		{"while out=", run(`process_issue() { echo "processed $1"; }`, "processed", "Issue closed", "Lock released")},
		{"git grite actor current", run("", "Current actor", "alice")},
		{"git grite lock release --mine", run("git grite lock keep stop", "Lock released")},
	},
	"docs/run.md": {
		{"git grite lock run repo:deploy", run("", "deployed")},
		{"git grite lock run repo:deploy", run("", "deployed", "migrated migrate.sql", "schema", "nightly done")},
		{"- run: git grite", step},
		{"git grite lock acquire src/api/", run("", "path:src/api/", "Lock kept", "for another")},
	},
	"docs/server.md": {
		{"git grite push ", run("git grite lock acquire -q src/; echo changed >>src/api.go; git commit -qam changed", "main -> main", "[deleted]")},
		{"git grite hooks install --server", onServer("pre-receive: installed", "refuses a forged one", "pre-receive: removed")},
		{"[receive]", serverSettings},
	},
	"docs/agents.md": {
		{"git grite hooks install --agent", run("", ".claude/settings.json")},
		{"git grite lock acquire src/api/", run("", `"already_held":false`, "Lock renewed", "Lock released")},
		{"claude --plugin-dir", withClaude("plugin git-grite")},
		{"claude mcp add", withClaude(`"serverInfo"`)},
	},
	"docs/commands.md": {
		{`{"schema_version"`, described},
		{"default_actor =", allSettings},
	},
	"docs/trust.md": {
		{"git config gpg.format ssh", run("", "lock.sign")},
		{"alice@example.com ssh-ed25519", allowedSigners},
	},
	"docs/protocol.md": {
		{"{\n", recorded},
		{"Host git.example.com", sshConfig},
	},
	"docs/hooks.md": {
		{"git grite init", run("", "Hook pre-push: unchanged", "Git runs our hooks", "pre-commit: fired", "pre-push: fired")},
		{"git-grite: 1 changed path", stoppedCommit},
		{"if command -v git-grite", calledByHook},
		{"pre-commit:\n", shownBy("TestManagersEntryLefthook")},
		{"repos:\n", shownBy("TestManagersEntryFramework")},
		{"if command -v git-grite", calledByHook},
	},
	"docs/ci.md": {
		{"git grite lock check --range", run("git checkout -qb topic; echo changed >>src/api.go; git commit -qam changed", "1 commit")},
		{"name: locks", shownBy("TestJobs")},
		{"locks:\n", shownBy("TestJobs")},
	},
}

// play is what a test does with a block that begins with certain words.
type play struct {
	begins string
	test   action
}

// action tests a block where its page happens.
type action func(t *testing.T, w *reader, text string)

// reader is where a page happens: a remote and the clones of alice, whom the page
// is about, and of bob.
type reader struct {
	page               string
	remote, alice, bob *gittest.Repo
}

// TestPages does with each block of each page what a reader does.
func TestPages(t *testing.T) {
	t.Parallel()
	for page, plays := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			blocks := fenced.FindAllStringSubmatch(readFile(t, "../../"+page), -1)
			if len(blocks) != len(plays) {
				t.Fatalf("%s has %d blocks, and %d are tested", page, len(blocks), len(plays))
			}
			w := newReader(t, page)
			for i, p := range plays {
				if text := blocks[i][1]; strings.HasPrefix(text, p.begins) {
					p.test(t, w, text)
				} else {
					t.Errorf("%s: block %d does not begin with %q:\n%s", page, i+1, p.begins, text)
				}
			}
		})
	}
}

var fenced = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```$")

func newReader(t *testing.T, page string) *reader {
	t.Helper()
	w := &reader{page: page, remote: gittest.NewRemote(t)}
	seed := w.remote.Clone(t, w.remote.Dir)
	for path, text := range map[string]string{
		"src/api.rs": "", "src/api.go": "", "src/auth.go": "", "src/auth/login.go": "", "src/web/page": "", "src/api/x": "", "docs/a.md": "", "db/schema/x": "", "migrate.sql": "",
	} {
		seed.Write(path, text)
	}
	for name, script := range map[string]string{"deploy.sh": "echo deployed $*", "nightly.sh": "echo nightly done", "generate": "echo new >>db/schema/x"} {
		gittest.Executable(t, filepath.Join(seed.Dir, name), "#!/bin/sh\n"+script+"\n")
	}
	seed.Git("add", ".")
	seed.Git("commit", "-q", "-m", "first")
	seed.Git("push", "-q", "origin", "HEAD:refs/heads/main")
	bin := t.TempDir()
	gittest.Executable(t, filepath.Join(bin, "psql"), "#!/bin/sh\necho migrated $2\n")
	path := "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")
	w.alice = w.remote.Clone(t, w.remote.Dir, "-b", "main", "-c", "user.email=alice").With(path)
	w.bob = w.remote.Clone(t, w.remote.Dir, "-b", "main", "-c", "user.email=bob").With(path)
	grite(t, w.bob, "init")
	if page != "README.md" && page != "docs/guide.md" { // which begin before that
		grite(t, w.alice, "init")
	}
	return w
}

// run runs a block as a shell does that stops at the first failure.
func run(before string, words ...string) action {
	return func(t *testing.T, w *reader, text string) {
		bash(t, w.alice, "set -e\n"+before, text).exits(0, words...)
	}
}

// variable is what differs each time: times, ids, and how long.
var variable = regexp.MustCompile(`\b[0-9]{4}-[0-9-]{5} [0-9:]{8}\b|\b[0-9a-f]{8}([0-9a-f]{24})?\b|\b[0-9]+[hms]\b`)

// same compares what was printed with what a page shows.
func same(t *testing.T, printed, shown string) {
	t.Helper()
	if got, want := variable.ReplaceAllString(printed, "…"), variable.ReplaceAllString(shown, "…"); got != want {
		t.Errorf("the page shows\n%s\nand this was printed:\n%s", want, got)
	}
}

// shown runs what follows "$ ", and wants the lines below.
func shown(t *testing.T, w *reader, text string) {
	line, output, _ := strings.Cut(strings.TrimPrefix(text, "$ "), "\n")
	same(t, bash(t, w.alice, "", line).exits(0).Stdout, output)
	grite(t, w.alice, "lock", "release", "--mine")
}

// shownTo shows what a command prints to somebody in whose way alice is.
func shownTo(t *testing.T, w *reader, text string) {
	same(t, try(t, w.bob, "lock", "acquire", "-r", "issue:8057324b").exits(4).Stderr, text)
}

// stoppedCommit shows what the hook prints that stops bob.
func stoppedCommit(t *testing.T, w *reader, text string) {
	grite(t, w.alice, "lock", "acquire", "-r", "path:src/", "--reason", "rework the login")
	w.bob.Write("src/auth.go", "changed\n")
	grite(t, w.bob, "lock", "status") // else the look of init is young enough
	same(t, git(t, w.bob.With("GRITE_LOCK_POLICY=require"), "commit", "-am", "x").stopped().Stderr, text)
	grite(t, w.alice, "lock", "release", "-r", "path:src/")
	w.bob.Git("checkout", "-q", ".")
}

// teamFile puts a block into a file, of which no key may be unknown.
func teamFile(t *testing.T, w *reader, text string) {
	w.alice.Write(".grite.toml", text)
	try(t, w.alice, "doctor").exits(0, `lock_policy = "require"`).lacks("warn  configuration")
	w.alice.Write("x.psd", "")
	w.alice.Git("add", "x.psd")
	git(t, w.alice, "commit", "-m", "x").stopped("x.psd")
	w.alice.Git("rm", "-q", "-f", "x.psd")
}

// step runs a step of a job, which is a line to run and an environment.
func step(t *testing.T, w *reader, text string) {
	parts := regexp.MustCompile(`^- run: (.*)\n  env: \{(\w+): "(.*)"\}\n$`).FindStringSubmatch(text)
	if parts == nil {
		t.Fatalf("not a step: %s", text)
	}
	actor := strings.Replace(parts[3], "${{ github.run_id }}", "17", 1)
	bash(t, w.alice.With(parts[2]+"="+actor), "", parts[1]).exits(0, "deployed staging")
	try(t, w.alice, "lock", "log").exits(0, "granted   issue:deploy-staging  ci-17")
}

// onServer runs a block in the bare repository.
func onServer(words ...string) action {
	return func(t *testing.T, w *reader, text string) { bash(t, w.remote, "set -e", text).exits(0, words...) }
}

// serverSettings puts a block where a server reads it.
func serverSettings(t *testing.T, w *reader, text string) {
	w.remote.Write("grite/receive.toml", text)
	grite(t, w.remote, "hooks", "install", "--server")
	try(t, w.remote, "doctor").exits(0, "ok    server")
}

// calledByHook calls git-grite from hooks that are somebody else's.
func calledByHook(t *testing.T, w *reader, text string) {
	for name, command := range map[string]string{"pre-commit": "commit -am x", "pre-push": "push --force origin HEAD:refs/heads/topic"} {
		r := w.remote.Clone(t, w.remote.Dir, "-b", "main")
		grite(t, r, "init", "--no-hooks")
		r.Write(".husky/"+name, "#!/bin/sh\n"+strings.ReplaceAll(text, "hook pre-commit", "hook "+name))
		if err := os.Chmod(filepath.Join(r.Dir, ".husky", name), 0o777); err != nil {
			t.Fatal(err)
		}
		r.Git("config", "core.hooksPath", ".husky")
		r.Write("src/auth.go", "changed\n")
		if name == "pre-push" {
			r.Git("commit", "-qam", "x")
		}
		grite(t, w.alice, "lock", "acquire", "-q", "-r", "path:src/")
		grite(t, r, "lock", "status")
		git(t, r.With("GRITE_LOCK_POLICY=require"), strings.Fields(command)...).stopped("src/auth.go")
		grite(t, w.alice, "lock", "release", "-q", "--mine")
		grite(t, r, "lock", "status")
		git(t, r.With("GRITE_LOCK_POLICY=require"), strings.Fields(command)...).silent()
	}
}

// shownBy is a block that another test takes from the page.
func shownBy(test string) action {
	return func(t *testing.T, w *reader, _ string) {
		sources, err := filepath.Glob("*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range sources {
			if text := readFile(t, file); strings.Contains(text, "\nfunc "+test+"(") && strings.Contains(text, w.page) {
				return
			}
		}
		t.Errorf("there is no %s that reads %s", test, w.page)
	}
}

// source is a copy of the source tree, where a page's first lines are run.
func source(t *testing.T, r *gittest.Repo) *gittest.Repo {
	t.Helper()
	dir := t.TempDir()
	copied := r.At("..").Run("", "sh", "-c", `cd "$1" && git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$2"`, "sh", root(t), dir)
	if copied.Code != 0 {
		t.Fatal(copied.Stderr)
	}
	s := r.At(dir)
	s.Git("init", "-q")
	return s
}

func root(t *testing.T) string {
	t.Helper()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// fromSource runs a block in a copy of the source tree, with the home of alice and
// a compiler whose result is the program under test.
func fromSource(words ...string) action {
	const compiler = `#!/bin/sh
case $1 in build) while [ "$1" != -o ]; do shift; done; mkdir -p "$2"; cp "%s" "$2/git-grite"; cp "$2/git-grite" "$2/git-grite-mcp" ;; esac
`
	return func(t *testing.T, w *reader, text string) {
		before := "set -e\nPATH=$HOME/.local/bin:$PATH\n"
		if words[0] == "-n" {
			before, words = before+"export MAKEFLAGS=n\n", words[1:]
		}
		bin := t.TempDir()
		gittest.Executable(t, filepath.Join(bin, "go"), fmt.Sprintf(compiler, mustLook(t)))
		r := source(t, w.alice.With("PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH")))
		bash(t, r, before, text).exits(0, words...)
	}
}

// withClaude runs a block for a coding agent that is not there: in its place one
// that loads the plugin, or talks to the server that it is told of.
func withClaude(words ...string) action {
	const agent = `claude() {
	case "$1 $2" in
	--plugin-dir*) echo "plugin $(jq -r .name "$2/.claude-plugin/plugin.json")"; jq -e .hooks.PreToolUse "$2/hooks/hooks.json" >/dev/null ;;
	"mcp add") shift 4; coproc server { "$@"; }
		echo '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}' >&"${server[1]}"
		read -r answer <&"${server[0]}"; echo "$answer" ;;
	*) false ;;
	esac
}
`
	return func(t *testing.T, w *reader, text string) {
		bin := t.TempDir()
		if out, err := exec.Command("go", "build", "-tags", "urfave_cli_no_docs", "-o", bin, "../git-grite-mcp").CombinedOutput(); err != nil {
			t.Fatalf("go build: %v: %s", err, out)
		}
		r := w.alice.With("PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"))
		if strings.Contains(text, "agents/plugin") {
			r = r.At(root(t))
		}
		bash(t, r, "set -e\n"+agent, text).exits(0, words...)
	}
}

// described holds each line against the schema.
func described(t *testing.T, _ *reader, text string) {
	f := readSchema(t)
	for line := range strings.Lines(text) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		f.validate(t, &f.root, line, object)
	}
}

// allSettings has a value for each setting, which is its default but for two.
func allSettings(t *testing.T, w *reader, text string) {
	me := regexp.MustCompile(`[0-9a-f]{32}`).FindString(grite(t, w.alice, "actor", "current", "--json").Stdout)
	w.alice.Write(".git/grite/config.toml", regexp.MustCompile(`[0-9a-f]{32}`).ReplaceAllString(text, me))
	list := try(t, w.alice, "config", "list", "--json").exits(0)
	var object struct {
		Data struct {
			Settings []struct {
				Key, From, Default string
				Value              any
			}
		}
		Notices []any
	}
	if err := json.Unmarshal([]byte(list.Stdout), &object); err != nil || len(object.Data.Settings) < 10 || len(object.Notices) > 0 {
		t.Fatalf("%v: %s", err, list.Stdout)
	}
	for _, s := range object.Data.Settings {
		if s.From == "default" {
			t.Errorf("%s is not in docs/commands.md", s.Key)
		}
		if got := fmt.Sprint(s.Value); got != s.Default && s.Key != "default_actor" && s.Key != "lockable" {
			t.Errorf("docs/commands.md has %s = %s, and the default is %s", s.Key, got, s.Default)
		}
	}
}

// allowedSigners is a file by which alice's records are vouched for, once the keys
// that the page cuts short are whole.
func allowedSigners(t *testing.T, w *reader, text string) {
	home := t.TempDir()
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(home, "key")).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	key := strings.Fields(readFile(t, filepath.Join(home, "key.pub")))[1]
	w.alice.Git("config", "user.signingKey", filepath.Join(home, "key"))
	w.alice.Write(".git/grite/allowed_signers", strings.ReplaceAll(text, "AAAAC3NzaC1lZDI1NTE5AAAAI…", key))
	alice := w.alice.With("GRITE_ACTOR=alice@example.com")
	grite(t, alice, "config", "set", "lock.vouch", "mark")
	grite(t, alice, "lock", "acquire", "-r", "path:signed")
	grite(t, w.bob, "lock", "acquire", "-r", "path:unsigned")
	try(t, alice, "lock", "status", "-r", "path:signed").exits(0, "alice@example.com").lacks("not vouched for", "note:")
	try(t, alice, "lock", "status", "-r", "path:unsigned").exits(0, "not vouched for")
}

// recorded is a record that another program wrote, half an hour ago.
func recorded(t *testing.T, w *reader, text string) {
	later := func(text string) string {
		ms, _ := strconv.ParseInt(text, 10, 64)
		return fmt.Sprint(ms - 1795493377777 + time.Now().UnixMilli())
	}
	text = regexp.MustCompile(`\b17954[0-9]{8}\b`).ReplaceAllStringFunc(text, later)
	w.remote.Record(gittest.LockRef("path:src/main.rs"), text)
	try(t, w.alice, "lock", "status").exits(0, "path:src/main.rs 64d15a2c", "alice@example.com", "rework the login").lacks("damaged")
}

// sshConfig is read by ssh.
func sshConfig(t *testing.T, _ *reader, text string) {
	file := filepath.Join(t.TempDir(), "config")
	write(t, file, text)
	out, err := exec.Command("ssh", "-G", "-F", file, "git.example.com").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "controlmaster auto\n") || !strings.Contains(string(out), "controlpersist 600\n") {
		t.Errorf("ssh -G: %v: %s", err, out)
	}
}
