package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/git-grite/git-grite/internal/gittest"
)

// results is a story in which every command prints what it has to say with
// --json: who runs it, its command line and its exit code. "$issue" and "$nonce"
// are those of the result before that had one. docs/schema.json has a definition
// for each command, and each of them a row here that succeeds.
var results = []struct {
	who, line string
	code      int
}{
	{"alice", "version", 0},
	{"alice", "lock acquire -h", 0},
	{"alice", "lock acquire --nonsense", 2},
	{"alice", "actor current", 0}, // and a notice that it was made
	{"nowhere", "lock status", 5},

	{"alice", "init --no-hooks --agents-md", 0},
	{"alice", "hooks status", 4},
	{"alice", "hooks install", 0},
	{"alice", "hooks status", 0},
	{"alice", "hooks test", 0},
	{"alice", "hooks uninstall", 0},
	{"alice", "hooks test", 4},
	{"alice", "hooks install --agent claude", 0},
	{"alice", "hooks status --agent claude", 0},
	{"alice", "hooks test --agent claude", 0},
	{"alice", "hooks uninstall --agent claude", 0},
	{"alice", "init --label alice", 0},
	{"husky", "init", 0}, // and a notice that hooks have to be added by hand
	{"husky", "hooks install", 5},
	{"husky", "hooks status", 4},
	{"server", "hooks install --server", 0},
	{"server", "hooks test --server", 0},
	{"server", "hooks status", 0},
	{"server", "hooks uninstall --server", 0},

	{"alice", "actor init --label second", 0},
	{"alice", "actor list", 0},
	{"alice", "actor show second", 0},
	{"alice", "actor show nobody", 3},
	{"alice", "actor use --worktree second", 0},
	{"alice", "actor use --worktree alice", 0},
	{"alice", "lock acquire issue:held --actor second", 0},
	{"alice", "actor rm second", 4},
	{"alice", "lock release --mine --actor second", 0},
	{"alice", "actor rm second", 0},
	{"alice", "actor adopt", 3},
	{"copy", "actor adopt", 0},

	{"alice", "completion bash", 0},
	{"alice", "completion tcsh", 2},
	{"alice", "config list", 0},
	{"alice", "config set lockable *.psd", 0},
	{"alice", "config get lockable", 0},
	{"alice", "config unset lockable", 0},
	{"alice", "config get agent.acquire", 0},
	{"alice", "config get default_actor --team", 3},
	{"alice", "config set lock.ttl 5", 2},

	{"bob", "lock status --cached", 0},
	{"alone", "lock report", 0},
	{"alice", "lock acquire src/ -r issue:1 --reason rework", 0},
	{"alice", "lock acquire src/", 0},
	{"alice", "lock acquire nowhere/", 0}, // and a notice that it matches nothing
	{"bob", "lock acquire src/a.go", 4},
	{"bob", "lock acquire src/a.go --wait 1s", 4},
	{"bob", "lock ask src/a.go --message please", 0},
	{"bob", "lock ask src/a.go --message please --wait 1s", 4},
	{"bob", "lock ask README --message please", 3},
	{"alice", "lock answer README --message no", 3},
	{"alice", "lock status", 0}, // and what bob asks
	{"alice", "lock answer src/ --message later", 0},
	{"alice", "lock answer src/ --message later", 3},
	{"bob", "lock status", 0},               // and the answer
	{"bob", "lock run src/a.go -- true", 2}, // stdout is its command's
	{"bob", "lock check src/a.go", 4},
	{"bob", "lock check README", 0},
	{"bob", "lock release src/", 4},
	{"bob", "lock release lib/", 0},
	{"bob", "lock renew lib/", 3},
	{"bob", "lock status src/a.go", 0},
	{"alice", "lock renew --mine --ttl 1h", 0},
	{"alice", "push -- origin HEAD:refs/heads/empty", 3},
	{"changed", "push -- origin HEAD:refs/heads/topic", 0},
	{"alice", "push -- origin HEAD:refs/heads/topic", 0}, // up to date
	{"alice", "lock status", 0},
	{"changed", "push --release --lock path:src/ -- -n origin HEAD:refs/heads/topic", 0},
	{"rejected", "push --lock path:src/ -- origin HEAD:main", 1},
	{"alice", "lock renew src/", 0},
	{"bob", "lock break -r path:src/ --nonce $nonce --reason test", 0},
	{"changed", "push --lock path:src/ -- origin HEAD:refs/heads/topic", 6},
	{"alice", "lock status --mine --all", 0},
	{"alice", "lock break issue:1 --nonce wrong", 2},
	{"bob", "lock break -r issue:1 --nonce wrong --reason test", 4},
	{"bob", "lock acquire lib/", 0},
	{"alice", "lock break -r path:lib/ --nonce $nonce --reason test", 0},
	{"bob", "lock renew lib/", 4},
	{"alice", "lock acquire lib/", 0},
	{"late", "lock acquire lib/x", 0}, // taken over
	{"late", "lock gc", 0},
	{"alice", "lock status", 0},
	{"alice", "lock log", 0},
	{"alice", "lock report", 0},
	{"alice", "lock report --html report.html", 0},
	{"alice", "lock keep status", 0},
	{"alice", "lock keep start issue:1 --for 1h", 0},
	{"alice", "lock keep status", 0},
	{"alice", "doctor", 0},
	{"alice", "lock keep stop", 0},
	{"bob", "lock keep start issue:1 --for 1h", 3},

	{"bob", "lock acquire docs/ --offline", 0},
	{"bob", "lock acquire tests/ --offline", 0},
	{"bob", "sync --pull", 0},
	{"alice", "lock acquire docs/x", 0},
	{"bob", "lock status", 0},
	{"bob", "sync", 4},
	{"bob", "lock status", 0},
	{"bob", "lock release --mine", 0},
	{"away", "lock acquire docs/x", 5},
	{"away", "lock status", 5},
	{"away", "issue create --title X", 5},

	{"alice", "issue create --title One --body Text --label todo", 0},
	{"alice", "issue comment $issue --body Said", 0},
	{"alice", "issue update $issue --title Two", 0},
	{"alice", "issue label add $issue --label more", 0},
	{"alice", "issue label remove $issue --label more", 0},
	{"alice", "issue claim --label todo", 0},
	{"bob", "issue list", 0},
	{"bob", "issue comment $issue --body Warned", 0},
	{"bob", "issue claim --label todo", 3},
	{"bob", "issue claim $issue", 4},
	{"alice", "issue show $issue", 0},
	{"alice", "issue show ffffffff", 3},
	{"alice", "issue close $issue", 0},
	{"alice", "issue reopen $issue", 0},
	{"alice", "issue comment $issue --offline --body Later", 0},
	{"alice", "sync", 0},

	{"alice", "mcp", 5},
	{"faulty", "lock status", 5},
	{"faulty", "doctor", 5},
	{"bob", "deinit", 0},
	{"alice", "deinit", 0},
}

func TestSchema(t *testing.T) {
	t.Parallel()
	schema := readSchema(t)
	places := schemaPlaces(t)
	last := map[string]string{}
	succeeded := map[string]bool{}
	for _, row := range results {
		line := strings.NewReplacer("$issue", last["issue_id"], "$nonce", last["nonce"]).Replace(row.line)
		name := schema.command(t, line)
		words := slices.Insert(strings.Fields(line), len(strings.Fields(name)), "--json")
		res := places(row.who).Run("", "git-grite", words...)
		came(t, row.who+": "+line, res).exits(row.code)
		if res.Stderr != "" {
			t.Errorf("%s: on stderr: %s", line, res.Stderr)
		}
		if strings.HasSuffix(line, " -h") {
			name = "help"
		}
		data := schema.check(t, name, line, res.Stdout, row.code)
		succeeded[name] = succeeded[name] || row.code == 0
		for _, key := range []string{"issue_id", "nonce"} {
			if of, ok := data["lock"].(map[string]any); ok && of[key] != nil {
				last[key] = of[key].(string)
			} else if text, ok := data[key].(string); ok {
				last[key] = text
			}
		}
	}
	for name, s := range schema.root.Defs {
		if unicode.IsLower(rune(name[0])) && s.Not == nil && !succeeded[name] {
			t.Errorf("docs/schema.json has %q, and no row here prints it", name)
		}
	}
}

// TestSchemaWatch holds the first lines of a watch against the schema.
func TestSchemaWatch(t *testing.T) {
	t.Parallel()
	schema := readSchema(t)
	place := schemaPlaces(t)
	for _, name := range []string{"alice", "alone"} {
		r := place(name)
		grite(t, r, "lock", "acquire", "issue:1")
		res := r.Run("", "bash", "-c", "exec 3< <(exec git-grite lock status --watch --json --interval 1s); pid=$!; head -n 1 <&3; kill $pid")
		if res.Stderr != "" {
			t.Errorf("on stderr: %s", res.Stderr)
		}
		if data := schema.check(t, "lock status", "lock status --watch", res.Stdout, 0); data["change"] != "held" {
			t.Errorf("%s", res.Stdout)
		}
	}
}

// schemaFile is docs/schema.json, sealed: what it does not have is an error.
type schemaFile struct{ root jsonschema.Schema }

func readSchema(t *testing.T) schemaFile {
	t.Helper()
	var f schemaFile
	var raw any
	if err := json.Unmarshal([]byte(readFile(t, "../../docs/schema.json")), &raw); err != nil {
		t.Fatal(err)
	}
	seal(raw)
	sealed, err := json.Marshal(raw)
	if err == nil {
		err = json.Unmarshal(sealed, &f.root)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// seal refuses members that a schema does not name. A definition whose name ends
// in Fields is a part of others, which are sealed.
func seal(node any) {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			seal(child)
		}
	case map[string]any:
		ref, _ := n["$ref"].(string)
		_, named := n["properties"].(map[string]any)
		if named && n["type"] == "object" || strings.HasSuffix(ref, "Fields") {
			n["unevaluatedProperties"] = false
		}
		for name, child := range n {
			seal(child)
			if of, ok := child.(map[string]any); ok && strings.HasSuffix(name, "Fields") {
				delete(of, "unevaluatedProperties")
			}
		}
	}
}

// command is the longest definition that a command line begins with.
func (f schemaFile) command(t *testing.T, line string) (name string) {
	t.Helper()
	words := strings.Fields(line)
	for n := range slices.Backward(words) {
		if name := strings.Join(words[:n+1], " "); f.root.Defs[name] != nil {
			return name
		}
	}
	t.Fatalf("docs/schema.json has nothing about %q", line)
	return ""
}

// check validates what a command printed, and returns its data.
func (f schemaFile) check(t *testing.T, name, line, stdout string, code int) map[string]any {
	t.Helper()
	if strings.Count(stdout, "\n") != 1 {
		t.Errorf("%s: not one line on stdout: %s", line, stdout)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(stdout), &object); err != nil {
		t.Errorf("%s: %v", line, err)
		return nil
	}
	data, _ := object["data"].(map[string]any)
	root := f.root
	f.validate(t, &root, line, object)
	if data != nil {
		f.validate(t, &jsonschema.Schema{Ref: "#/$defs/" + strings.ReplaceAll(name, " ", "%20"), Defs: root.Defs}, line, data)
	}
	fault, failed := object["error"].(map[string]any)
	if failed != (code != 0) || !failed && data == nil {
		t.Errorf("%s: exit %d and %s", line, code, stdout)
	}
	if failed && !reflect.DeepEqual(fault["details"], object["data"]) {
		f.validate(t, &jsonschema.Schema{Ref: "#/$defs/Details", Defs: root.Defs}, line, fault["details"])
	}
	return data
}

func (f schemaFile) validate(t *testing.T, s *jsonschema.Schema, line string, instance any) {
	t.Helper()
	resolved, err := s.CloneSchemas().Resolve(nil)
	if err != nil {
		t.Fatalf("docs/schema.json: %v", err)
	}
	if err := resolved.Validate(instance); err != nil {
		text, _ := json.Marshal(instance)
		t.Errorf("%s: %v\n%s", line, err, text)
	}
}

// schemaPlaces are the repositories of the story, by the names of those who are
// there; some come to be when they are first asked for.
func schemaPlaces(t *testing.T) func(who string) *gittest.Repo {
	t.Helper()
	remote, alone := gittest.NewRemote(t), gittest.New(t)
	remote.Git("fetch", "-q", alone.Dir, "main:main")
	places := map[string]*gittest.Repo{"alone": alone, "server": gittest.NewRemote(t), "nowhere": alone.At(t.TempDir())}
	for _, who := range []string{"alice", "bob", "away", "husky", "faulty"} {
		places[who] = remote.Clone(t, remote.Dir, "-c", "user.email="+who+"@example.com")
	}
	places["husky"].Git("config", "core.hooksPath", ".husky")
	places["away"].Git("remote", "set-url", "origin", filepath.Join(t.TempDir(), "gone.git"))
	places["faulty"].Write(".git/grite/config.toml", "lock_policy = 3\n")
	alice, changes := places["alice"], 0
	return func(who string) *gittest.Repo {
		switch who {
		case "copy":
			return alice.Copy()
		case "late":
			return places["bob"].With("GRITE_TEST_SHIFT=3h")
		case "changed":
			changes++
			change(alice, fmt.Sprintf("src/%d.go", changes))
			return alice
		case "rejected":
			remote.Git("update-ref", "refs/heads/main", remote.Git("commit-tree", "-m", "other", "main^{tree}"))
			return alice
		}
		return places[who]
	}
}
