//go:build unix

package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is also the program that is watched: it shows the locks in a
// file.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "watch" {
		os.Exit(watchFile(os.Args[2]))
	}
	os.Exit(m.Run())
}

func watchFile(path string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := Screen{In: os.Stdin, Out: os.Stdout, Title: "git-grite", Style: Style{UTF8: os.Getenv("ASCII") == "", Color: true}, Now: time.Now, Interval: 50 * time.Millisecond,
		Look: func(context.Context) Look {
			l := Look{AsOf: time.Now()}
			text, err := os.ReadFile(path)
			if err == nil {
				err = json.Unmarshal(text, &l.Locks)
			}
			l.Err = err
			return l
		}}.Run(ctx)
	if errors.Is(err, context.Canceled) {
		return 143
	}
	if err != nil {
		return 1
	}
	return 0
}

// pane is a shell in tmux.
type pane struct {
	*testing.T
	dir, socket string
}

func openPane(t *testing.T, columns int) *pane {
	t.Helper()
	p := &pane{t, t.TempDir(), filepath.Join(t.TempDir(), "s")}
	t.Cleanup(func() { p.tmux("kill-server") })
	p.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(columns), "-y", "20", "env", "PS1=prompt> ", "ENV=", "W="+os.Args[0]+" watch "+p.dir+"/locks", "D="+p.dir, "sh", "-i")
	p.shows("prompt>")
	return p
}

func (p *pane) tmux(args ...string) string {
	p.Helper()
	cmd := exec.Command("tmux", append([]string{"-u", "-S", p.socket}, args...)...)
	cmd.Env = append(os.Environ(), "TMUX=", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

func (p *pane) screen() string { return p.tmux("capture-pane", "-p") }

// shows waits until the screen has all texts.
func (p *pane) shows(texts ...string) string {
	p.Helper()
	got := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		got = p.screen()
		n := 0
		for _, text := range texts {
			if strings.Contains(got, text) {
				n++
			}
		}
		if n == len(texts) {
			return got
		}
	}
	p.Fatalf("the screen never has %q:\n%s", texts, got)
	return ""
}

func (p *pane) types(text string) {
	p.Helper()
	p.tmux("send-keys", "-l", text)
}

func (p *pane) locks(locks ...Lock) {
	p.Helper()
	text, err := json.Marshal(locks)
	if err == nil {
		err = os.WriteFile(p.dir+"/new", text, 0o666)
	}
	if err == nil {
		err = os.Rename(p.dir+"/new", p.dir+"/locks")
	}
	if err != nil {
		p.Fatal(err)
	}
}

func many(n int) (locks []Lock) {
	for i := range n {
		locks = append(locks, Lock{Resource: fmt.Sprintf("path:assets/%03d/a rather long name.psd", i), Nonce: fmt.Sprint(i), Holder: "alice@example.com (a11ce000)", Reason: "painting the sky", Since: time.Now(), Expires: time.Now().Add(time.Hour), Mine: i == 0})
	}
	return locks
}

func TestScreenWidths(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{60, 80, 200} {
		p := openPane(t, columns)
		p.locks(many(200)...)
		p.types("$W; echo code=$?\n")
		got := p.shows("200 locks", "path:a", "1-17 of 200")
		if lines := strings.Split(strings.TrimRight(got, "\n"), "\n"); len(lines) != 20 {
			t.Errorf("at %d columns:\n%s", columns, got)
		}
		if wide := strings.Contains(got, "painting the sky") && strings.Contains(got, "alice@example.com (a11ce000)"); wide != (columns == 200) {
			t.Errorf("at %d columns:\n%s", columns, got)
		}
		p.tmux("resize-window", "-x", "100", "-y", "10")
		p.shows("1-7 of 200")
		p.types("G")
		p.shows("194-200 of 200")
		p.types("q")
		p.shows("prompt> $W", "code=0")
	}
}

func TestScreenFollows(t *testing.T) {
	t.Parallel()
	p := openPane(t, 80)
	p.locks(Lock{Resource: "path:one", Nonce: "1", Holder: "bob", Expires: time.Now().Add(time.Hour)})
	p.types("ASCII=1 $W; echo code=$?\n")
	p.shows("1 lock,", "  path:one", "##")
	p.locks(Lock{Resource: "path:two", Nonce: "2", Holder: "bob", Expires: time.Now().Add(time.Hour)})
	p.shows("- path:one", "+ path:two")
	p.shows("  path:two")
	for range 1000 {
		if !strings.Contains(p.screen(), "path:one") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := p.screen(); strings.Contains(got, "path:one") {
		t.Errorf("what ended stays:\n%s", got)
	}
	if err := os.Remove(p.dir + "/locks"); err != nil {
		t.Fatal(err)
	}
	p.shows(", as of", ": open /", "path:two")
}

// TestScreenRestores ends the screen in each way; afterwards the terminal shows
// what it showed, and is a terminal as before.
func TestScreenRestores(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(p *pane){
		"q":      func(p *pane) { p.types("q") },
		"Ctrl-C": func(p *pane) { p.tmux("send-keys", "C-c") },
		"SIGTERM": func(p *pane) {
			var pid int
			text, _ := os.ReadFile(p.dir + "/pid")
			if _, err := fmt.Sscan(string(text), &pid); err != nil {
				p.Fatal(err)
			}
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				p.Fatal(err)
			}
			for syscall.Kill(pid, 0) == nil { // it takes one more key
				time.Sleep(time.Millisecond)
			}
		},
		"Ctrl-Z and q": func(p *pane) {
			p.tmux("send-keys", "C-z")
			p.shows("Stopped", "prompt>")
			p.types("fg\n")
			p.shows("1 lock,")
			p.types("q")
		},
	} {
		p := openPane(t, 80)
		p.locks(many(1)...)
		p.types("echo be''fore; stty -a >$D/stty; sh -c \"echo \\$\\$ >$D/pid; exec $W\"\n")
		p.shows("1 lock,", "path:assets")
		end(p)
		for p.tmux("display-message", "-p", "#{alternate_on}") != "0\n" {
			time.Sleep(time.Millisecond)
		}
		p.types("echo wh''ere\n") // to the shell, as soon as the screen is gone
		got := p.shows("before", "where")
		if strings.Contains(got, "path:assets") {
			t.Errorf("%s leaves\n%s", name, got)
		}
		p.types("stty -a >$D/after; echo do''ne\n")
		p.shows("done")
		before, _ := os.ReadFile(p.dir + "/stty")
		after, _ := os.ReadFile(p.dir + "/after")
		if len(before) == 0 || string(before) != string(after) {
			t.Errorf("%s: the terminal was\n%s\nand is\n%s", name, before, after)
		}
		if cursor := p.tmux("display-message", "-p", "#{cursor_flag}#{alternate_on}"); cursor != "10\n" {
			t.Errorf("%s: cursor and other screen: %q", name, cursor)
		}
	}
}
