package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/guard"
)

// place makes a work tree with a team's file and our directory with the clone's;
// "" is no file.
func place(t testing.TB, clone, team string) Sources {
	t.Helper()
	src := Sources{Dir: t.TempDir(), WorkTree: t.TempDir()}
	for path, text := range map[string]string{ClonePath(src.Dir): clone, filepath.Join(src.WorkTree, TeamFile): team} {
		if text != "" {
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return src
}

func TestLoad(t *testing.T) {
	t.Parallel()
	c, err := Load(place(t, "", ""))
	if err != nil || c.Present || c.Policy != guard.Warn || c.Remote != "auto" || c.TTL != 15*time.Minute || c.ClockSkew != 30*time.Second || c.Offline != "refuse" ||
		c.HookFetch != "auto" || c.HookMaxAge != time.Minute || c.HookCommitTimeout != 1500*time.Millisecond || c.HookTimeout != 10*time.Second {
		t.Errorf("defaults: %+v, %v", c, err)
	}
	src := place(t, "[lock]\nttl = \"2m\"\nremote = \"up/stream\"\n[hook]\nfetch = \"never\"\nmax_age = \"0s\"\ncommit_timeout = \"1s500ms\"\n", "lock_policy = \"require\"\nlockable = [\"*.psd\"]\nlock.ttl = \"3m\"\n")
	c, err = Load(src)
	if err != nil || !c.Present || c.Policy != guard.Require || len(c.Lockable) != 1 || c.TTL != 2*time.Minute || c.Remote != "up/stream" || c.HookFetch != "never" || c.HookMaxAge != 0 || c.HookCommitTimeout != 1500*time.Millisecond || len(c.Warnings) > 0 {
		t.Errorf("both: %+v, %v", c, err)
	}
	from := map[string]string{}
	for _, s := range c.Settings() {
		from[s.Name] = s.Value + " " + filepath.Base(s.From)
	}
	if from["lock.ttl"] != "2m config.toml" || from["lockable"] != `["*.psd"] .grite.toml` || from["hook.timeout"] != "10s default" || len(from) != len(Keys()) {
		t.Errorf("settings: %v", from)
	}
	src.Policy = "off"
	if c, err = Load(src); err != nil || c.Policy != guard.Off {
		t.Errorf("environment: %v, %v", c.Policy, err)
	}
	src.Team = &Team{Name: "main:.grite.toml", Text: []byte("lockable = []\nlok_policy = \"off\"\n")}
	if c, err = Load(src); err != nil || len(c.Lockable) != 0 || len(c.Warnings) != 1 || c.Warnings[0].File != "main:.grite.toml" {
		t.Errorf("from elsewhere: %+v, %v", c, err)
	}
	src.Team = &Team{}
	if c, err = Load(src); err != nil || len(c.Lockable) != 0 || len(c.Warnings) != 0 {
		t.Errorf("no team's file: %+v, %v", c, err)
	}
}

// TestTeamIsBounded has files that a checkout may bring: none of them stops
// anybody, each is one warning and counts as absent.
func TestTeamIsBounded(t *testing.T) {
	t.Parallel()
	for name, team := range map[string]string{
		"large":             "# " + strings.Repeat("x", MaxTeamFile),
		"brackets":          "lockable = " + strings.Repeat("[", 10000),
		"nested 5 deep":     "x = [[[[[1]]]]]",
		"tables in tables":  "a = {x={x={x={x={x=1}}}}}",
		"dotted key":        strings.Repeat("a.", 5000) + "a = 1",
		"dotted in a table": "x = { a.b.c.d.e = 1 }",
		"dotted header":     "[a.b.c.d.e]",
		"quoted parts":      `"a"."b".'c'."d".e = 1`,
		"header of arrays":  "[[a.b.c.d.e]]",
		"after a string":    "x = '''\n[[[\n'''\ny = [[[[[1]]]]]",
		"after an escape":   `x = "\"" ` + "\ny = [[[[[1]]]]]",
		"after a comment":   "x = [ # ]\n[[[[1]]]]]",
		"after four quotes": `x = """a""""` + "\ny = [[[[[1]]]]]",
	} {
		c, err := Load(place(t, "", "lock_policy = \"require\"\n"+team))
		if err != nil || c.Present || c.Policy != guard.Warn || len(c.Warnings) != 1 || c.Warnings[0].Kind != TeamFileFault {
			t.Errorf("%s: present %v, policy %s, warnings %v, %v", name, c.Present, c.Policy, c.Warnings, err)
		}
	}
	c, err := Load(place(t, "", "x = [[[[1]]]]\na.b.c.d = 1\n[q.r.s.t]\n"))
	if err != nil || !c.Present || len(c.Warnings) == 0 || c.Warnings[0].Kind != UnknownSetting {
		t.Errorf("within the bounds: %+v, %v", c, err)
	}
	c, err = Load(place(t, "", strings.Repeat("x", 4)+" = 1\n"+manyKeys(500)))
	if err != nil || len(c.Warnings) != maxWarnings+1 || !strings.Contains(c.Warnings[maxWarnings].Message, "496 more") {
		t.Errorf("many unknown keys: %d warnings, %v", len(c.Warnings), err)
	}
}

func manyKeys(n int) string {
	var s strings.Builder
	for i := range n {
		s.WriteString("k" + strings.Repeat("z", i%7) + string(rune('a'+i%26)) + FormatDuration(time.Duration(i+1)*time.Second) + " = 1\n")
	}
	return s.String()
}

// TestTeamFileIsRegular has links that git would check out.
func TestTeamFileIsRegular(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/dev/zero", "/dev/stdin", "/nowhere", "."} {
		src := place(t, "", "")
		if err := os.Symlink(target, filepath.Join(src.WorkTree, TeamFile)); err != nil {
			t.Skip(err)
		}
		c, err := Load(src)
		if err != nil || c.Present || len(c.Warnings) != 1 || c.Warnings[0].Kind != TeamFileFault || !strings.Contains(c.Warnings[0].Message, "not a regular file") {
			t.Errorf("%s: %+v, %v", target, c, err)
		}
	}
	src := place(t, "", "")
	if err := os.Mkdir(filepath.Join(src.WorkTree, TeamFile), 0o777); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(src); err != nil || c.Present || len(c.Warnings) != 1 {
		t.Errorf("a directory: %+v, %v", c, err)
	}
}

// TestTeamNeverChoosesTheArbiter is about every key that is a clone's own.
func TestTeamNeverChoosesTheArbiter(t *testing.T) {
	t.Parallel()
	c, err := Load(place(t, "", "default_actor = \"11111111111111111111111111111111\"\n[Lock]\nremote = \"none\"\nclock_skew = \"1s\"\noffline = \"allow\"\n[hook]\nfetch = \"never\"\nmax_age = \"9h\"\ncommit_timeout = \"9m\"\ntimeout = \"1s\"\n"))
	want := defaults()
	want.Present = true
	warnings := c.Warnings
	c.Warnings = nil
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("the team set %+v, %v", c, err)
	}
	for _, w := range warnings {
		if w.Kind != CloneSetting || !strings.Contains(w.Message, "is set in each clone only") {
			t.Errorf("%+v", w)
		}
	}
	if len(warnings) != 8 {
		t.Errorf("%d warnings", len(warnings))
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\nlock_policy = \"strict\"\n":   `config.toml:2: lock_policy: "strict" is not a lock policy; allowed are "off", "warn" and "require"`,
		"[lock]\nttl = 5":                `config.toml:2: lock.ttl: must be a duration such as "15m" in quotes, not 5`,
		"[lock]\nttl = \"15\"":           "config.toml:2: lock.ttl: ",
		"[lock]\nremote = \"https://x\"": "never a URL",
		"[hook]\nfetch = \"sometimes\"":  `allowed are "never", "push", "auto", "commit"`,
		"[hook]\ntimeout = \"0s\"":       "must be more than nothing",
		"[hook]\ntimeout = \"ms\"":       "is not a duration",
		"[hook]\nmax_age = \"1500 ms\"":  "is not a duration",
		"lockable = \"x\"":               "must be a list of patterns",
		"lock_policy = \"warn":           "config.toml:1: is not valid TOML",
		"lock_policy = ":                 "config.toml:1: is not valid TOML",
		"a = 1\na = 2":                   "is not valid TOML",
		"x = 1\nlock = 5":                "config.toml:2: lock: must be a table: write [lock] on a line of its own",
		"[[hook]]\nfetch = \"push\"":     "config.toml:1: hook: must be a table: write [hook] on a line of its own",
		"x = " + strings.Repeat("[", 10): "has values nested more than 4 deep",
	} {
		_, err := Load(place(t, text, ""))
		var fault *Error
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"lock_polcy": "lock_policy", "lock_ploicy": "lock_policy", "lokable": "lockable", "timeout": "hook.timeout", "lock.tll": "lock.ttl",
		"hook.fetsh": "hook.fetch", "hook.retries": "", "x": "", strings.Repeat("lock_policy", 1000): "",
	} {
		c, err := Load(place(t, key+" = 1\n", ""))
		if err != nil || len(c.Warnings) != 1 || c.Warnings[0].Nearest != want || c.Warnings[0].Key != key || strings.Contains(c.Warnings[0].Message, "did you mean") != (want != "") {
			t.Errorf("%.30s: %+v, %v, want %q", key, c.Warnings, err, want)
		}
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"0s", "1s", "15m", "1h30m", "2d", "1500ms", "1d1h1m1s", "999ms"} {
		d, err := parseDuration(s)
		if again, err2 := parseDuration(FormatDuration(d)); err != nil || err2 != nil || d != again {
			t.Errorf("%s: %v, %v, %s, %v", s, d, err, FormatDuration(d), err2)
		}
	}
	for _, s := range []string{"", "5", "-1s", "1.5s", "ms", "1ms2s", "99999999999ms", "1m 5ms"} {
		if d, err := parseDuration(s); err == nil {
			t.Errorf("%q: %v", s, d)
		}
	}
}

// FuzzTeam has any text as the team's file: it costs little and sets nothing that
// is a clone's own.
func FuzzTeam(f *testing.F) {
	for _, s := range []string{"lock_policy = \"off\"\n[lock]\nremote=\"none\"\nttl=\"1h\"\n", "lockable=[\"*.psd\"]", "[[[[", "lock = 1", "lock.remote = {a=1}", "[lock]\n[lock]\n",
		"default_actor=\"x\"", "lockable=[[1],[\"{\"]]", "a.b.c.d.e=1979-05-27T07:32:00Z", "x=\"\\U00110000\"", "[hook]\ntimeout=5", "x='''\n'''''\n", "a = { b = [ # x\n 1 ] }", "\"\\\"\".b = 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Load(Sources{Dir: "/nowhere", Team: &Team{Name: TeamFile, Text: text}})
		if err != nil {
			_ = err.Error()
		}
		if c.DefaultActor != "" || c.Remote != "auto" || c.Offline != "refuse" || c.HookFetch != "auto" || c.ClockSkew != 30*time.Second || c.HookTimeout != 10*time.Second {
			t.Fatalf("the team set a clone's key: %+v", c)
		}
		if c.TTL < time.Second || c.TTL > 30*24*time.Hour || len(c.Warnings) > maxWarnings+len(Keys())+1 {
			t.Fatalf("ttl %v, %d warnings", c.TTL, len(c.Warnings))
		}
	})
}
