//go:build unix

package keep

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRunExitCodes(t *testing.T) {
	t.Parallel()
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		script string
		args   []string
		want   int
	}{
		{script: "exit 0"}, {script: "exit 3", want: 3}, {script: "exit 255", want: 255},
		{script: "kill -9 $$", want: 137}, {script: "kill -TERM $$", want: 143}, {script: "kill -SEGV $$", want: 139},
		{args: []string{"no-such-program"}, want: 127}, {args: []string{"/no/such/program"}, want: 127}, {args: []string{plain}, want: 126}, {args: []string{"/"}, want: 126},
	} {
		w := newRun(t, "30s", c.script)
		if c.args != nil {
			w.cmd.Args = append(w.cmd.Args[:4], c.args...)
		}
		if got := w.start().wait(); got != c.want {
			t.Errorf("%q %q: %d, want %d\n%s", c.script, c.args, got, c.want, w.read("log"))
		}
		if log := w.read("log"); !strings.HasPrefix(log, "release\nresult") {
			t.Errorf("%q: %s", c.script, log)
		}
	}
}

func TestRunPassesStreams(t *testing.T) {
	t.Parallel()
	w := newRun(t, "30s", "cat; echo err >&2")
	in, sum, out := io.LimitReader(zeros{}, 50<<20), sha256.New(), sha256.New()
	var stderr bytes.Buffer
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = io.TeeReader(in, sum), out, &stderr
	if code := w.start().wait(); code != 0 || stderr.String() != "err\n" || !bytes.Equal(sum.Sum(nil), out.Sum(nil)) {
		t.Errorf("exit %d, stderr %q, %x in, %x out", code, &stderr, sum.Sum(nil), out.Sum(nil))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// beats is a script that says each few milliseconds that it runs.
const beats = `while :; do echo x >>"$D/beats"; sleep 0.02; done`

func TestRunSignals(t *testing.T) {
	t.Parallel()
	for s, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129, syscall.SIGUSR1: 138} {
		w := newRun(t, "30s", "(sleep 1000; echo no) & echo $! >$D/pid; "+beats).start()
		w.await("beats", "x\n")
		w.kill(w.cmd.Process.Pid, s)
		if got := w.wait(); got != want {
			t.Errorf("%v: %d, want %d\n%s", s, got, want, w.read("log"))
		}
		w.gone()
	}
	// A command may live on after a signal.
	w := newRun(t, "30s", `trap 'echo got >>$D/got' TERM INT; touch $D/ready; echo >$D/ready; while ! grep -q enough $D/got; do sleep 0.02; done; exit 4`).start()
	w.await("ready", "\n")
	w.kill(w.cmd.Process.Pid, syscall.SIGTERM)
	w.await("got", "got")
	w.write("got", "enough")
	if got := w.wait(); got != 4 {
		t.Errorf("exit %d\n%s", got, w.read("log"))
	}
}

// TestRunEndsBeforeTheLease has everything that can go wrong with a lease; the
// command and all that it started have ended before the lease does.
func TestRunEndsBeforeTheLease(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, ttl, answer, script, want string
		do                              func(*world)
	}{
		{name: "remote away", answer: "away", script: `trap 'echo term >$D/term; exit 0' TERM; ` + beats, want: "term"},
		{name: "remote hangs", answer: "hang", script: `trap 'echo term >$D/term; exit 0' TERM; ` + beats, want: "term"},
		{name: "ignores SIGTERM", answer: "away", script: `trap '' TERM; ` + beats},
		{name: "daemon", answer: "away", script: `(setsid sh -c 'trap "" TERM HUP; ` + strings.ReplaceAll(beats, "'", "") + `' &); exec sleep 1000`},
		{name: "command stopped", answer: "away", script: `echo $$ >$D/pid; ` + beats, do: func(w *world) { w.kill(w.pid("pid"), syscall.SIGSTOP) }},
		{name: "run stopped", answer: "", script: beats, do: func(w *world) {
			w.kill(w.cmd.Process.Pid, syscall.SIGSTOP)
			time.Sleep(12 * time.Second) // the whole lease
			before := w.read("beats")
			if time.Sleep(200 * time.Millisecond); w.read("beats") != before {
				w.Error("the command runs on")
			}
			w.kill(w.cmd.Process.Pid, syscall.SIGCONT)
		}},
		{name: "guard stopped", answer: "away", script: `echo $PPID >$D/guard; ` + beats, do: func(w *world) { w.kill(w.pid("guard"), syscall.SIGSTOP) }},
		{name: "machine slept", ttl: "60s", answer: "", script: beats, do: func(w *world) { w.write("slept", "55s") }},
		{name: "clock set forward", ttl: "60s", answer: "", script: beats, do: func(w *world) { w.write("slept", "1000h") }},
		{name: "gives way", ttl: "6s", answer: "yield", script: `trap 'echo term >$D/term; sleep 0.5; echo ended >>$D/log; exit 0' TERM; ` + beats, want: "term"},
		{name: "only the guard sees the time pass", ttl: "60s", answer: "", script: beats, do: func(w *world) {
			// The time that is left is counted from when the guard is told, which may
			// be after the first of these on a loaded machine, and again later.
			for i, before := 1, ""; i < 60 && w.read("beats") != before; i++ {
				before = w.read("beats")
				w.write("passed", fmt.Sprintf("%ds", 55*i))
				time.Sleep(time.Second)
			}
		}},
		{name: "lost", ttl: "6s", answer: "lost", script: `trap 'echo term >$D/term; exit 0' TERM; ` + beats, want: "term"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.ttl == "" {
				c.ttl = "12s" // of which the last four seconds are spare
			}
			w := newRun(t, c.ttl, c.script)
			w.write("answer", c.answer)
			w.start().await("beats", "x")
			if c.do != nil {
				c.do(w)
			}
			if code := w.wait(); code != 6 {
				t.Errorf("exit %d\n%s", code, w.read("log"))
			}
			w.gone()
			log := w.read("log")
			if !strings.Contains(log, "\nrelease\n") || c.do == nil && !strings.Contains(log, "left true") {
				t.Errorf("log: %s", log)
			}
			if c.answer == "yield" && !strings.Contains(log, "\nended\nremoved\n") {
				t.Errorf("others could have the lock before the command had ended: %s", log)
			}
			if c.want != "" && !strings.Contains(w.read("term"), c.want) {
				t.Errorf("the command was not asked to end; log: %s", log)
			}
		})
	}
}

func TestRunSurvives(t *testing.T) {
	t.Parallel()
	t.Run("remote away for a while", func(t *testing.T) {
		t.Parallel()
		w := newRun(t, "6s", `while ! grep -q 'event 2' $D/log; do sleep 0.02; done`)
		w.write("answer", "away")
		w.start().await("log", "event 0") // half of the lease is gone
		w.write("answer", "")
		if code := w.wait(); code != 0 {
			t.Errorf("exit %d\n%s", code, w.read("log"))
		}
	})
	t.Run("clock set back", func(t *testing.T) {
		t.Parallel()
		w := newRun(t, "6s", `while [ "$(grep -c renew $D/log)" -lt 4 ]; do sleep 0.02; done`).start()
		w.write("slept", "-1000h")
		if code := w.wait(); code != 0 {
			t.Errorf("exit %d\n%s", code, w.read("log"))
		}
	})
	t.Run("warned only", func(t *testing.T) {
		t.Parallel()
		w := newRun(t, "3s", `trap 'echo term >$D/term' TERM; while ! grep -q 'event 4' $D/log; do sleep 0.02; done; sleep 1; exit 7`)
		w.cmd.Env = append(w.cmd.Env, "TEST_WARN=1")
		w.write("answer", "lost")
		if code := w.start().wait(); code != 6 || !strings.Contains(w.read("log"), `"code":7`) || w.read("term") != "" {
			t.Errorf("exit %d, term %q\n%s", code, w.read("term"), w.read("log"))
		}
	})
}

// TestRunLeavesNothing ends a run in the ways that it cannot catch, and with
// daemons left behind.
func TestRunLeavesNothing(t *testing.T) {
	t.Parallel()
	const daemon = `(setsid sh -c 'echo >$D/up; sleep 1000' &); while ! [ -s $D/up ]; do sleep 0.01; done; `
	t.Run("daemon", func(t *testing.T) {
		t.Parallel()
		w := newRun(t, "30s", daemon+"exit 5").start()
		if code := w.wait(); code != 5 {
			t.Errorf("exit %d", code)
		}
		w.gone()
	})
	t.Run("run killed", func(t *testing.T) {
		t.Parallel()
		w := newRun(t, "6s", daemon+`trap '' TERM; `+beats).start()
		w.await("beats", "x")
		w.kill(w.cmd.Process.Pid, syscall.SIGKILL)
		w.wait()
		w.gone()
	})
	t.Run("guard killed", func(t *testing.T) {
		t.Parallel()
		w := newRun(t, "30s", daemon+`echo $PPID >$D/guard; `+beats).start()
		w.await("beats", "x")
		w.kill(w.pid("guard"), syscall.SIGKILL)
		if code := w.wait(); code != 137 || !strings.Contains(w.read("log"), "guards the command") {
			t.Errorf("exit %d\n%s", code, w.read("log"))
		}
		w.gone()
	})
}
