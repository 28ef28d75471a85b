//go:build unix

package watch

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

func notifyResized(c chan<- os.Signal) { signal.Notify(c, syscall.SIGWINCH) }

// suspend stops this job, as Ctrl-Z would if the terminal were not in raw mode.
// It returns when the job goes on.
func suspend() {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	if syscall.Kill(0, syscall.SIGTSTP) != nil {
		return
	}
	select { // the signal may reach another thread, a moment later
	case <-goesOn:
	case <-time.After(time.Second): // nobody controls the job, so that it was not stopped
	}
}
