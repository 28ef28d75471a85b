package keep

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// child is a command in a job object, which ends all that belongs to it when
// its last handle is closed: no guard is needed for a run that is killed.
type child struct {
	job   windows.Handle
	ended chan Result
}

func notify(signals chan<- os.Signal) { signal.Notify(signals, os.Interrupt) }

func startChild(c Command) (*child, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, err
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		return nil, err
	}
	ch := &child{job: job, ended: make(chan Result, 1)}
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Env, c.Stdin, c.Stdout, c.Stderr
	if err := cmd.Start(); err != nil {
		code := 126
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			code = 127
		}
		ch.ended <- Result{Code: code, Fault: err}
		return ch, nil
	}
	h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(cmd.Process.Pid))
	if err == nil {
		err = windows.AssignProcessToJobObject(job, h)
		_ = windows.CloseHandle(h)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, err
	}
	go func() {
		_ = cmd.Wait()
		_ = windows.TerminateJobObject(job, 1) // what it left running
		ch.ended <- Result{Code: cmd.ProcessState.ExitCode()}
	}()
	return ch, nil
}

// signal does nothing: Ctrl-C reaches all processes of the console.
func (ch *child) signal(os.Signal) {}

// stop ends the job at once: Windows has no signal that asks for it.
func (ch *child) stop(time.Duration) { _ = windows.TerminateJobObject(ch.job, 1) }

// until does nothing: a run that is killed takes the job with it.
func (ch *child) until(time.Duration) {}

func (ch *child) end() { ch.stop(0) }

// Guard is not needed on Windows.
func Guard(Clock) int { return 2 }

// startOf is when a process was started, in a form that only says whether it is
// the same; "" when there is none or it has ended.
func startOf(pid int) string {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return ""
	}
	defer windows.CloseHandle(h)
	if ended, err := windows.WaitForSingleObject(h, 0); err != nil || ended == windows.WAIT_OBJECT_0 {
		return ""
	}
	var start, exit, kernel, user windows.Filetime
	if windows.GetProcessTimes(h, &start, &exit, &kernel, &user) != nil {
		return ""
	}
	return strconv.FormatInt(start.Nanoseconds(), 10)
}
