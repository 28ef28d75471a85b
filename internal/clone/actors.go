package clone

import (
	"context"
	"fmt"
	"time"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/lock"
)

// HoldsError is an actor that cannot be forgotten, because it holds locks.
type HoldsError struct {
	Actor config.Actor
	Locks []lock.Lock
}

func (e *HoldsError) Error() string {
	name := e.Actor.Label
	if name == "" {
		name = string(e.Actor.ID)
	}
	return fmt.Sprintf("%s holds the lock on %s", name, e.Locks[0].Resource)
}

// RemoveActor forgets an actor that holds nothing; limit is how long the arbiter
// may take to say so. It returns *HoldsError and *config.RemoveError.
func (c *Clone) RemoveActor(ctx context.Context, a config.Actor, limit time.Duration) error {
	v, err := c.As(a).Look(ctx, Ask{Limit: limit})
	if err != nil {
		return err
	}
	holds := &HoldsError{Actor: a}
	for _, l := range v.Locks {
		if l.Owner == a.ID && l.Live(c.now()) {
			holds.Locks = append(holds.Locks, l)
		}
	}
	elsewhere, err := c.grants(a, c.remote).Elsewhere()
	if err != nil {
		return err
	}
	for _, e := range elsewhere {
		if e.Live(c.now()) {
			holds.Locks = append(holds.Locks, e.Lock)
		}
	}
	if len(holds.Locks) > 0 {
		return holds
	}
	return c.alone(ctx, func() error { return c.Actors().Remove(a) })
}
