package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const before = `# first
default_actor = "11111111111111111111111111111111"   # mine

# about locks
[lock]
ttl = "3m" # short
# remote = "auto"

[hook] # hooks
fetch = "never"
`

func TestSetAndUnset(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, key, value string // no value: unset
		want             string
	}{
		{before, "lock.ttl", "1h", strings.Replace(before, `"3m"`, `"1h"`, 1)},
		{before, "lock_policy", "require", strings.Replace(before, "# mine\n", "# mine\nlock_policy = \"require\"\n", 1)},
		{before, "lock.remote", "up", strings.Replace(before, "# short\n", "# short\nremote = \"up\"\n", 1)},
		{before, "hook.timeout", "5s", before + "timeout = \"5s\"\n"},
		{before, "lockable", "*.psd", strings.Replace(before, "# mine\n", "# mine\nlockable = [\"*.psd\"]\n", 1)},
		{before, "lockable", `["*.psd", "a/**"]`, strings.Replace(before, "# mine\n", "# mine\nlockable = [\"*.psd\", \"a/**\"]\n", 1)},
		{before, "lockable", "[ab].psd", strings.Replace(before, "# mine\n", "# mine\nlockable = [\"[ab].psd\"]\n", 1)},
		{before, "lock.ttl", "", strings.Replace(before, "ttl = \"3m\" # short\n", "", 1)},
		{before, "lock.offline", "", before},
		{"x = '''\nlock_policy = \"off\"\n'''\n", "lock_policy", "warn", "x = '''\nlock_policy = \"off\"\n'''\nlock_policy = \"warn\"\n"},
		{"lockable = [ # list\n  \"a\", # ]\n  \"b\"\n] # end\n", "lockable", "c", "lockable = [\"c\"] # end\n"},
		{"lockable = [\n  \"a\"\n]\nlock_policy = \"off\"", "lockable", "", "lock_policy = \"off\""},
		{"lock.ttl = \"1m\"\r\n[hook]\r\n", "lock.remote", "none", "lock.ttl = \"1m\"\r\nlock.remote = \"none\"\n[hook]\r\n"},
		{"lock_policy = \"off\"", "lock.ttl", "1m", "lock_policy = \"off\"\n\n[lock]\nttl = \"1m\"\n"},
		{"lock_policy = \"off\"", "lockable", "a", "lock_policy = \"off\"\nlockable = [\"a\"]\n"},
		{"[lock]\nttl = \"1m\"", "lock_policy", "off", "lock_policy = \"off\"\n[lock]\nttl = \"1m\""},
		{"[lock]", "lock.ttl", "1m", "[lock]\nttl = \"1m\"\n"},
		{"\"lock\".'ttl' = \"1m\"\n", "lock.ttl", "2m", "\"lock\".'ttl' = \"2m\"\n"},
		{"lock_policy = \"off\"\n", "agent.acquire", "true", "lock_policy = \"off\"\n\n[agent]\nacquire = true\n"},
		{"lock_policy = \"strict\"\n", "lock_policy", "off", "lock_policy = \"off\"\n"},
	} {
		src := place(t, tt.text, "")
		var err error
		if tt.value == "" {
			removed, unsetErr := Unset(ClonePath(src.Dir), tt.key)
			if err = unsetErr; removed != (tt.want != tt.text) {
				t.Errorf("unset %s: removed %v", tt.key, removed)
			}
		} else {
			err = Set(ClonePath(src.Dir), tt.key, tt.value)
		}
		if got, _ := os.ReadFile(ClonePath(src.Dir)); err != nil || string(got) != tt.want {
			t.Errorf("%s = %s in %q: %q, %v", tt.key, tt.value, tt.text, got, err)
		}
		if c, err := Load(src); err != nil {
			t.Errorf("%s = %s: %+v, %v", tt.key, tt.value, c, err)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, file, key, value, want string }{
		{before, "config.toml", "lock_polcy", "off", "did you mean lock_policy?"},
		{before, "config.toml", "lock_policy", "strict", `allowed are "off", "warn" and "require"`},
		{before, "config.toml", "lock.ttl", "99y", "is not a duration"},
		{before, "config.toml", "lockable", "[", "bad pattern"},
		{before, "config.toml", "agent.acquire", "yes", "allowed are true and false"},
		{before, TeamFile, "lock.remote", "none", "is set in each clone only"},
		{"lock = { ttl = \"1m\" }\n", "config.toml", "lock.remote", "none", "lock"},
		{"lock_policy = \"\n", "config.toml", "lock_policy", "off", "not valid TOML"},
		{"[lock]\nttl = 5\n", "config.toml", "lock.remote", "none", "ttl"},
	} {
		path := filepath.Join(t.TempDir(), tt.file)
		if err := os.WriteFile(path, []byte(tt.text), 0o666); err != nil {
			t.Fatal(err)
		}
		err := Set(path, tt.key, tt.value)
		var fault *Error
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s = %s: %v, want %s", tt.key, tt.value, err, tt.want)
		}
		if got, _ := os.ReadFile(path); string(got) != tt.text {
			t.Errorf("%s = %s left %q", tt.key, tt.value, got)
		}
	}
}

func TestSetMakesTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id := strings.Repeat("1", 32)
	if err := SetDefaultActor(dir, id); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(Sources{Dir: dir}); err != nil || string(c.DefaultActor) != id {
		t.Errorf("%+v, %v", c, err)
	}
	if err := Set(filepath.Join(dir, TeamFile), "lock.ttl", "1h"); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, TeamFile)); string(text) != "[lock]\nttl = \"1h\"\n" {
		t.Errorf("the team's file is %q", text)
	}
}

// TestNothingIsWrittenThroughLinks has a file and a directory of ours be a link.
func TestNothingIsWrittenThroughLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, []byte("# precious\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.toml", TeamFile} {
		path := filepath.Join(dir, name)
		if err := os.Symlink("precious", path); err != nil {
			t.Skip(err)
		}
		if err := Set(path, "lock_policy", "off"); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", name, err)
		}
		if target, _ := os.Readlink(path); target != "precious" {
			t.Errorf("%s is a link to %q", name, target)
		}
	}
	ours := filepath.Join(t.TempDir(), "grite")
	if err := os.Symlink(dir, ours); err != nil {
		t.Fatal(err)
	}
	if err := Set(filepath.Join(ours, "other.toml"), "lock_policy", "off"); err == nil {
		t.Error("a directory that is a link was written to")
	}
	if err := (Clone{Host: "h"}).Write(ours); err == nil {
		t.Error("a directory that is a link was written to")
	}
	if text, _ := os.ReadFile(precious); string(text) != "# precious\n" {
		t.Errorf("precious is %q", text)
	}
}

// FuzzSet sets a key in any file: either nothing changes or exactly that key.
func FuzzSet(f *testing.F) {
	f.Add(before, "lock.ttl", "1h")
	f.Add("lock = { ttl = \"1m\" }", "lock.remote", "none")
	f.Add("[[lock]]\n[lock.x]\n", "lock_policy", "off")
	f.Add("lockable = [\n'a', # x\n]", "lockable", "b")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text, key, value string) {
		path := ClonePath(dir)
		if len(text) > 2000 || os.WriteFile(path, []byte(text), 0o666) != nil {
			return
		}
		err := Set(path, key, value)
		got, _ := os.ReadFile(path)
		if err != nil {
			if string(got) != text {
				t.Fatalf("%q: %v, left %q", text, err, got)
			}
			return
		}
		if _, err := Load(Sources{Dir: dir}); err != nil {
			t.Fatalf("%q with %s = %q: %q, %v", text, key, value, got, err)
		}
		if removed, err := Unset(path, key); err != nil || !removed {
			t.Fatalf("%q with %s = %q: unset %v, %v", text, key, value, removed, err)
		}
	})
}
