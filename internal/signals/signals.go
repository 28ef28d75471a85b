// Package signals makes Ctrl-C and SIGTERM end a context instead of the process.
package signals

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Error is the cause of a context that a signal ended.
type Error struct{ Signal os.Signal }

func (e *Error) Error() string {
	if e.Signal == syscall.SIGTERM {
		return "stopped by SIGTERM"
	}
	return "stopped by Ctrl-C"
}

// passedOn is how long a second signal counts as the first one: git gets Ctrl-C,
// too, and sends it to what it has started once more.
const passedOn = time.Second

type caughtKey struct{}

// Context returns a context that SIGINT and SIGTERM end, with an *Error as cause. A
// later signal ends the process. Catching them takes two threads their turns, on a
// busy machine longer than a command, so it happens beside the start of it; until
// then, which Caught waits for, signals end the process as they always do.
func Context(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals, caught := make(chan os.Signal, 1), make(chan struct{})
	go func() {
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(signals)
		close(caught)
		select {
		case s := <-signals:
			cancel(&Error{s})
			time.Sleep(passedOn)
		case <-ctx.Done():
		}
	}()
	return context.WithValue(ctx, caughtKey{}, caught), func() { cancel(nil) }
}

// Caught is called before anything is begun that a signal must not leave half done.
func Caught(ctx context.Context) {
	if caught, ok := ctx.Value(caughtKey{}).(chan struct{}); ok {
		<-caught
	}
}
