package agent

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestParseJSONC(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:               `{}`,
		"\ufeff{\"a\": 1}": `{"a":1}`,
		"// c\n{ /* d */ \"a\" /* e */ : 1, } //": `{"a":1}`,
		"[1, -2.5e3, true, null, \"a\\\"]//\",]":  `[1,-2500,true,null,"a\"]//"]`,
		"{\"a\":{\"b\":[[],{}]},\r\n\"é\":\"ü\"}": `{"a":{"b":[[],{}]},"é":"ü"}`,
		" \"x\" ": `"x"`,
	} {
		n, err := parseJSONC([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var v any
		json.Unmarshal([]byte(want), &v)
		if got := n.decode([]byte(text)); !reflect.DeepEqual(got, v) {
			t.Errorf("%q: %v, not %v", text, got, v)
		}
	}
	for text, line := range map[string]string{
		"": "line 1: not JSON", "{": "line 1: a name", "{\n,}": "line 2: a name", "[1 2]": "line 1: a comma", "[,]": "line 1: not JSON",
		"{\"a\"\n\n1}": "line 3: a colon", "{\"a\":}": "not JSON", "{} {}": "text after", "{a: 1}": "a name", "[01]": "not JSON",
		"['a']": "not JSON", "\"a": "a string that", "\"a\\": "a string that", "\"a\nb\"": "a string that", "\"\\x\"": "not a JSON string",
		"/* ": "a comment", "{\"a\": 1]": "a comma", "\"\xff\"": "not a JSON string", "[1}": "a comma", "/": "not JSON",
		"\"a\tb\"":                      "not a JSON string",
		strings.Repeat("[", maxDepth+2): "nested too deeply",
	} {
		if n, err := parseJSONC([]byte(text)); err == nil || !strings.Contains(err.Error(), line) {
			t.Errorf("%q: %+v, %v", text, n, err)
		}
	}
}

// What insert does, remove undoes; and the value has the member then.
func TestInsertAndRemove(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                           `["x"]`,
		`[ ]`:                          `["x" ]`,
		"[\n]":                         "[\"x\"\n]",
		"[ // none\n]":                 "[\"x\" // none\n]",
		`[1]`:                          `[1, "x"]`,
		`[1,]`:                         `[1, "x",]`,
		`[ 1 ]`:                        `[ 1, "x" ]`,
		"[\n  1\n]":                    "[\n  1,\n  \"x\"\n]",
		"[\n  1,\n]":                   "[\n  1,\n  \"x\",\n]",
		"[\r\n\t1 // one\r\n]":         "[\r\n\t1, // one\r\n\t\"x\"\r\n]",
		"[\n  1, // one\n  /* e */\n]": "[\n  1, // one\n  /* e */\n  \"x\",\n]",
		"[1 // one\n]":                 "[1, // one\n  \"x\"\n]",
		"[1, /* a */ 2 /* b */]":       "[1, /* a */ 2, /* b */ \"x\"]",
	} {
		newline := "\n"
		if strings.Contains(text, "\r\n") {
			newline = "\r\n"
		}
		n, err := parseJSONC([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got := insert([]byte(text), &n, `"x"`, "  ", newline)
		if string(got) != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
		with, err := parseJSONC(got)
		if err != nil || with.decode(got).([]any)[len(n.members)] != "x" {
			t.Errorf("%q: %v", got, err)
			continue
		}
		if back, ok := remove(got, &with, len(n.members)); string(back) != text || !ok {
			t.Errorf("%q: back to %q, %v", text, back, ok)
		}
	}
}

func TestRemoveKeepsTheOthers(t *testing.T) {
	for _, c := range []struct {
		text string
		i    int
		want string
		ok   bool
	}{
		{`[1]`, 0, `[]`, true},
		{`[1,]`, 0, `[]`, true},
		{"[\n  1\n]", 0, "[\n  \n]", false},
		{`[1, 2, 3]`, 0, `[2, 3]`, true},
		{`[1, 2, 3]`, 1, `[1, 3]`, true},
		{`[1, 2, 3]`, 2, `[1, 2]`, true},
		{"[\n  1, // one\n  2 // two\n]", 0, "[\n  // one\n  2 // two\n]", true},
		{"[\n  1, // one\n  2 // two\n]", 1, "[\n  1 // one // two\n]", true},
		{"{\"a\": 1,\n \"b\": 2,\n \"c\": 3}", 1, "{\"a\": 1,\n \"c\": 3}", true},
	} {
		n, err := parseJSONC([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := remove([]byte(c.text), &n, c.i)
		if string(got) != c.want || ok != c.ok {
			t.Errorf("%q without %d: %q %v, not %q %v", c.text, c.i, got, ok, c.want, c.ok)
		}
	}
}
