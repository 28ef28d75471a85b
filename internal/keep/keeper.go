package keep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// Holder renews and releases the locks of one actor.
type Holder interface {
	// Renew extends each lock by its TTL, all in one request. Those that are gone
	// for good are in lost, by resource, each with the reason; an error says that
	// another try may succeed.
	Renew(ctx context.Context, locks []Kept) (lost map[string]error, err error)
	// Release gives up locks.
	Release(ctx context.Context, locks []Kept) error
}

// Keeper keeps the locks of one actor.
type Keeper struct {
	Dir    Dir
	Holder Holder
	Clock  Clock
	Random func() float64 // in [0, 1)
	Log    Log
	Label  string // the actor's, for the log
	// Binary is the program's file: the keeper ends when it was replaced. The
	// next command starts the new one.
	Binary string
	// Poll is how often processes and files are looked at; a second when zero.
	Poll time.Duration
}

// ErrRuns is returned by Serve when another keeper of the same actor runs.
var ErrRuns = errors.New("a keeper runs already")

// Why a keeper ends.
var (
	errNothingLeft = errors.New("nothing is left to keep")
	errCloneGone   = errors.New("the clone is gone")
	errReplaced    = errors.New("the program was replaced")
)

// held is a lock that is kept, and since when its lease runs.
type held struct {
	Kept
	start  Reading
	warned bool
}

// serving is a keeper that runs.
type serving struct {
	Keeper
	state  State
	locks  map[string]*held // by resource
	random float64          // of this round
	fails  int
	retry  Reading
	dir    os.FileInfo
	binary os.FileInfo
}

// Serve keeps locks until nothing is left to keep, the clone is gone, the
// program was replaced, or ctx is done. It returns ErrRuns, or nil and the
// reason is in the log.
func (k Keeper) Serve(ctx context.Context) error {
	if k.Poll == 0 {
		k.Poll = time.Second
	}
	for {
		f := flock.New(k.Dir.lock(), flock.SetPermissions(0o666))
		short, cancel := context.WithTimeout(ctx, 2*time.Second) // somebody may be looking whether one runs
		ok, err := f.TryLockContext(short, 20*time.Millisecond)
		cancel()
		if !ok {
			if err == nil || errors.Is(err, context.DeadlineExceeded) {
				err = ErrRuns
			}
			return err
		}
		why := k.serve(ctx)
		_ = os.Remove(k.Dir.state())
		_ = f.Unlock()
		if !errors.Is(why, errNothingLeft) {
			k.log("%v", why)
			return nil
		}
		// Who added a lock before that found the keeper running.
		if left, _ := k.Dir.List(); len(left) == 0 {
			return nil
		}
	}
}

func (k Keeper) log(format string, args ...any) {
	k.Log.line(fmt.Sprintf("keeper of %s: ", k.Label) + fmt.Sprintf(format, args...))
}

func (k Keeper) serve(ctx context.Context) error {
	now := k.Clock()
	s := &serving{Keeper: k, locks: map[string]*held{}, random: k.Random(), state: State{PID: os.Getpid(), StartedUnixMS: now.Wall.UnixMilli()}}
	var err error
	if s.dir, err = os.Stat(string(k.Dir)); err != nil {
		return errCloneGone
	}
	s.binary, _ = os.Stat(k.Binary)
	_ = writeJSON(k.Dir.state(), s.state)
	k.log("started, process %d", os.Getpid())
	for {
		if err := s.changed(); err != nil {
			return err
		}
		s.look(ctx)
		if len(s.locks) == 0 {
			k.log("%v", errNothingLeft)
			return errNothingLeft
		}
		s.renew(ctx)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(k.Poll):
		}
	}
}

// changed reports why the keeper has to end although there are locks to keep.
func (s *serving) changed() error {
	if dir, err := os.Stat(string(s.Dir)); err != nil || !os.SameFile(dir, s.dir) {
		return errCloneGone
	}
	if s.binary != nil {
		b, err := os.Stat(s.Binary)
		if err != nil || !os.SameFile(b, s.binary) || b.Size() != s.binary.Size() || !b.ModTime().Equal(s.binary.ModTime()) {
			return errReplaced
		}
	}
	return nil
}

// look reads what is to be kept now, and releases what nothing needs any more.
func (s *serving) look(ctx context.Context) {
	all, err := s.Dir.List()
	if err != nil {
		return // gone, which the next round finds
	}
	now := s.Clock()
	wanted := map[string]bool{}
	var over []Kept
	for _, k := range all {
		if k.over(now.Wall) {
			over = append(over, k)
			continue
		}
		wanted[k.Resource] = true
		h := s.locks[k.Resource]
		if h == nil || h.Nonce != k.Nonce {
			age := max(0, now.Wall.Sub(time.UnixMilli(k.AskedUnixMS)))
			h = &held{start: *now.after(-age)}
			s.locks[k.Resource] = h
			s.log("keeps %s", k.Resource)
		}
		h.Kept = k
	}
	for resource := range s.locks {
		if !wanted[resource] {
			delete(s.locks, resource)
		}
	}
	if len(over) == 0 {
		return
	}
	limit, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err = s.Holder.Release(limit, over)
	for _, k := range over { // one that could not be released ends by itself
		s.log("releases %s: %s%s", k.Resource, overText(k), errText(err))
		_ = s.Dir.Remove(k.Resource, k.Nonce)
	}
}

func overText(k Kept) string {
	if k.PID != 0 && startOf(k.PID) != k.Start {
		return fmt.Sprintf("process %d has ended", k.PID)
	}
	return "its time is up"
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprintf(" (%v)", err)
}

// renew renews all locks in one request when one of them is due, and says which
// are about to end.
func (s *serving) renew(ctx context.Context) {
	now := s.Clock()
	var all []Kept
	due, ttl := false, time.Duration(0)
	for _, h := range s.locks {
		all = append(all, h.Kept)
		gone := now.Since(h.start)
		due = due || gone >= renewAfter(h.ttl(), s.random)
		if ttl == 0 || h.ttl() < ttl {
			ttl = h.ttl()
		}
		if left := h.ttl() - gone; left <= 2*Grace(h.ttl()) && s.fails > 0 && !h.warned {
			h.warned = true
			s.log("%s ends in %s and could not be renewed: %s", h.Resource, left.Round(time.Second), s.state.Error)
			s.signal(h.Kept)
		}
	}
	if !due || s.fails > 0 && now.Since(s.retry) < 0 {
		return
	}
	limit, cancel := context.WithTimeout(ctx, attemptLimit(ttl))
	defer cancel()
	lost, err := s.Holder.Renew(limit, all)
	if err != nil {
		s.fails++
		s.retry = *s.Clock().after(retryAfter(ttl, s.fails))
		if s.state.Error != err.Error() {
			s.log("cannot renew: %v", err)
		}
		s.state.Error = err.Error()
	} else {
		s.fails, s.random = 0, s.Random()
		s.state.RenewedUnixMS, s.state.Error = now.Wall.UnixMilli(), ""
		s.granted(now, lost)
	}
	_ = writeJSON(s.Dir.state(), s.state)
	for resource, why := range lost {
		if h := s.locks[resource]; h != nil {
			s.log("lost %s: %v", resource, why)
			s.signal(h.Kept)
			delete(s.locks, resource)
			_ = s.Dir.Remove(resource, h.Nonce)
		}
	}
}

// granted writes down since when the leases run, for a keeper to come.
func (s *serving) granted(asked Reading, lost map[string]error) {
	for resource, h := range s.locks {
		if lost[resource] != nil {
			continue
		}
		h.start, h.warned = asked, false
		h.AskedUnixMS = asked.Wall.UnixMilli()
		// If it was taken off the list meanwhile, it stays off.
		if k, err := readKept(s.Dir.file(resource)); err == nil && k.Nonce == h.Nonce {
			k.AskedUnixMS = h.AskedUnixMS
			_ = writeJSON(s.Dir.file(resource), k)
		}
	}
}

// signal tells the process of a lock that it is lost, where that was asked for.
func (s *serving) signal(k Kept) {
	if k.Signal == "" || k.PID == 0 || startOf(k.PID) != k.Start {
		return
	}
	s.log("sends SIG%s to process %d%s", k.Signal, k.PID, errText(sendSignal(k.PID, k.Signal)))
}
