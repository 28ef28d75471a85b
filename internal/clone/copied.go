package clone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/git-grite/git-grite/internal/config"
)

// ErrNoCopy is returned by Adopt in a clone that is no copy of another.
var ErrNoCopy = errors.New("this clone is no copy of another one; its actors are its own")

// settle finds out whether this clone is a copy of the one that its files were
// made in: then the actors that came with it belong to the other one. Only what
// is new is written down, and a clone without any files of ours stays so.
func (c *Clone) settle(ctx context.Context, host string) error {
	here, err := config.Here(host, filepath.Dir(c.files.dir))
	if err != nil {
		return err
	}
	c.place = here
	was, err := config.ReadClone(c.files.dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case was.Host == here.Host && was.Path == here.Path && was.Inode == here.Inode:
		c.place, c.placed = was, true
		return nil
	}
	if err = c.alone(ctx, func() error { return nil }); err != nil {
		// Who may not write here is somebody else all the same; taking a lock tries
		// to write it down once more.
		c.place, _, c.copied, err = config.Settle(c.files.dir, here, c.now())
	}
	return err
}

// writePlace writes down what the clone is known by, unless that is there already.
// The caller has the clone's file lock.
func (c *Clone) writePlace() error {
	if c.placed {
		return nil
	}
	now, changed, copied, err := config.Settle(c.files.dir, c.place, c.now())
	if err != nil {
		return err
	}
	c.place, c.placed, c.copied = now, true, copied
	if changed {
		if err = now.Write(c.files.dir); err != nil {
			return fmt.Errorf("write down which clone this is: %w", err)
		}
	}
	return nil
}

// Copied reports whether this command found out that the clone is a copy.
func (c *Clone) Copied() bool { return c.copied }

// Adopt makes the actors of a copied clone again those of the clone that it is a
// copy of, which is gone for good. It returns ErrNoCopy.
func (c *Clone) Adopt(ctx context.Context) error {
	return c.alone(ctx, func() error {
		if len(c.place.Copies) == 0 {
			return ErrNoCopy
		}
		c.place, c.copied = c.place.Adopt(), false
		return c.place.Write(c.files.dir)
	})
}
