//go:build unix

package hooks

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestShims runs the shims as git does, with a git-grite that answers, fails or
// cannot be started, and older hooks that pass, fail or are not to be run.
func TestShims(t *testing.T) {
	t.Parallel()
	const lines = "refs/heads/a 1111 refs/heads/a 0000\nrefs/heads/b \\n 2222 refs/heads/b 0000\n"
	for name, tt := range map[string]struct {
		binary, old, second string // what they do; "" for not there
		mode                os.FileMode
		code                int
		ran                 string // in order
		says                string
	}{
		"let go on":                   {binary: "exit 0", ran: "ours"},
		"stopped":                     {binary: "exit 4", code: 4, ran: "ours"},
		"interrupted":                 {binary: "exit 130", code: 130, ran: "ours"},
		"terminated":                  {binary: "exit 143", code: 143, ran: "ours"},
		"killed":                      {binary: "kill -9 $$", ran: "ours", says: "exit code 137"},
		"crashed":                     {binary: "exit 2", ran: "ours", says: "exit code 2"},
		"an internal error":           {binary: "exit 1", ran: "ours", says: "exit code 1"},
		"cannot be started":           {binary: "#!/no/such/interpreter", says: "exit code 12"},
		"missing":                     {says: "not found on PATH"},
		"old passes":                  {binary: "exit 0", old: "exit 0", ran: "old ours"},
		"old passes, stopped":         {binary: "exit 4", old: "exit 0", code: 4, ran: "old ours"},
		"old fails with 1":            {binary: "exit 0", old: "exit 1", code: 1, ran: "old"},
		"old fails with 2":            {binary: "exit 0", old: "exit 2", code: 2, ran: "old"},
		"old fails with 127":          {binary: "exit 0", old: "exit 127", code: 127, ran: "old"},
		"old is killed":               {binary: "exit 0", old: "kill -9 $$", code: 137, ran: "old"},
		"old fails, ours is missing":  {old: "exit 3", code: 3, ran: "old"},
		"old passes, ours is missing": {old: "exit 0", ran: "old", says: "mv '"},
		"old passes, ours is killed":  {binary: "kill -9 $$", old: "exit 0", ran: "old ours", says: "exit code 137"},
		"old reads nothing":           {binary: "exit 4", old: "exec <&-; exit 0", code: 4, ran: "old ours"},
		"old is not executable":       {binary: "exit 0", old: "exit 1", mode: 0o644, ran: "ours"},
		"two":                         {binary: "exit 4", old: "exit 0", second: "exit 0", code: 4, ran: "old second ours"},
		"two, the second fails":       {binary: "exit 0", old: "exit 0", second: "exit 9", code: 9, ran: "old second"},
		"two without ours":            {old: "exit 0", second: "exit 9", code: 9, ran: "old second"},
	} {
		for _, hook := range Names {
			t.Run(hook+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				write := func(path, text string, mode os.FileMode) {
					t.Helper()
					if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
					if err := os.Chmod(path, mode); err != nil {
						t.Fatal(err)
					}
				}
				// Each says that it ran and keeps its arguments and its input.
				program := func(who, does string) string {
					if strings.HasPrefix(does, "#!") {
						return does + "\n"
					}
					keep := ""
					if hook == "pre-push" && !strings.HasPrefix(does, "exec") {
						keep = "while IFS= read -r line; do printf '%s\\n' \"$line\"; done >'" + dir + "/" + who + ".in'\n"
					}
					return "#!/bin/sh\nprintf '%s ' " + who + " >>'" + dir + "/ran'\nprintf '%s|' \"$@\" >'" + dir + "/" + who + ".args'\n" + keep + does + "\n"
				}
				bin := filepath.Join(dir, "bin")
				if err := os.Mkdir(bin, 0o755); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, hook)
				write(path, string(Shim(hook)), 0o755)
				if tt.mode == 0 {
					tt.mode = 0o755
				}
				if tt.old != "" {
					write(path+".pre-grite", program("old", tt.old), tt.mode)
				}
				if tt.second != "" {
					write(path+".pre-grite-2", program("second", tt.second), 0o755)
				}
				if tt.binary != "" {
					write(filepath.Join(bin, "git-grite"), program("ours", tt.binary), 0o755)
				} else if _, err := os.Stat("/usr/local/bin/git-grite"); err == nil {
					t.Skip("the shim finds the git-grite in /usr/local/bin")
				}
				cmd := exec.Command(path, "origin", "two words")
				cmd.Env, cmd.Dir = []string{"PATH=" + bin, "HOME=/nowhere"}, dir
				if hook == "pre-push" {
					cmd.Stdin = strings.NewReader(lines)
				}
				var stderr strings.Builder
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				var exit *exec.ExitError
				if err != nil && !errors.As(err, &exit) {
					t.Fatal(err)
				}
				if got := cmd.ProcessState.ExitCode(); got != tt.code {
					t.Errorf("exit code %d, want %d; %s", got, tt.code, &stderr)
				}
				if len(out) > 0 {
					t.Errorf("stdout: %q", out)
				}
				ran, _ := os.ReadFile(filepath.Join(dir, "ran"))
				if got := strings.TrimSpace(string(ran)); got != tt.ran {
					t.Errorf("ran %q, want %q", got, tt.ran)
				}
				if said := strings.Contains(stderr.String(), "git-grite: "); said != (tt.says != "") || !strings.Contains(stderr.String(), tt.says) {
					t.Errorf("stderr: %q, want %q", &stderr, tt.says)
				}
				for _, who := range strings.Fields(tt.ran) {
					args, _ := os.ReadFile(filepath.Join(dir, who+".args"))
					want := "origin|two words|"
					if who == "ours" {
						want = "hook|" + hook + "|--parent|PID|--|" + want
					}
					given := regexp.MustCompile(`--parent\|[0-9]+\|`).ReplaceAllString(string(args), "--parent|PID|")
					if given != want {
						t.Errorf("%s was given %q, want %q", who, given, want)
					}
					if hook == "pre-commit" || who == "old" && strings.HasPrefix(tt.old, "exec") {
						continue
					}
					if in, _ := os.ReadFile(filepath.Join(dir, who+".in")); string(in) != lines {
						t.Errorf("%s read %q, want %q", who, in, lines)
					}
				}
			})
		}
	}
}

// TestShimOfLargePush has an older hook and ours both read what git says of ten
// thousand refs, and nothing at all.
func TestShimOfLargePush(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, text := range map[string]string{
		"pre-push": string(Shim("pre-push")), "pre-push.pre-grite": "#!/bin/sh\nexec cat >'" + dir + "/old'\n", "git-grite": "#!/bin/sh\nexec cat >'" + dir + "/ours'\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	id := strings.Repeat("0123456789abcdef", 4)
	for _, lines := range []string{"", strings.Repeat("refs/heads/a "+id+" refs/heads/a "+id+"\n", 10000)} {
		cmd := exec.Command(filepath.Join(dir, "pre-push"), "origin", "url")
		cmd.Env, cmd.Stdin = []string{"PATH=" + dir + ":/usr/bin:/bin", "HOME=/nowhere"}, strings.NewReader(lines)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, who := range []string{"old", "ours"} {
			if in, err := os.ReadFile(filepath.Join(dir, who)); err != nil || string(in) != lines {
				t.Errorf("%s read %d bytes of %d: %v", who, len(in), len(lines), err)
			}
		}
	}
}

// TestShimsAreOne compares the shims with each other.
func TestShimsAreOne(t *testing.T) {
	if strings.ReplaceAll(string(Shim("pre-commit")), "pre-commit", "pre-push") != string(Shim("pre-push")) {
		t.Error("the shims differ by more than their names")
	}
}
