//go:build unix

package keep

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// world is a run in a process of its own.
type world struct {
	*testing.T
	dir string
	cmd *exec.Cmd
}

// newRun prepares a run of a shell script, in a session of its own, so without a
// terminal. $D is a directory of its own.
func newRun(t *testing.T, ttl, script string) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir()}
	w.cmd = exec.Command(os.Args[0], "run", w.dir, ttl, "sh", "-c", script)
	w.cmd.Env = append(os.Environ(), "D="+w.dir)
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return w
}

func (w *world) start() *world {
	w.Helper()
	if err := w.cmd.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGKILL) })
	return w
}

// wait returns the exit code.
func (w *world) wait() int {
	w.Helper()
	var exit *exec.ExitError
	if err := w.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		w.Fatal(err)
	}
	return w.cmd.ProcessState.ExitCode()
}

func (w *world) write(name, text string) {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o666); err != nil {
		w.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		w.Fatal(err)
	}
}

func (w *world) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(w.dir, name))
	return string(text)
}

// await waits until a file has a text in it.
func (w *world) await(name, text string) {
	w.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(w.read(name), text) {
			return
		}
	}
	w.Fatalf("%s never says %q: %q\nlog: %s", name, text, w.read(name), w.read("log"))
}

// gone checks that no process is left that has $D in its environment.
func (w *world) gone() {
	w.Helper()
	var left []string
	for range 500 {
		left = nil
		files, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte("D="+w.dir+"\x00")) {
				line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
				left = append(left, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
			}
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.Errorf("still running: %q", left)
}

// pid reads a process id that a script wrote.
func (w *world) pid(name string) (pid int) {
	w.Helper()
	w.await(name, "\n")
	if _, err := fmt.Sscan(w.read(name), &pid); err != nil {
		w.Fatal(err)
	}
	return pid
}

func (w *world) kill(pid int, s syscall.Signal) {
	w.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		w.Fatalf("%v to %d: %v", s, pid, err)
	}
}
