package keep

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// screen is a shell with job control on a terminal of its own.
type screen struct {
	*world
	master *os.File
	mu     sync.Mutex
	seen   bytes.Buffer
}

func openScreen(t *testing.T) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	s := &screen{world: &world{T: t, dir: t.TempDir()}, master: master}
	s.cmd = exec.Command("sh", "-i")
	s.cmd.Env = append(os.Environ(), "D="+s.dir, "PS1=$ ", "TERM=xterm", "ENV=", "HOME="+s.dir, "R="+os.Args[0]+" run "+s.dir, "LESS=", "VIMINIT=set nocp")
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s.start()
	slave.Close()
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.seen.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { // everything on the terminal ends with it
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		master.Close()
		s.gone()
		log := s.read("log")
		if ended := strings.Count(log, "result "); ended == 0 || strings.Count(log, "release\nresult ") != ended {
			s.Errorf("not each run gave up its lock in the end: %s", log)
		}
	})
	s.sees("$ ")
	return s
}

func (s *screen) types(text string) {
	if _, err := s.master.WriteString(text); err != nil {
		s.Fatal(err)
	}
}

func (s *screen) shows(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.seen.String(), text)
}

// sees waits until the terminal shows a text, and forgets everything up to it.
func (s *screen) sees(text string) {
	s.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		_, after, ok := bytes.Cut(s.seen.Bytes(), []byte(text))
		if ok {
			rest := bytes.Clone(after)
			s.seen.Reset()
			s.seen.Write(rest)
		}
		s.mu.Unlock()
		if ok {
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Fatalf("the terminal never shows %q, but %q; log: %s", text, &s.seen, s.read("log"))
}

func TestTerminalCtrlC(t *testing.T) {
	t.Parallel()
	s := openScreen(t)
	s.types("$R 30s sh -c 'trap \"echo got >>$D/got\" INT; echo r''eady; while ! grep -q enough $D/got 2>/dev/null; do sleep 0.05; done; exit 3'; echo code=$?\n")
	s.sees("ready")
	s.types("\x03")
	s.await("got", "got")
	time.Sleep(4 * echo) // a second one would come now
	if got := s.read("got"); got != "got\n" {
		t.Errorf("the command got %q", got)
	}
	s.write("got", "enough")
	s.sees("code=3")
	// A signal to the run alone is passed on.
	s.types("$R 30s sh -c 'trap \"exit 9\" INT; echo $PPID >$D/guard; while :; do sleep 0.05; done'; echo code=$?\n")
	parent := ""
	for guard := s.pid("guard"); parent == "" || parent == "0"; {
		st, _ := readStat(fmt.Sprintf("/proc/%d/stat", guard))
		parent = fmt.Sprint(st.parent)
	}
	var run int
	fmt.Sscan(parent, &run)
	s.kill(run, syscall.SIGINT)
	s.sees("code=9")
	// A script that runs it ends with it, as with any command.
	s.write("script", "$R 30s sh -c 'echo r''eady; sleep 1000'\necho went on\n")
	s.types("sh $D/script; echo so did this\n")
	s.sees("ready")
	s.types("\x03")
	s.sees("$ ")
	s.types("echo code=$?\n")
	s.sees("code=130")
}

func TestTerminalJobControl(t *testing.T) {
	t.Parallel()
	s := openScreen(t)
	s.types("$R 60s sh -c 'echo r''eady; read x; echo got=$x; exit 4'; echo code=$?\n")
	s.sees("ready")
	s.types("\x1a")
	s.sees("Stopped")
	s.types("fg; echo fg=$?\n")
	s.sees("sh -c")
	s.types("word\n")
	s.sees("got=word")
	s.sees("fg=4")
	// In the background it stops when it reads the terminal, and fg goes on.
	s.types("$R 60s sh -c 'read x; echo got=$x' &\n")
	s.sees("$ ")
	for range 200 {
		if time.Sleep(20 * time.Millisecond); s.shows("Stopped") {
			break
		}
		s.types("jobs\n")
	}
	s.types("fg\n")
	s.sees("sh -c")
	s.types("more\n")
	s.sees("got=more")
	// Stopped for longer than the lease: the command is ended meanwhile.
	s.types("$R 6s sh -c 'echo $$ >$D/pid; echo r''eady; exec sleep 1000'; echo code=$?\n")
	s.sees("ready")
	s.types("\x1a")
	s.sees("Stopped")
	for pid := s.pid("pid"); startOf(pid) != ""; {
		time.Sleep(20 * time.Millisecond)
	}
	s.types("fg; echo late=$?\n")
	s.sees("late=6")
}

func TestTerminalPrograms(t *testing.T) {
	t.Parallel()
	s := openScreen(t)
	s.types("$R 60s vi -u NONE -n $D/file; echo code=$?\n")
	s.sees("[New")
	s.types("ihello\x1b")
	s.sees("hello")
	s.types("\x1a")
	s.sees("Stopped")
	s.types("fg\n")
	s.sees("hello")
	s.types(":wq\r")
	s.await("log", `"code":0`)
	if got := s.read("file"); got != "hello\n" {
		t.Errorf("vi wrote %q", got)
	}
	s.types("seq 500 >$D/lines; $R 60s less $D/lines; echo code=$?\n")
	s.sees("20")
	s.types("G")
	s.sees("500")
	s.types("q")
	s.sees("code=0")
	// In a pipeline the terminal belongs to all of it.
	s.types("$R 60s seq 500 | less; echo pipe=$?\n")
	s.sees("20")
	s.types("G")
	s.sees("500")
	s.types("q")
	s.sees("pipe=0")
	// A shell with job control inside.
	s.types("PS1='in''ner> ' $R 60s sh -i; echo code=$?\n")
	s.sees("inner> ")
	// Nothing is started behind "ready": ^Z would stop a child before it is a program
	// of its own, and dash waits for that, which no signal ends.
	s.types("sh -c 'trap \"echo went on\" CONT; echo r''eady; while :; do read x; done'\n")
	s.sees("ready")
	s.types("\x1a")
	s.sees("Stopped")
	s.sees("inner> ")
	s.types("fg\n")
	s.sees("fg\r\nsh -c")
	s.sees("\r\nwent on") // it has the terminal
	s.types("\x03")
	s.sees("inner> ")
	s.types("exit 5\n")
	s.sees("code=5")
}

// TestTerminalRestored has a shell inside, which took the terminal for one of
// its jobs that put it into raw mode, ended by the end of the lease.
func TestTerminalRestored(t *testing.T) {
	t.Parallel()
	s := openScreen(t)
	s.write("answer", "away")
	s.types("PS1='in''ner> ' $R 6s sh -i; echo code=$?\n")
	s.sees("inner> ")
	s.types("sh -c 'stty raw -echo; echo r''eady; sleep 1000'\n")
	s.sees("ready")
	s.sees("code=6")
	s.types("stty -a\n")
	s.sees("stty -a") // echoed
	s.sees(" icanon")
}
