package agent

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const (
	reason  = `src/auth.go is locked by alice (cd056288) for 25m: "rework <login> & tests". Wait for it: git grite lock acquire -r path:src/auth.go --wait 30m`
	context = `You hold path:docs/ for 4m. "alice" waits for it.`
)

// understood is the form of testdata/*/*.event.json.
type understood struct {
	Host      string   `json:"host"`
	Kind      string   `json:"kind"`
	Tool      string   `json:"tool"`
	Cwd       string   `json:"cwd"`
	Session   string   `json:"session"`
	Agent     string   `json:"agent"`
	AgentType string   `json:"agent_type"`
	Source    string   `json:"source"`
	Label     string   `json:"label"`
	Paths     []string `json:"paths"`
	Exit      int      `json:"exit"`
	Stderr    string   `json:"stderr"`
}

// reply is how git-grite answers a fixture: a refusal of each edit, and text
// for the model at all other events.
func reply(e Event) Reply {
	if e.Kind == PreEdit {
		return e.Deny(reason)
	}
	return e.Context(context)
}

func TestFixtures(t *testing.T) {
	inputs, _ := filepath.Glob("testdata/*/*.in.json")
	if len(inputs) < 90 {
		t.Fatalf("%d fixtures", len(inputs))
	}
	for _, in := range inputs {
		host, base := filepath.Base(filepath.Dir(in)), strings.TrimSuffix(in, ".in.json")
		t.Run(host+"/"+filepath.Base(base), func(t *testing.T) {
			e := Parse(host, read(t, in), nil)
			r := reply(e)
			id, known := e.Identity()
			got := understood{Host: e.Host, Kind: e.Kind.String(), Tool: e.Tool, Cwd: e.Cwd, Session: e.Session, Agent: e.Agent,
				AgentType: e.AgentType, Source: e.Source, Paths: e.Paths, Exit: r.Exit, Stderr: string(r.Stderr)}
			if known {
				got.Label = id.Label()
			}
			var want understood
			if err := json.Unmarshal(read(t, base+".event.json"), &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("understood\n%+v, not\n%+v", got, want)
			}
			same(t, "answer", r.Stdout, read(t, base+".out.json"))
			if e.Kind == PreEdit {
				same(t, "warning", e.Context(context).Stdout, read(t, base+".warn.json"))
			} else if r := e.Deny(reason); !reflect.DeepEqual(r, Reply{}) {
				t.Errorf("denied something that is not an edit: %+v", r)
			}
		})
	}
}

// read returns a file, or nothing for the one that stands for silence.
func read(t testing.TB, file string) []byte {
	data, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return data
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n%s\nnot\n%s", what, got, want)
	}
}

func TestEveryHostHasFixtures(t *testing.T) {
	kinds := map[string]map[Kind]bool{}
	inputs, _ := filepath.Glob("testdata/*/*.in.json")
	for _, in := range inputs {
		e := Parse(filepath.Base(filepath.Dir(in)), read(t, in), nil)
		if kinds[e.Host] == nil {
			kinds[e.Host] = map[Kind]bool{}
		}
		kinds[e.Host][e.Kind] = true
	}
	for _, h := range hosts {
		for _, k := range []Kind{Unknown, PreEdit, SessionStart} {
			if !kinds[h.Name][k] {
				t.Errorf("%s has no fixture of %v", h.Name, k)
			}
		}
	}
}

// TestFixturesAreComplete lists the case of each host for what an agent may do to a
// file, and for what it may send that means nothing to us. "-" is what the agent has
// no tool for.
func TestFixturesAreComplete(t *testing.T) {
	columns := strings.Fields("edit write notebook add update delete move unknown-tool unknown-event another-version")
	for host, row := range map[string]string{
		"claude":   "edit write notebook - - - - bash unknown-event another-version",
		"codex":    "update add - add update delete move bash unknown-event another-version",
		"copilot":  "edit write vscode-notebook patch-camel patch-camel patch-camel patch-camel view-camel unknown-event another-version",
		"cursor":   "edit write notebook - - delete - shell unknown-event another-version",
		"gemini":   "edit write - - - - - shell unknown-event another-version",
		"opencode": "edit write - patch patch patch patch bash unknown-event another-version",
		"devin":    "cli-edit cli-write cli-notebook cli-patch cli-patch cli-patch cli-patch cli-exec unknown-event desktop-another-version",
	} {
		for i, name := range strings.Fields(row) {
			if name == "-" {
				continue
			}
			in := read(t, "testdata/"+host+"/"+name+".in.json")
			e := Parse(host, in, nil)
			marks := map[string]string{"add": "*** Add File", "update": "*** Update File", "delete": "*** Delete File", "move": "*** Move to"}
			switch column := columns[i]; {
			case len(in) == 0:
				t.Errorf("%s has no fixture %s, for %s", host, name, column)
			case column == "another-version": // is understood, or silence
			case strings.HasPrefix(column, "unknown") != (e.Kind == Unknown):
				t.Errorf("%s: %s is %v, for %s", host, name, e.Kind, column)
			case marks[column] != "" && host != "cursor" && !bytes.Contains(in, []byte(marks[column])):
				t.Errorf("%s: %s has no %q", host, name, marks[column])
			}
		}
	}
	if len(hosts) != 7 {
		t.Errorf("%d hosts", len(hosts))
	}
}

func TestExtraTools(t *testing.T) {
	in := read(t, "testdata/claude/mcp-tool.in.json")
	e := Parse("claude", in, regexp.MustCompile(`^mcp__c3__`))
	if e.Kind != PreEdit || len(e.Paths) != 1 {
		t.Errorf("%+v", e)
	}
	if e := Parse("claude", in, regexp.MustCompile(`^mcp__other__`)); e.Kind != Unknown {
		t.Errorf("%+v", e)
	}
}

func TestGarbageIsSilent(t *testing.T) {
	edit := string(read(t, "testdata/claude/edit.in.json"))
	deep := strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000)
	cases := map[string]string{
		"nothing": "", "blank": " \n", "null": "null", "array": "[]", "number": "1", "text": "hello",
		"truncated": edit[:len(edit)/2], "twice": edit + edit, "NULs": strings.Repeat("\x00", 100),
		"deep":              `{"hook_event_name":"PreToolUse","tool_name":"Edit","tool_input":` + deep + `}`,
		"huge":              strings.Replace(edit, `"a"`, `"`+strings.Repeat("x", MaxInput)+`"`, 1),
		"no directory":      `{"hook_event_name":"PreToolUse","tool_name":"Edit","tool_input":{"file_path":"a"}}`,
		"relative cwd":      `{"hook_event_name":"PreToolUse","cwd":"sub","tool_name":"Edit","tool_input":{"file_path":"a"}}`,
		"NUL in the path":   `{"hook_event_name":"PreToolUse","cwd":"/","tool_name":"Edit","tool_input":{"file_path":"a\u0000b"}}`,
		"empty path":        `{"hook_event_name":"PreToolUse","cwd":"/","tool_name":"Edit","tool_input":{"file_path":""}}`,
		"path of the wrong": `{"hook_event_name":"PreToolUse","cwd":"/","tool_name":"Edit","tool_input":{"file_path":["/a"]}}`,
	}
	for name, in := range cases {
		for _, h := range hosts {
			if e := Parse(h.Name, []byte(in), nil); e.Kind != Unknown || !reflect.DeepEqual(e.Deny(reason), Reply{}) || !reflect.DeepEqual(e.Context(context), Reply{}) {
				t.Errorf("%s, %s: %+v", h.Name, name, e)
			}
		}
	}
	if e := Parse("nobody", []byte(edit), nil); e.Kind != Unknown || !reflect.DeepEqual(e.Deny(reason), Reply{}) {
		t.Errorf("unknown host: %+v", e)
	}
}

func TestTruncatedIsSilent(t *testing.T) {
	inputs, _ := filepath.Glob("testdata/*/*.in.json")
	for _, in := range inputs {
		whole := bytes.TrimSpace(read(t, in))
		for i := range whole {
			if e := Parse(filepath.Base(filepath.Dir(in)), whole[:i], nil); e.Kind != Unknown {
				t.Fatalf("%s, %d bytes: %+v", in, i, e)
			}
		}
	}
}

func TestTolerated(t *testing.T) {
	edit := string(read(t, "testdata/claude/edit.in.json"))
	for name, in := range map[string]string{
		"a byte order mark":      "\ufeff" + edit,
		"not UTF-8":              strings.Replace(edit, `"a"`, "\"\xff\xfe\"", 1),
		"a half surrogate":       strings.Replace(edit, `"a"`, `"\ud800"`, 1),
		"a member twice":         strings.Replace(edit, `"cwd"`, `"cwd": "/elsewhere", "cwd"`, 1),
		"text just small enough": strings.Replace(edit, `"a"`, `"`+strings.Repeat("x", MaxInput-len(edit)-10)+`"`, 1),
	} {
		if e := Parse("claude", []byte(in), nil); e.Kind != PreEdit || e.Cwd != "/home/dev/app" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if e := Parse("claude;", []byte(edit), nil); e.Kind != PreEdit {
		t.Errorf("as cmd.exe passes it on: %+v", e)
	}
}

func TestReadDrainsWhatItRefuses(t *testing.T) {
	exact := strings.NewReader(strings.Repeat("x", MaxInput))
	if data, err := Read(exact); err != nil || len(data) != MaxInput {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	more := strings.NewReader(strings.Repeat("x", 3*MaxInput))
	if data, err := Read(more); err != ErrTooLarge || data != nil || more.Len() != 0 {
		t.Errorf("%d bytes, %v, %d unread", len(data), err, more.Len())
	}
	broken := io.MultiReader(strings.NewReader("{"), failing{})
	if _, err := Read(broken); err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestPatchPaths(t *testing.T) {
	for patch, want := range map[string]string{
		"":                             "",
		"*** Add File: a":              "a",
		"*** Add File: a\r\n+x\r\n":    "a",
		"  *** Delete File:   b c  \n": "b c",
		"*** Update File: a\n *** Delete File: no\n+*** Add File: no\n@@\n*** Delete File: b":                  "a b",
		"*** Update File: a\n*** Move to: b\n *** Add File: no\n*** Add File: c\n+1\n *** Delete File: d":      "a b c d",
		"*** Add File: \n*** add file: x\n***Add File: x\n*** Add File:x":                                      "",
		"<<'EOF'\n*** Begin Patch\n*** Update File: ./a/../b\n@@\n-x\n+y\n*** End of File\n*** End Patch\nEOF": "./a/../b",
	} {
		if got := strings.TrimSpace(strings.Join(PatchPaths(patch), " ")); got != want {
			t.Errorf("%q: %q, not %q", patch, got, want)
		}
	}
}

func TestLongTextsAreCut(t *testing.T) {
	e := Event{Host: "gemini", Kind: PreEdit, Name: "BeforeTool"}
	var out struct{ Reason string }
	if err := json.Unmarshal(e.Deny(strings.Repeat("é", 3000)).Stdout, &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Reason) > maxText || len(out.Reason) < maxText-4 || !strings.HasSuffix(out.Reason, "é…") {
		t.Errorf("%d bytes, ending in %q", len(out.Reason), out.Reason[len(out.Reason)-8:])
	}
	if json.Unmarshal(e.Deny(" \n").Stdout, &out); out.Reason == "" || strings.TrimSpace(out.Reason) == "" {
		t.Error("a refusal without a reason, which Codex takes for none")
	}
	if r := (Event{Host: "claude", Kind: PostTool, Name: "PostToolUse"}).Context(" "); r.Stdout != nil {
		t.Errorf("nothing to say, and said %q", r.Stdout)
	}
}

// A refusal is one line of JSON, and exit 2 belongs to Devin alone.
func TestExitTwoOnlyForDevin(t *testing.T) {
	for _, h := range hosts {
		for name, kind := range h.events {
			r := Event{Host: h.Name, Kind: kind, Name: name}.Deny(reason)
			if (r.Exit == 2) != (h.Name == "devin" && kind == PreEdit) || r.Exit != 0 && r.Exit != 2 {
				t.Errorf("%s %s: exit %d", h.Name, name, r.Exit)
			}
			if r.Exit == 2 && len(r.Stdout) > 0 || r.Exit == 0 && len(r.Stderr) > 0 {
				t.Errorf("%s %s: %+v", h.Name, name, r)
			}
		}
	}
}
