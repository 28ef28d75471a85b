package agent

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// FuzzParse: whatever is read, for whichever host, is an answer that the host
// can read, and a refusal only of an edit of absolute paths.
func FuzzParse(f *testing.F) {
	inputs, _ := filepath.Glob("testdata/*/*.in.json")
	for i, in := range inputs {
		f.Add(i, read(f, in))
	}
	f.Add(0, []byte(`{"hook_event_name":"PreToolUse","tool_name":"Edit","tool_input":"\"\""}`))
	f.Fuzz(func(t *testing.T, i int, in []byte) {
		e := Parse(hosts[uint(i)%uint(len(hosts))].Name, in, nil)
		for _, p := range e.Paths {
			if !filepath.IsAbs(p) || strings.ContainsRune(p, 0) {
				t.Errorf("path %q", p)
			}
		}
		deny := e.Deny(string(in))
		if refused := len(deny.Stdout) > 0 || deny.Exit != 0; refused != (e.Kind == PreEdit) || refused && len(e.Paths) == 0 {
			t.Errorf("%+v: %+v", e, deny)
		}
		for _, r := range []Reply{deny, e.Context(string(in))} {
			if len(r.Stdout) > 0 && (!json.Valid(r.Stdout) || bytes.IndexByte(r.Stdout, '\n') != len(r.Stdout)-1) {
				t.Errorf("%+v: %q", e, r.Stdout)
			}
		}
		if id, ok := e.Identity(); ok {
			if label := id.Label(); len(label) > 100 || plain(strings.ReplaceAll(label, "/", "")) != strings.ReplaceAll(label, "/", "") {
				t.Errorf("label %q", label)
			}
		}
	})
}

// FuzzPatchPaths: every path stands in the patch, on a line of its own.
func FuzzPatchPaths(f *testing.F) {
	inputs, _ := filepath.Glob("testdata/codex/*.in.json")
	for _, in := range inputs {
		s, _ := text(object(object(read(f, in))["tool_input"])["command"])
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, patch string) {
		for _, p := range PatchPaths(patch) {
			if p == "" || strings.ContainsAny(p, "\n") || !strings.Contains(patch, ": ") || !strings.Contains(patch, p) {
				t.Errorf("%q of %q", p, patch)
			}
		}
	})
}

// FuzzJSONC: what encoding/json reads is read with the same value; a member
// that is put in and taken out leaves no trace.
func FuzzJSONC(f *testing.F) {
	for _, text := range theirs {
		f.Add([]byte(text))
	}
	for _, file := range []string{"../../agents/plugin/hooks/hooks.json", "../../agents/plugin/.claude-plugin/plugin.json"} {
		f.Add(read(f, file))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		n, err := parseJSONC(in)
		var v any
		strict := json.Unmarshal(in, &v)
		if err != nil {
			if strict == nil && bytes.Count(in, []byte("["))+bytes.Count(in, []byte("{")) <= maxDepth && json.Valid(bytes.ToValidUTF8(in, nil)) && len(bytes.ToValidUTF8(in, nil)) == len(in) {
				t.Errorf("%q: %v", in, err)
			}
			return
		}
		if strict == nil && !reflect.DeepEqual(n.decode(in), v) {
			t.Errorf("%q: %v, not %v", in, n.decode(in), v)
		}
		if n.kind != '{' && n.kind != '[' {
			return
		}
		member := map[byte]string{'{': "\"new\": {\n  \"a\": 1\n}", '[': "{\n  \"a\": 1\n}"}[n.kind]
		with := insert(in, &n, member, "  ", "\n")
		again, err := parseJSONC(with)
		if err != nil || len(again.members) != len(n.members)+1 {
			t.Fatalf("%q: %v", with, err)
		}
		if back, ok := remove(with, &again, len(n.members)); !ok || !bytes.Equal(back, in) {
			t.Errorf("%q: back to %q", with, back)
		}
	})
}

// FuzzSettings: whatever a settings file has, Install keeps every member of
// others, is done once, and is undone byte for byte.
func FuzzSettings(f *testing.F) {
	files := allFiles()
	for i := range files {
		for _, text := range theirs {
			f.Add(i, []byte(text))
		}
		f.Add(i, []byte(files[i].Lines("")))
	}
	f.Fuzz(func(t *testing.T, i int, in []byte) {
		file := files[uint(i)%uint(len(files))]
		if file.whole != "" || in == nil {
			return
		}
		state, err := file.Status(in, "")
		if err != nil {
			return
		}
		with, err := file.Install(in, "")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := file.Install(with, ""); err != nil || !bytes.Equal(again, with) {
			t.Errorf("installed twice:\n%s\n%v", again, err)
		}
		back, err := file.Remove(with)
		if err != nil || state == Absent && !bytes.Equal(back, in) {
			t.Errorf("%q, removed: %q %v", in, back, err)
		}
	})
}
