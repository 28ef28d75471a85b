package keep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// Lease is the locks that are held while a command runs, all of them in one
// request.
type Lease interface {
	// Renew extends all locks by the TTL. An error that wraps ErrLost says that
	// one of them is gone for good; any other that another try may succeed. Where
	// one is gone whose record still keeps others out, yield is called with such
	// an error before that is removed, and returns when the command has ended.
	Renew(ctx context.Context, yield func(error)) error
	// Release gives up those that are still held.
	Release(ctx context.Context) error
}

// Command is a command that runs while a lease is held.
type Command struct {
	Args                  []string
	Env                   []string // all of it
	Stdin, Stdout, Stderr *os.File
	// Guard is the command line that calls Guard, in this same program. Windows
	// needs none.
	Guard []string

	Lease   Lease
	TTL     time.Duration // at least a second; MinTTL through a remote
	Granted Reading       // when the request was sent that granted the lease
	Clock   Clock
	Random  func() float64 // in [0, 1)
	// Warn leaves the command running when the lease is lost.
	Warn bool
	// Tell is called for what people should know, from the goroutine of Run.
	Tell func(Notice)
}

// What a Notice says.
type Event int

// The events of a run. Err is the reason of each but Renewed.
const (
	HalfGone   Event = iota // half of the lease has passed without a renewal
	LateGone                // two thirds have
	Renewed                 // after a notice: a renewal succeeded again
	Ending                  // the lease could not be renewed and is about to end
	Lost                    // the lock was broken, taken over or removed
	Unreleased              // the lock could not be given up and ends by itself
)

// Notice is something that people should know.
type Notice struct {
	Event Event
	Left  time.Duration // of the lease
	Err   error
}

// Result is how a command ended.
type Result struct {
	// Code is the exit code as a shell gives it: the command's own, 128+n when
	// signal n ended it, 127 when it was not found, 126 when it could not be
	// started.
	Code int
	// Fault says why the command could not be started or watched.
	Fault error
	// Lost says why the lease was lost while the command ran. Without Warn the
	// command was ended then, before the lease did.
	Lost error
	late bool // its guard ended it, because the lease did not allow for more
}

// errEnding is why a command is stopped whose lease could not be renewed.
var errEnding = errors.New("the lease could not be renewed in time")

// run is a command that is running.
type run struct {
	Command
	schedule *Schedule
	child    *child
	asked    Reading       // when the renewal under way was sent
	renewed  chan error    // its outcome
	yield    chan error    // why the lease is lost, before others can have it
	gone     chan struct{} // closed when the command has ended
	cancel   context.CancelFunc
	lastErr  error
	told     bool // that it could not be renewed
	ended    bool // the command was asked to end
	force    Reading
	forced   bool
	out      Result
}

// Run runs the command and renews the lease meanwhile, and gives it up when the
// command and all that it started have ended. Signals that this process gets go
// to the command. Cancelling ctx asks the command to end.
func (c Command) Run(ctx context.Context) Result {
	signals := make(chan os.Signal, 16)
	notify(signals)
	defer signal.Stop(signals)
	r := &run{Command: c, schedule: NewSchedule(c.TTL, c.Granted, c.Random), renewed: make(chan error, 1),
		yield: make(chan error), gone: make(chan struct{})}
	child, err := startChild(c)
	if err != nil {
		r.out = Result{Code: 126, Fault: err}
	} else {
		r.child = child
		r.extend()
		r.watch(ctx, signals)
	}
	close(r.gone)
	if r.cancel != nil { // a release must not overtake a renewal
		r.cancel()
		<-r.renewed
	}
	if r.forced { // only now: a renewal's processes are below this one, too
		r.child.end()
	}
	r.release(ctx, signals)
	return r.out
}

// watch returns when the command and all that it started have ended.
func (r *run) watch(ctx context.Context, signals <-chan os.Signal) {
	done := ctx.Done()
	for {
		wait := r.step(ctx)
		if r.forced {
			return
		}
		select {
		case <-time.After(min(wait, time.Second)): // timers stand still while the machine sleeps
		case s := <-signals:
			r.child.signal(s)
		case <-done:
			done = nil
			r.stop(Grace(r.TTL))
		case err := <-r.renewed:
			r.answer(err)
		case err := <-r.yield:
			r.lose(Lost, err, false)
		case out, ok := <-r.child.ended:
			if !ok { // the guard was killed
				out = Result{Code: 128 + 9, Fault: errors.New("the process that guards the command was killed")}
				r.forced = true
			}
			// The guard ends it while this process is stopped, or sees another time.
			if out.late || r.schedule.Left(r.Clock()) <= Grace(r.TTL) {
				r.lose(Ending, errEnding, true)
			}
			out.Lost = r.out.Lost
			r.out = out
			return
		}
	}
}

// step does what the schedule asks for and returns how long to wait at most.
func (r *run) step(ctx context.Context) time.Duration {
	for {
		now := r.Clock()
		if r.ended && now.Since(r.force) >= 0 {
			r.out.Code, r.forced = 128+9, true
			return 0
		}
		act, wait := r.schedule.Next(now)
		notice := Notice{Left: r.schedule.Left(now), Err: r.lastErr}
		switch act {
		case Wait:
			if r.ended {
				wait = min(wait, -now.Since(r.force))
			}
			return wait
		case Renew:
			if r.cancel == nil && (r.out.Lost == nil || errors.Is(r.out.Lost, errEnding)) {
				r.renew(ctx)
			}
		case Half, Late:
			notice.Event = map[Action]Event{Half: HalfGone, Late: LateGone}[act]
			if r.out.Lost == nil {
				r.told = true
				r.Tell(notice)
			}
		case Stop, Kill:
			r.lose(Ending, errEnding, act == Kill)
		}
	}
}

// renew sends one renewal.
func (r *run) renew(ctx context.Context) {
	ctx, r.cancel = context.WithTimeout(context.WithoutCancel(ctx), attemptLimit(r.TTL))
	r.asked = r.Clock()
	go func() { r.renewed <- r.Lease.Renew(ctx, r.end) }()
}

// end has the command ended for the reason given, unless it only is to be warned,
// and returns when it has.
func (r *run) end(why error) {
	if r.Warn {
		return
	}
	select {
	case r.yield <- why:
		<-r.gone
	case <-r.gone:
	}
}

// answer takes in what came of a renewal.
func (r *run) answer(err error) {
	r.cancel()
	r.cancel = nil
	r.lastErr = err
	switch {
	case err == nil:
		r.schedule.Good(r.asked)
		if r.told || r.out.Lost != nil && r.Warn {
			r.told = false
			r.Tell(Notice{Event: Renewed, Left: r.schedule.Left(r.Clock())})
		}
		if r.Warn {
			r.out.Lost = nil // nobody had taken it
		}
		r.extend()
	case errors.Is(err, ErrLost):
		r.lose(Lost, err, false)
	default:
		r.schedule.Failed(r.Clock())
	}
}

// lose says that the lease is lost or about to be, and ends the command unless
// that is not wanted.
func (r *run) lose(event Event, err error, now bool) {
	if event == Ending && r.lastErr != nil {
		err = fmt.Errorf("%w: %w", err, r.lastErr)
	}
	if r.out.Lost == nil {
		r.Tell(Notice{Event: event, Left: r.schedule.Left(r.Clock()), Err: err})
		r.out.Lost = err
	}
	switch {
	case r.Warn:
	case now:
		r.stop(0)
	default:
		r.stop(Grace(r.TTL))
	}
}

// stop asks the command to end, and ends it after a grace. A guard that does
// not do so in time, because somebody stopped it, is ended itself.
func (r *run) stop(grace time.Duration) {
	force := *r.Clock().after(grace + Grace(r.TTL)/2)
	if r.ended && r.force.Since(force) < 0 {
		return
	}
	r.ended, r.force = true, force
	r.child.stop(grace)
}

// extend says until when the command may run, in case that this process should
// be stopped or killed.
func (r *run) extend() {
	if !r.Warn {
		r.child.until(r.schedule.Left(r.Clock()) - Grace(r.TTL))
	}
}

// release gives up the lease. A signal cuts it short: the lease ends by itself.
func (r *run) release(ctx context.Context, signals <-chan os.Signal) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(attemptLimit(r.TTL), 10*time.Second))
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.Lease.Release(ctx) }()
	for {
		select {
		case <-signals:
			cancel()
		case err := <-done:
			if err != nil {
				r.Tell(Notice{Event: Unreleased, Left: r.schedule.Left(r.Clock()), Err: err})
			}
			return
		}
	}
}
