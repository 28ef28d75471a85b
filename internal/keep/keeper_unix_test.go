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
	"testing/synctest"
	"time"
)

// memory is a Holder that remembers until when each lock is held, on the clock
// of the bubble.
type memory struct {
	*testing.T
	until    map[string]time.Time
	renewals []time.Time
	released []string
	err      error
	lost     map[string]error
}

func (m *memory) Renew(_ context.Context, locks []Kept) (map[string]error, error) {
	now := time.Now()
	m.renewals = append(m.renewals, now)
	for _, k := range locks {
		if now.After(m.until[k.Resource]) {
			m.Errorf("%s lapsed", k.Resource)
		}
		if m.err == nil && m.lost[k.Resource] == nil {
			m.until[k.Resource] = now.Add(k.ttl())
		}
	}
	return m.lost, m.err
}

func (m *memory) Release(_ context.Context, locks []Kept) error {
	for _, k := range locks {
		m.released = append(m.released, k.Resource)
	}
	return nil
}

func newMemory(t *testing.T) (*memory, Keeper) {
	dir := t.TempDir()
	m := &memory{T: t, until: map[string]time.Time{}, lost: map[string]error{}}
	return m, Keeper{Dir: Dir(dir), Holder: m, Clock: NewClock(time.Now), Random: middle, Label: "alice", Log: Log{Path: filepath.Join(dir, "log"), Now: time.Now}}
}

func (m *memory) add(k Keeper, resource string, ttl, life time.Duration) {
	m.until[resource] = time.Now().Add(ttl)
	if err := k.Dir.Add(Kept{Resource: resource, Nonce: "n", TTLMS: ttl.Milliseconds(), AskedUnixMS: time.Now().UnixMilli(), UntilUnixMS: time.Now().Add(life).UnixMilli()}); err != nil {
		m.Fatal(err)
	}
}

func (m *memory) log(k Keeper) string {
	text, _ := os.ReadFile(k.Log.Path)
	return string(text)
}

// TestKeeperKeeps keeps 50 locks for ten minutes.
func TestKeeperKeeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, k := newMemory(t)
		for i := range 50 {
			m.add(k, fmt.Sprintf("path:%d", i), 30*time.Second, 10*time.Minute)
		}
		begin := time.Now()
		if err := k.Serve(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took.Round(time.Minute) != 10*time.Minute || len(m.released) != 50 {
			t.Errorf("took %s, released %d\n%s", took, len(m.released), m.log(k))
		}
		if n := len(m.renewals); n < 50 || n > 60 {
			t.Errorf("%d renewals", n)
		}
		if _, runs := k.Dir.Running(); runs {
			t.Error("it is said to run still")
		}
		if _, err := os.Stat(k.Dir.state()); err == nil {
			t.Error("its state is left")
		}
	})
}

// TestKeeperComesAndGoes has locks of different terms, one added later, and one
// that is no longer to be kept.
func TestKeeperComesAndGoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, k := newMemory(t)
		m.add(k, "path:long", 15*time.Minute, time.Hour)
		done := make(chan error)
		go func() { done <- k.Serve(t.Context()) }()
		time.Sleep(10 * time.Minute)
		if state, runs := k.Dir.Running(); !runs || state.PID != os.Getpid() || state.RenewedUnixMS == 0 {
			t.Errorf("%+v, %v", state, runs)
		}
		if err := k.Serve(t.Context()); !errors.Is(err, ErrRuns) {
			t.Errorf("a second one: %v", err)
		}
		m.add(k, "path:short", 30*time.Second, 5*time.Minute)
		time.Sleep(7 * time.Minute)
		if !slices.Equal(m.released, []string{"path:short"}) {
			t.Errorf("released %q\n%s", m.released, m.log(k))
		}
		if err := k.Dir.Remove("path:long", "another"); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		if _, runs := k.Dir.Running(); !runs {
			t.Error("it ended for a removal of another grant")
		}
		if err := k.Dir.Remove("path:long", "n"); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil || len(m.released) != 1 {
			t.Errorf("%v, released %q", err, m.released)
		}
	})
}

func TestKeeperLoses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, k := newMemory(t)
		m.add(k, "path:a", time.Minute, 10*time.Minute)
		m.add(k, "path:b", time.Minute, 10*time.Minute)
		go func() {
			m.err = errors.New("the remote is away\nfor now")
			time.Sleep(50 * time.Second)
			m.err, m.lost = nil, map[string]error{"path:a": errors.New("broken by bob")}
		}()
		if err := k.Serve(t.Context()); err != nil {
			t.Fatal(err)
		}
		log := m.log(k)
		for _, want := range []string{"cannot renew: the remote is away for now", "path:b ends in 20s and could not be renewed", "lost path:a: broken by bob", "releases path:b: its time is up"} {
			if !strings.Contains(log, want) {
				t.Errorf("the log lacks %q:\n%s", want, log)
			}
		}
		if !slices.Equal(m.released, []string{"path:b"}) || strings.Count(log, "cannot renew") != 1 {
			t.Errorf("released %q\n%s", m.released, log)
		}
	})
}

// TestKeeperSurvivesItself is killed and started again: the lease still counts
// from the last renewal.
func TestKeeperSurvivesItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, k := newMemory(t)
		m.add(k, "path:a", time.Minute, time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(75*time.Second, cancel)
		if err := k.Serve(ctx); err != nil {
			t.Fatal(err)
		}
		before := len(m.renewals)
		time.Sleep(20 * time.Second) // less than a lease; the next renewal is due
		again := time.Now()
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(30*time.Second, cancel)
		if err := k.Serve(ctx); err != nil {
			t.Fatal(err)
		}
		if len(m.renewals) <= before || m.renewals[before].Sub(again) > time.Second {
			t.Errorf("renewed at %v, started again at %v", m.renewals, again)
		}
	})
}

func TestKeeperEnds(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(k Keeper) error{
		"the clone is gone":        func(k Keeper) error { return os.RemoveAll(string(k.Dir)) },
		"the program was replaced": func(k Keeper) error { return os.WriteFile(k.Binary, []byte("newer"), 0o777) },
		"context canceled":         nil,
	} {
		synctest.Test(t, func(t *testing.T) {
			m, k := newMemory(t)
			home := t.TempDir()
			k.Log.Path, k.Binary = filepath.Join(home, "log"), filepath.Join(home, "binary")
			if err := os.WriteFile(k.Binary, []byte("old"), 0o777); err != nil {
				t.Fatal(err)
			}
			m.add(k, "path:a", time.Minute, time.Hour)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(90*time.Second, func() {
				if do == nil {
					cancel()
				} else if err := do(k); err != nil {
					t.Error(err)
				}
			})
			begin := time.Now()
			if err := k.Serve(ctx); err != nil {
				t.Fatal(err)
			}
			cancel()
			if took := time.Since(begin); took > 95*time.Second || !strings.Contains(m.log(k), name) || len(m.released) > 0 {
				t.Errorf("%s: after %s, released %q\n%s", name, took, m.released, m.log(k))
			}
		})
	}
}

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
