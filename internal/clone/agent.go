package clone

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/keep"
	"github.com/git-grite/git-grite/internal/lock"
)

// record writes down the actor of an agent's session, or of a linked work tree,
// once it holds a lock, so that others in this clone find it by its label when
// that is gone. Failing to only costs that.
func (c *Clone) record(ctx context.Context, me Identity) {
	defer c.RecordProcess(me)
	if me.Source != FromSession && me.Worktree == "" || Recorded(me) {
		return
	}
	_ = c.alone(ctx, func() error { return c.Actors().Record(me.Actor, c.now()) })
}

// Recorded reports whether an actor derived from a session ever held a lock in
// this clone: until then nothing of it is written.
func Recorded(me Identity) bool {
	_, err := os.Lstat(filepath.Join(me.DataDir, "config.toml"))
	return me.DataDir != "" && err == nil
}

// RecordProcess writes down which process the session is that the actor belongs
// to, once it ever held a lock. A session that is resumed is another process.
func (c *Clone) RecordProcess(me Identity) {
	if me.Source != FromSession || c.who.Process == 0 || !Recorded(me) {
		return
	}
	path := filepath.Join(me.DataDir, "process")
	process := keep.Identify(c.host, c.who.Process)
	if known, _ := os.ReadFile(path); process != "" && string(known) != process {
		_ = atomicfile.Write(path, []byte(process), 0o666)
	}
}

// SessionGone reports whether an owner is a session of this clone whose process
// has ended on this machine.
func (c *Clone) SessionGone(owner lock.Owner) bool {
	if !owner.Valid() {
		return false
	}
	process, err := os.ReadFile(filepath.Join(c.files.actors(), string(owner), "process"))
	return err == nil && keep.Gone(c.host, string(process))
}

// ReleaseActors gives up all locks of those actors of the clone that picked
// chooses by their label. What goes wrong for one of them is returned when all
// were tried.
func (c *Clone) ReleaseActors(ctx context.Context, picked func(label string) bool) error {
	list, err := c.Actors().List()
	for _, a := range list {
		if picked(a.Label) {
			if _, releaseErr := c.As(a).Release(ctx, nil, ""); releaseErr != nil {
				err = releaseErr
			}
		}
	}
	return err
}

// Due reports whether something that is done for an actor at most once in a while
// is due, and if so remembers that it was done. Where it cannot be remembered it
// is not due, else it would be done each time.
func (c *Clone) Due(me Identity, every time.Duration) bool {
	if !Recorded(me) {
		return false
	}
	path := filepath.Join(me.DataDir, "visited")
	text, _ := os.ReadFile(path)
	ms, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if age := c.now().Sub(time.UnixMilli(ms)); err == nil && age >= 0 && age < every {
		return false
	}
	return atomicfile.Write(path, fmt.Appendln(nil, c.now().UnixMilli()), 0o666) == nil
}
