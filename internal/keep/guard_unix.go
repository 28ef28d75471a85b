//go:build unix

package keep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// guard is a process between a run and its command. It outlives the run, so
// that a run that is killed or stopped leaves nothing running past the lease; and
// the run outlives it.
//
// On a terminal the command stays in the process group of the caller, as if the
// caller had started it: Ctrl-C, Ctrl-Z, fg, pipelines and scripts work because
// nothing stands in their way. Elsewhere it gets a group of its own.
type guard struct {
	clock  Clock
	own    bool
	grace  time.Duration
	pid    int // of the command; 0 once it was reaped
	code   int
	ending bool
	late   bool     // the command was ended because of until
	kill   *Reading // when to end what is left
	until  *Reading // when the lease does not allow for more
	heard  map[os.Signal]Reading
	passOn map[syscall.Signal]Reading // signals for the command, held back until then
}

// echo is how long a signal is held back on a terminal: one that the terminal or
// somebody else sent to the whole group reaches the command, the guard and the
// run within that time, and must not reach the command twice.
const echo = 100 * time.Millisecond

// Guard runs the command of a Run, which started this process with a command
// line that calls it, and returns this process's exit code.
func Guard(clock Clock) int {
	orders, reports := os.NewFile(3, "orders"), os.NewFile(4, "reports")
	if orders == nil || reports == nil {
		return 2
	}
	syscall.CloseOnExec(3)
	syscall.CloseOnExec(4)
	becomeSubreaper()
	signals := make(chan os.Signal, 64)
	notify(signals, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGCONT)
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	in := json.NewDecoder(orders)
	var first order
	if in.Decode(&first) != nil || len(first.Run) == 0 {
		return 2
	}
	g := &guard{clock: clock, own: first.Own, grace: first.Grace, heard: map[os.Signal]Reading{}, passOn: map[syscall.Signal]Reading{}}
	said := report{}
	if err := g.start(first.Run); err != nil {
		said = report{Code: startCode(err), Fault: startFault(first.Run[0], err)}
	} else {
		said.Code = g.watch(in, signals, children)
		said.Late = g.late
	}
	_ = json.NewEncoder(reports).Encode(said) // a run that is gone needs none
	return 0
}

// startCode is the shell's exit code for a command that could not be started.
func startCode(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return 127
	}
	return 126
}

// startFault says of a command that it could not be started, and why.
func startFault(name string, err error) string {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Sprintf("there is no command %q on PATH", name)
	}
	if cause := syscall.Errno(0); errors.As(err, &cause) {
		err = cause
	}
	return fmt.Sprintf("cannot start %q: %v", name, err)
}

func (g *guard) start(args []string) error {
	path, err := exec.LookPath(args[0])
	if err != nil && !errors.Is(err, exec.ErrDot) { // what the PATH says is meant
		return err
	}
	p, err := os.StartProcess(path, args, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Setpgid: g.own},
	})
	if err != nil {
		return err
	}
	g.pid = p.Pid
	return p.Release() // reaped with all others
}

// watch returns the exit code of the command when nothing of it is left.
func (g *guard) watch(in *json.Decoder, signals, children <-chan os.Signal) int {
	orders := make(chan order)
	go func() {
		defer close(orders)
		for {
			var o order
			if in.Decode(&o) != nil {
				return
			}
			orders <- o
		}
	}()
	for {
		left := g.reap()
		if !left {
			return g.code
		}
		select {
		case <-children:
		case s := <-signals:
			g.heard[s] = g.clock()
			if s == syscall.SIGCONT && g.pid > 0 { // it may have left our group
				_ = syscall.Kill(g.pid, syscall.SIGCONT)
			}
		case o, ok := <-orders:
			if !ok { // the run was killed; its lease still runs for a while
				orders = nil
				g.end(g.grace)
				break
			}
			g.obey(o)
		case <-time.After(g.pause()):
		}
		g.act()
	}
}

// reap takes in what ended and reports whether anything is left. When the
// command has ended by itself, what it left running is ended as well.
func (g *guard) reap() bool {
	for over := false; ; {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil: // ECHILD
			return false
		case pid == 0:
			if over && !g.ending {
				g.end(min(g.grace, 2*time.Second))
			}
			return true
		case pid == g.pid:
			g.pid, g.code = 0, status.ExitStatus()
			if status.Signaled() {
				g.code = 128 + int(status.Signal())
			}
			over = true // and mostly there is nothing else, so that nobody has to look for it
		}
	}
}

func (g *guard) obey(o order) {
	now := g.clock()
	switch {
	case o.Stop != nil:
		g.end(*o.Stop)
	case o.Until != nil:
		g.until = now.after(*o.Until)
	case o.Signal == 0:
	case g.own:
		g.send(o.Signal)
	default:
		g.passOn[o.Signal] = *now.after(echo)
	}
}

// end asks all that is left to end, and sets when it is ended. What is stopped
// has to go on to end.
func (g *guard) end(grace time.Duration) {
	at := g.clock().after(grace)
	if !g.ending {
		g.send(syscall.SIGTERM)
		g.send(syscall.SIGCONT)
	}
	if g.kill == nil || at.Since(*g.kill) < 0 {
		g.kill = at
	}
	g.ending = true
}

// act does what is due.
func (g *guard) act() {
	now := g.clock()
	for s, at := range g.passOn {
		if now.Since(at) < 0 {
			continue
		}
		delete(g.passOn, s)
		if last, ok := g.heard[s]; !ok || now.Since(last) > 3*echo {
			g.send(s)
		}
	}
	for _, at := range []*Reading{g.kill, g.until} {
		if at != nil && now.Since(*at) >= 0 {
			g.ending, g.late = true, g.late || at == g.until && g.pid > 0
			g.send(syscall.SIGKILL)
		}
	}
}

// pause is how long nothing is due: not for long, because timers stand still
// while the machine sleeps, and short when something is being killed that may
// start others meanwhile.
func (g *guard) pause() time.Duration {
	now, wait := g.clock(), time.Second
	for _, at := range []*Reading{g.kill, g.until} {
		if at != nil {
			wait = min(wait, max(-now.Since(*at), 20*time.Millisecond))
		}
	}
	if len(g.passOn) > 0 {
		wait = min(wait, echo/4)
	}
	return wait
}

// send signals all that is left of the command.
func (g *guard) send(s syscall.Signal) {
	if g.own && g.pid > 0 {
		_ = syscall.Kill(-g.pid, s)
		if s != syscall.SIGKILL && s != syscall.SIGTERM {
			return // as a terminal would: to the group alone
		}
	}
	for _, p := range descendants(os.Getpid()) {
		if !g.own || p.group != g.pid || g.pid == 0 {
			_ = syscall.Kill(p.pid, s)
		}
	}
}

// endAll kills all processes below this one and returns when there is none, or
// when those that are left, of other users, cannot be killed.
func endAll() {
	self := os.Getpid()
	for range 200 {
		left := false
		for _, p := range descendants(self) {
			left = syscall.Kill(p.pid, syscall.SIGKILL) == nil || left
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != nil || pid == 0 {
				break
			}
		}
		if !left {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// process is one line of the table of processes.
type process struct{ pid, parent, group int }

// below selects the processes below one, in no order.
func below(root int, all []process) (found []process) {
	children := map[int][]process{}
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
	}
	for next := []int{root}; len(next) > 0; next = next[1:] {
		for _, p := range children[next[0]] {
			found = append(found, p)
			next = append(next, p.pid)
		}
		delete(children, next[0])
	}
	return found
}
