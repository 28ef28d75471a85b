package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

const alice, bob = lock.Owner("81e1d99191b175da525a5269b9fbda11"), lock.Owner("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b")

var noon = time.UnixMilli(1_800_000_000_000)

func open(t *testing.T) Journal {
	return New(filepath.Join(t.TempDir(), "log.jsonl"), func() time.Time { return noon })
}

func gone(t *testing.T, nonce, resource string) lock.Lost {
	t.Helper()
	r, err := lock.ParseResource(resource, "")
	if err != nil {
		t.Fatal(err)
	}
	return lock.Lost{Lock: lock.Lock{Owner: alice, Nonce: nonce, Resource: r, Expires: noon}, Cause: lock.Removed}
}

// say is what Tell returns, in one line.
func say(untold []lock.Lost, pending bool) string {
	var words []string
	for _, l := range untold {
		words = append(words, l.Lock.Resource.String()+" "+l.Cause.String())
	}
	if pending {
		words = append(words, "pending")
	}
	return strings.Join(words, ", ")
}

// TestTell: a loss is told once in each form, even if another one looked in between.
func TestTell(t *testing.T) {
	j := open(t)
	ended := gone(t, "n1", "path:x")
	ended.Cause = lock.Ended
	later := ended
	later.Lock.Expires = noon.Add(time.Hour)
	for _, step := range []struct {
		actor lock.Owner
		form  Form
		lost  []lock.Lost
		want  string
	}{
		{alice, Silent, []lock.Lost{gone(t, "n1", "path:x")}, "pending"},
		{bob, Text, nil, ""},
		{alice, Text, nil, "path:x removed, pending"},
		{alice, Text, []lock.Lost{gone(t, "n1", "path:x")}, "pending"},
		{alice, JSON, nil, "path:x removed"},
		{alice, JSON, []lock.Lost{gone(t, "n1", "path:x")}, ""},
		// A lock that was acquired together with the first, and the same name later.
		{alice, Text, []lock.Lost{gone(t, "n1", "path:y")}, "path:y removed, pending"},
		{alice, Text, []lock.Lost{gone(t, "n2", "path:x")}, "path:x removed, pending"},
		// A lease ends once, and once more when it was renewed.
		{alice, Text, []lock.Lost{ended, ended}, "path:x ended, pending"},
		{alice, Text, []lock.Lost{ended, later}, "path:x ended, pending"},
		{alice, JSON, nil, "path:y removed, path:x removed, path:x ended, path:x ended"},
	} {
		if got := say(j.Tell(step.actor, "alice", step.form, step.lost)); got != step.want {
			t.Errorf("%s in %q is told %q, not %q", step.actor.Short(), step.form, got, step.want)
		}
	}
	for _, e := range j.Events() {
		if e.Event != "lost" && e.Event != "expired" || e.TimeUnixMS != noon.UnixMilli() {
			t.Errorf("in the journal: %+v", e)
		}
	}
	if n := len(j.Events()); n != 5 {
		t.Errorf("%d losses in the journal", n)
	}
	j.now = func() time.Time { return noon.Add(LossLife) }
	if got := say(j.Tell(bob, "", Text, nil)) + say(j.Tell(alice, "", "more", nil)); got != "" {
		t.Errorf("a day later: %q", got)
	}
}

// TestOddLines: what another version, a full disk or somebody else wrote costs
// nothing but itself.
func TestOddLines(t *testing.T) {
	line := func(event, more string) string {
		return `{"time_unix_ms":1800000000000,"event":"` + event + `","actor":"` + string(alice) + `","nonce":"n1"` + more + "}\n"
	}
	lost, told := line("lost", `,"resource":"path:x","cause":"removed"`), line("told", `,"resource":"path:x","form":"text"`)
	for name, c := range map[string]struct{ text, want string }{
		"told in a form of another version": {lost + line("told", `,"resource":"path:x","form":"braille"`), "path:x removed, pending"},
		"told in no form":                   {lost + line("told", `,"resource":"path:x"`), "path:x removed, pending"},
		"told by an older version":          {lost + line("told", `,"resource":"","form":"text"`), "path:x removed, pending"},
		"told in a form that is no text":    {lost + line("told", `,"resource":"path:x","form":7`), "path:x removed, pending"},
		"told":                              {lost + told, "pending"},
		"told before it was lost":           {told + lost, "pending"},
		"of a cause of another version":     {line("lost", `,"resource":"path:x","cause":"eaten"`), "path:x removed, pending"},
		"of nothing":                        {line("lost", ""), ""},
		"of no resource":                    {line("lost", `,"resource":"x:y","cause":"removed"`), ""},
		"cut short":                         {lost[:40] + "\n" + lost, "path:x removed, pending"},
		"without its end":                   {strings.TrimSuffix(lost, "\n"), "path:x removed, pending"},
		"behind a very long line":           {strings.Repeat("x", 1<<17) + "\n" + lost, "path:x removed, pending"},
		"behind what is no object":          {"null\n[]\n\"\"\n7\n{}\n\x00\xff\n" + lost, "path:x removed, pending"},
	} {
		t.Run(name, func(t *testing.T) {
			j := open(t)
			if err := os.WriteFile(j.path, []byte(c.text), 0o666); err != nil {
				t.Fatal(err)
			}
			if got := say(j.Tell(alice, "alice", Text, nil)); got != c.want {
				t.Errorf("told %q, not %q", got, c.want)
			}
		})
	}
}

// TestPutAside: a large journal is put aside, and what stands there counts.
func TestPutAside(t *testing.T) {
	j := open(t)
	first := gone(t, "n1", "path:x").Lock
	j.AddAll("granted", []lock.Lock{first})
	f, err := os.OpenFile(j.path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(strings.Repeat("\n", maxSize)); err != nil {
		t.Fatal(err)
	}
	f.Close()
	j.AddAll("granted", []lock.Lock{gone(t, "n2", "path:y").Lock})
	j.Add(InTheWay("refused", alice, "alice", &lock.HeldError{Wanted: first.Resource, Conflicts: []lock.Lock{{Owner: bob, Resource: first.Resource, Expires: noon}}}))
	var got string
	for _, e := range j.Grants() {
		got += e.Resource + " " + e.Nonce + " "
	}
	if got != "path:x n1 path:y n2 " || len(j.Events()) != 3 {
		t.Errorf("granted %s; all: %+v", got, j.Events())
	}
	if st, err := os.Stat(j.path); err != nil || st.Size() > 1000 {
		t.Errorf("the journal: %v, %v", st, err)
	}
}

// TestLink: a journal that is a link to something else is not written through.
func TestLink(t *testing.T) {
	j := open(t)
	target := filepath.Join(t.TempDir(), "theirs")
	if err := os.WriteFile(target, []byte("theirs\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, j.path); err != nil {
		t.Skip(err)
	}
	j.Add(Event{Event: "granted"})
	if text, err := os.ReadFile(target); err != nil || string(text) != "theirs\n" {
		t.Errorf("%q, %v", text, err)
	}
}
