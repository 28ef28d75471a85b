package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/git-grite/git-grite/internal/atomicfile"
)

// Clone is what a clone is known by. Two of host, path and inode stay what they
// are when it is moved, renamed or served from another machine; in a copy, an
// image or a backup that is restored elsewhere fewer do.
type Clone struct {
	Host  string `toml:"host"`
	Path  string `toml:"path"`  // of the common git directory, without links
	Inode int64  `toml:"inode"` // of it; 0 where the system has none

	Copies []Copy `toml:"copies,omitempty"`
}

// Copy is one copying of a clone: actors made before it are other ones since.
type Copy struct {
	ID   string `toml:"id"`
	Time int64  `toml:"time"` // when it was noticed, in milliseconds since the epoch
}

// ClonePlace is the file below our directory dir that Clone is kept in.
func ClonePlace(dir string) string { return filepath.Join(dir, "clone.toml") }

// Here is what a clone with this common git directory is known by now.
func Here(host, commonDir string) (Clone, error) {
	path, err := filepath.EvalSymlinks(commonDir)
	if err != nil {
		return Clone{}, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return Clone{}, err
	}
	return Clone{Host: host, Path: path, Inode: inode(st)}, nil
}

// ReadClone returns what was written down; os.ErrNotExist, wrapped, for nothing
// yet, and *Error for a file that cannot be read.
func ReadClone(dir string) (Clone, error) {
	var c Clone
	path := ClonePlace(dir)
	text, err := atomicfile.Read(path)
	if err != nil {
		return c, err
	}
	if _, err := scan(string(text)); err != nil {
		return c, file{name: path}.fault(string(text), err)
	}
	if _, err := toml.Decode(string(text), &c); err != nil {
		return c, file{name: path}.fault(string(text), err)
	}
	return c, nil
}

// IsCopy reports whether a clone that was known as c and is now known as here is a
// copy: fewer than two of the three are as before.
func (c Clone) IsCopy(here Clone) bool {
	same := 0
	for _, ok := range []bool{c.Host == here.Host, c.Path == here.Path, c.Inode == here.Inode} {
		if ok {
			same++
		}
	}
	return same < 2
}

// Write writes down what a clone is known by. The caller holds its file lock.
func (c Clone) Write(dir string) error {
	text, err := toml.Marshal(c)
	if err != nil {
		return err
	}
	if st, err := os.Lstat(dir); err == nil && !st.IsDir() {
		return &Error{File: dir, Fault: "is not a directory"}
	}
	return atomicfile.Write(ClonePlace(dir), text, 0o666)
}

// Settle compares what was written down with here and returns what holds from now
// on, which the caller writes when changed: with one more Copy when this is one.
// The first time, and where a clone was moved, that is here itself.
func Settle(dir string, here Clone, now time.Time) (c Clone, changed, copied bool, err error) {
	was, err := ReadClone(dir)
	if errors.Is(err, os.ErrNotExist) {
		return here, true, false, nil
	}
	if err != nil {
		return here, false, false, fmt.Errorf("find out whether this clone is a copy: %w", err)
	}
	here.Copies = was.Copies
	if was.IsCopy(here) {
		here.Copies = append(here.Copies[:len(here.Copies):len(here.Copies)], Copy{ID: NewID(), Time: now.UnixMilli()})
		return here, true, true, nil
	}
	changed = was.Host != here.Host || was.Path != here.Path || was.Inode != here.Inode
	return here, changed, false, nil
}

// Adopt makes the latest copy the former clone again, for a user who knows that
// the other one is gone.
func (c Clone) Adopt() Clone {
	c.Copies = c.Copies[:max(len(c.Copies)-1, 0)]
	return c
}

// copied is the actor that one with a file is in this clone: each copying of the
// clone since it was made makes another one of it.
func (a Actors) copied(actor Actor) Actor {
	if actor.origin == "" {
		actor.origin = actor.ID
	}
	for _, c := range a.Copies {
		if actor.Created.UnixMilli() > c.Time {
			continue
		}
		actor.ID = Derive(actor.ID, c.ID)
		actor.DataDir = a.dataDir(actor.ID)
		if actor.Label != "" {
			actor.Label += "/copy-" + c.ID[:min(4, len(c.ID))]
		}
	}
	return actor
}

// copiedAt is a moment after the latest copying.
func (a Actors) copiedAt() time.Time {
	return time.UnixMilli(a.Copies[len(a.Copies)-1].Time + 1)
}
