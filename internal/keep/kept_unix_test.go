//go:build unix

package keep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestKeptFiles(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	good := Kept{Resource: "path:a", Nonce: "n", TTLMS: 1000, PID: 1, Start: "x"}
	if err := d.Add(good); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"0.json": "{", "1.json": "{}", "2.json": `{"resource":"path:a","ttl_ms":1000,"pid":1}`, "3.json": `{"resource":"path:b","ttl_ms":-1,"pid":1}`} {
		if err := os.WriteFile(filepath.Join(d.kept(), name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := d.List(); err != nil || !slices.Equal(all, []Kept{good}) {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	l := Log{Path: filepath.Join(t.TempDir(), "log"), Now: time.Now}
	for range 4000 {
		l.line(strings.Repeat("x", 200))
	}
	now, errNow := os.Stat(l.Path)
	old, errOld := os.Stat(l.Path + ".1")
	if errNow != nil || errOld != nil || now.Size() > logSize+300 || old.Size() > logSize+300 {
		t.Errorf("%v %v", errNow, errOld)
	}
}

// TestKeptProcess knows a process by its id and its start.
func TestKeptProcess(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k := Kept{PID: cmd.Process.Pid, Start: ProcessStart(cmd.Process.Pid)}
	if k.Start == "" || k.over(time.Now()) {
		t.Errorf("%+v is over", k)
	}
	reused := k
	reused.Start += "1"
	if !reused.over(time.Now()) {
		t.Error("another process of that id counts")
	}
	_ = cmd.Process.Kill()
	for range 500 { // ended, and not reaped yet
		if k.over(time.Now()) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !k.over(time.Now()) {
		t.Error("a process that ended and was not reaped counts")
	}
	_ = cmd.Wait()
	if !k.over(time.Now()) {
		t.Error("a process that is gone counts")
	}
}

// onDisk is the holder of a keeper in a process of its own.
type onDisk struct{ dir string }

func (h onDisk) Renew(context.Context, []Kept) (map[string]error, error) {
	note(h.dir, "renew")
	if answer, _ := os.ReadFile(filepath.Join(h.dir, "answer")); string(answer) == "lost" {
		return map[string]error{"path:a": errors.New("broken")}, nil
	}
	return nil, nil
}

func (h onDisk) Release(_ context.Context, locks []Kept) error {
	note(h.dir, "release "+locks[0].Resource)
	return nil
}

func testKeeper(dir string) int {
	k := Keeper{Dir: Dir(dir), Holder: onDisk{dir}, Clock: NewClock(time.Now), Random: middle, Log: Log{Path: filepath.Join(dir, "keep.log"), Now: time.Now}, Binary: os.Args[0], Poll: 20 * time.Millisecond}
	if err := k.Serve(context.Background()); err != nil {
		return 1
	}
	return 0
}

// testDetach starts a keeper as "acquire --keep" does.
func testDetach(dir string) int {
	d := Dir(dir)
	pid := os.Getppid()
	if err := d.Add(Kept{Resource: "path:a", Nonce: "n", TTLMS: 300, AskedUnixMS: time.Now().UnixMilli(), PID: pid, Start: ProcessStart(pid), Signal: "USR1"}); err != nil {
		return 1
	}
	if err := Detach([]string{os.Args[0], "keeper", dir}, os.Environ(), dir); err != nil {
		return 1
	}
	fmt.Println("acquired")
	return 0
}

// TestDetachedKeeper starts a keeper within $(…), while a descriptor of the
// shell has a file lock; it lives on after that, and ends with the shell.
func TestDetachedKeeper(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ then, log string }{
		"the process ends": {"", "release path:a"},
		"the lock is lost": {`trap 'echo usr1 >$D/got; exit' USR1; printf lost >$D/answer; while :; do sleep 0.02; done`, "renew"},
	} {
		w := &world{T: t, dir: t.TempDir()}
		w.cmd = exec.Command("sh", "-c", `exec 9>$D/flock; out=$("$0" detach $D); echo "$out" >$D/out; while ! grep -q renew $D/log; do sleep 0.02; done; `+c.then, os.Args[0])
		w.cmd.Env = append(os.Environ(), "D="+w.dir)
		w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		w.start()
		w.await("out", "acquired")
		w.await("log", c.log)
		state, runs := State{}, false
		for range 500 {
			if state, runs = Dir(w.dir).Running(); runs && state.PID > 0 || c.then == "" {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if runs {
			fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", state.PID))
			for _, fd := range fds {
				if to, _ := os.Readlink(fd); strings.Contains(to, "flock") || strings.Contains(to, "pipe:") && filepath.Base(fd) < "3" {
					t.Errorf("%s: the keeper has %s open", name, to)
				}
			}
		}
		w.wait()
		w.gone()
		if c.then != "" && w.read("got") != "usr1\n" {
			t.Errorf("%s: the process got %q\n%s", name, w.read("got"), w.read("keep.log"))
		}
		if all, err := Dir(w.dir).List(); err != nil || len(all) > 0 {
			t.Errorf("%s: left to keep: %v, %v", name, all, err)
		}
	}
}
