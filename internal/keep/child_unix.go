//go:build unix

package keep

import (
	"encoding/json"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// order is what a run tells its guard, one JSON object per line.
type order struct {
	Run    []string       `json:"run,omitempty"` // the command; first and once
	Own    bool           `json:"own,omitempty"` // in a process group of its own
	Grace  time.Duration  `json:"grace,omitempty"`
	Stop   *time.Duration `json:"stop,omitempty"`   // SIGTERM now, SIGKILL after that
	Until  *time.Duration `json:"until,omitempty"`  // SIGKILL after that, whatever becomes of the run
	Signal syscall.Signal `json:"signal,omitempty"` // for the command
}

// report is what a guard says, once, when nothing of the command is left.
type report struct {
	Code  int    `json:"code"`
	Fault string `json:"fault,omitempty"`
	Late  bool   `json:"late,omitempty"` // it was ended because the lease did not allow for more
}

// child is a command behind its guard.
type child struct {
	guard    *exec.Cmd
	orders   *json.Encoder
	ended    chan Result // closed without a Result when the guard was killed
	terminal terminal
}

// passed are the signals that go to the command.
var passed = []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2}

// notify catches the signals that go to the command. One that is ignored, as by
// nohup, stays so, here and for the command.
func notify(signals chan<- os.Signal, more ...os.Signal) {
	for _, s := range append(more, passed...) {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
}

func startChild(c Command) (*child, error) {
	becomeSubreaper() // of what a killed guard leaves
	theirs, orders, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	reports, theirReports, err := os.Pipe()
	if err != nil {
		theirs.Close()
		orders.Close()
		return nil, err
	}
	tty := openTerminal()
	ch := &child{guard: exec.Command(c.Guard[0], c.Guard[1:]...), orders: json.NewEncoder(orders), ended: make(chan Result, 1), terminal: tty}
	ch.guard.Env, ch.guard.Stdin, ch.guard.Stdout, ch.guard.Stderr = c.Env, c.Stdin, c.Stdout, c.Stderr
	ch.guard.ExtraFiles = []*os.File{theirs, theirReports}
	// A signal to our whole process group must not reach the guard.
	ch.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: tty.file == nil}
	err = ch.guard.Start()
	theirs.Close()
	theirReports.Close()
	if err != nil {
		orders.Close()
		reports.Close()
		return nil, err
	}
	ch.order(order{Run: c.Args, Own: tty.file == nil, Grace: Grace(c.TTL)})
	go func() {
		defer close(ch.ended)
		defer orders.Close()
		defer reports.Close()
		var r report
		err := json.NewDecoder(reports).Decode(&r)
		_ = ch.guard.Wait()
		if err != nil {
			return
		}
		ch.terminal.restore(r.Code > 128)
		out := Result{Code: r.Code, late: r.Late}
		if r.Fault != "" {
			out.Fault = faultError(r.Fault)
		}
		ch.ended <- out
	}()
	return ch, nil
}

type faultError string

func (e faultError) Error() string { return string(e) }

// order fails only when the guard is gone, which its reports show.
func (ch *child) order(o order)            { _ = ch.orders.Encode(o) }
func (ch *child) stop(grace time.Duration) { ch.order(order{Stop: &grace}) }
func (ch *child) until(left time.Duration) { ch.order(order{Until: &left}) }
func (ch *child) signal(s os.Signal)       { ch.order(order{Signal: s.(syscall.Signal)}) }

// end kills the guard, when it does not do its work, and all that is left of the
// command.
func (ch *child) end() {
	_ = ch.guard.Process.Kill()
	for range ch.ended { // until it is reaped
	}
	endAll()
	ch.terminal.restore(true)
}

// terminal is the controlling terminal as it was before the command ran.
type terminal struct {
	file  *os.File // nil when there is none
	state *term.State
	ahead bool // this process group was the foreground group
}

func openTerminal() (t terminal) {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return t
	}
	t.file = f
	t.state, _ = term.GetState(int(f.Fd()))
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	t.ahead = err == nil && group == unix.Getpgrp()
	return t
}

// restore gives the terminal back: from a process group that is gone, and,
// where a signal ended the command, from the mode that it left behind.
func (t terminal) restore(killed bool) {
	if t.file == nil {
		return
	}
	defer t.file.Close()
	fd := int(t.file.Fd())
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if !t.ahead || err != nil {
		return
	}
	if group != unix.Getpgrp() && unix.Kill(-group, 0) == unix.ESRCH {
		signal.Ignore(syscall.SIGTTOU) // which a background process gets for this
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, unix.Getpgrp())
		signal.Reset(syscall.SIGTTOU)
		group = unix.Getpgrp()
	}
	if killed && err == nil && group == unix.Getpgrp() && t.state != nil {
		_ = term.Restore(fd, t.state)
	}
}
