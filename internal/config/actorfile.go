package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/lock"
)

// LabelError is a label that cannot be given.
type LabelError struct{ err error }

func (e *LabelError) Error() string { return e.err.Error() }

// Make makes an actor in dataDir, or in its ordinary place when that is "". The
// caller holds the clone's file lock. It returns *LabelError for a bad or taken
// label.
func (a Actors) Make(label, dataDir string, asDefault bool, now time.Time) (Actor, error) {
	if err := a.free(label, ""); err != nil {
		return Actor{}, err
	}
	id := lock.Owner(NewID())
	actor := Actor{ID: id, origin: id, Label: label, DataDir: dataDir, Created: now, Default: asDefault}
	if dataDir == "" {
		actor.DataDir = a.dataDir(actor.ID)
	}
	return actor, actor.write()
}

// Relabel gives an actor another label. The caller holds the clone's file lock.
// It returns *LabelError for a bad or taken label.
func (a Actors) Relabel(actor Actor, label string) (Actor, error) {
	if err := a.free(label, actor.ID); err != nil {
		return Actor{}, err
	}
	actor.Label = label
	if actor.origin != actor.ID && len(a.Copies) > 0 {
		actor.Created = a.copiedAt()
	}
	return actor, actor.write()
}

// Record writes down a derived actor, once, so that its label is known when its
// work tree or session is gone. The caller holds the clone's file lock.
func (a Actors) Record(actor Actor, now time.Time) error {
	if _, err := readActor(actor.DataDir); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	actor.Created = now
	return actor.write()
}

// free returns *LabelError unless label may be given to the actor with this id.
func (a Actors) free(label string, id lock.Owner) error {
	if err := checkLabel(label); err != nil {
		return &LabelError{err}
	}
	list, err := a.List()
	if err != nil {
		return err
	}
	for _, other := range list {
		if other.Label == label && other.ID != id {
			return &LabelError{fmt.Errorf("the label %q already belongs to actor %s; choose another one, or use that actor", label, other.ID)}
		}
	}
	return nil
}

func (a Actors) dataDir(id lock.Owner) string { return filepath.Join(a.Dir, "actors", string(id)) }

// actorFile is config.toml in an actor's directory.
type actorFile struct {
	ActorID   string `toml:"actor_id"`
	Label     string `toml:"label"`
	CreatedTS int64  `toml:"created_ts"` // milliseconds since the epoch
	Default   bool   `toml:"default,omitempty"`
	Worktree  string `toml:"worktree,omitempty"`
}

// ReadActor reads the actor of a data directory; os.ErrNotExist (wrapped) when
// there is none.
func ReadActor(dataDir string) (Actor, error) { return readActor(dataDir) }

func readActor(dataDir string) (Actor, error) {
	path := filepath.Join(dataDir, "config.toml")
	text, err := atomicfile.Read(path)
	if err != nil {
		return Actor{}, err
	}
	var f actorFile
	if _, err := toml.Decode(string(text), &f); err != nil {
		return Actor{}, file{name: path}.fault(string(text), err)
	}
	if !lock.Owner(f.ActorID).Valid() {
		return Actor{}, &Error{File: path, Key: "actor_id", Fault: "must be 32 lowercase hex digits"}
	}
	id := lock.Owner(f.ActorID)
	return Actor{ID: id, origin: id, Label: f.Label, DataDir: dataDir, Created: time.UnixMilli(f.CreatedTS), Default: f.Default, Worktree: f.Worktree}, nil
}

func (actor Actor) write() error {
	if err := atomicfile.Mkdir(actor.DataDir); err != nil {
		return err
	}
	text, err := toml.Marshal(actorFile{
		ActorID: string(actor.ID), Label: actor.Label, CreatedTS: actor.Created.UnixMilli(), Default: actor.Default, Worktree: actor.Worktree,
	})
	if err != nil {
		return err
	}
	if err = atomicfile.Write(filepath.Join(actor.DataDir, "config.toml"), text, 0o666); err != nil {
		_ = os.Remove(actor.DataDir) // which is empty, if it was made just now
	}
	return err
}

// Remove forgets an actor and deletes what is kept of it. The caller holds the
// clone's file lock and has made sure that the actor holds nothing. The default
// actor and one that is kept elsewhere are refused with *RemoveError.
func (a Actors) Remove(actor Actor) error {
	switch {
	case actor.origin == a.Default || actor.ID == a.Default:
		return &RemoveError{actor, "is the default actor of this clone; choose another one first: git grite actor use ID"}
	case !actor.ID.Valid() || filepath.Dir(actor.DataDir) != filepath.Join(a.Dir, "actors"):
		return &RemoveError{actor, "is kept in " + actor.DataDir + "; delete that"}
	}
	dirs := []string{a.dataDir(actor.ID)}
	if actor.origin != "" && actor.origin != actor.ID {
		dirs = append(dirs, a.dataDir(actor.origin))
	}
	for _, dir := range dirs {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// RemoveError is an actor that is not removed.
type RemoveError struct {
	Actor Actor
	fault string
}

func (e *RemoveError) Error() string {
	return fmt.Sprintf("actor %s (%s) %s", e.Actor.Label, e.Actor.ID.Short(), e.fault)
}
