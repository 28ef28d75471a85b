package config

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"github.com/git-grite/git-grite/internal/lock"
)

// Actor is somebody who can hold locks.
type Actor struct {
	ID       lock.Owner
	Label    string
	DataDir  string
	Worktree string // the linked work tree that a derived actor belongs to
	Created  time.Time
	// Default marks the actor of the person at this clone, as opposed to those
	// made for agents by their label.
	Default bool
}

// Actors are the actors of one clone.
type Actors struct {
	Dir       string     // our directory in the common git directory
	Default   lock.Owner // of the clone's configuration, "" for none
	Worktrees []string   // names of the linked work trees
}

// ErrNoActor is returned, wrapped, for an id or label that no actor has.
var ErrNoActor = errors.New("no such actor")

// MaxText is the longest label or reason, in bytes.
const MaxText = 200

// CheckText tells what is wrong with a label or a reason, in one sentence.
func CheckText(what, s string) error {
	switch {
	case !utf8.ValidString(s):
		return fmt.Errorf("the %s is not valid UTF-8", what)
	case len(s) > MaxText:
		return fmt.Errorf("the %s is %d bytes long; %d are allowed", what, len(s), MaxText)
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("the %s has a control character in it", what)
	}
	return nil
}

// checkLabel tells what is wrong with a label for a new actor.
func checkLabel(label string) error {
	if strings.TrimSpace(label) == "" {
		return errors.New("the label is empty")
	}
	if looksLikeID(label) {
		return fmt.Errorf("the label %q looks like an actor's id; choose one that is not all hex digits", label)
	}
	return CheckText("label", label)
}

// looksLikeID tells whether s is meant as an id or the beginning of one.
func looksLikeID(s string) bool {
	return len(s) >= 8 && len(s) <= 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// Derive is the actor of a linked work tree: the same one whenever a work tree
// of this name is made in this clone, without anything being written.
func Derive(base lock.Owner, worktree string) lock.Owner {
	sum := sha256.Sum256([]byte(string(base) + "\x00" + worktree))
	return lock.Owner(hex.EncodeToString(sum[:16]))
}

// List returns the actors of the clone, oldest first, then those derived for
// its linked work trees.
func (a Actors) List() ([]Actor, error) {
	dirs, err := os.ReadDir(filepath.Join(a.Dir, "actors"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var list []Actor
	for _, d := range dirs {
		if actor, err := readActor(filepath.Join(a.Dir, "actors", d.Name())); err == nil {
			list = append(list, actor)
		}
	}
	slices.SortStableFunc(list, func(x, y Actor) int { return x.Created.Compare(y.Created) })
	if base, ok := a.base(list); ok {
		for _, name := range a.Worktrees {
			list = append(list, a.derived(base, name))
		}
	}
	return list, nil
}

// base is the default actor among list: the configured one or, in a clone whose
// configuration was lost, the latest that was made to be it.
func (a Actors) base(list []Actor) (Actor, bool) {
	for _, actor := range slices.Backward(list) {
		if actor.Worktree == "" && (actor.ID == a.Default || a.Default == "" && actor.Default) {
			return actor, true
		}
	}
	return Actor{}, false
}

// Base returns the default actor; ErrNoActor when there is none.
func (a Actors) Base() (Actor, error) {
	if a.Default != "" { // the way of every command: one file
		actor, err := readActor(a.dataDir(a.Default))
		if errors.Is(err, os.ErrNotExist) { // an id is all it takes to hold locks
			return Actor{ID: a.Default, DataDir: a.dataDir(a.Default), Default: true}, nil
		}
		return actor, err
	}
	list, err := a.List()
	if err != nil {
		return Actor{}, err
	}
	if actor, ok := a.base(list); ok {
		return actor, nil
	}
	return Actor{}, ErrNoActor
}

// InWorktree returns the actor derived for a linked work tree; ErrNoActor when
// there is no default actor to derive it from.
func (a Actors) InWorktree(name string) (Actor, error) {
	base, err := a.Base()
	if err != nil {
		return Actor{}, err
	}
	return a.derived(base, name), nil
}

func (a Actors) derived(base Actor, worktree string) Actor {
	id := Derive(base.ID, worktree)
	return Actor{ID: id, Label: strings.TrimPrefix(base.Label+"/"+worktree, "/"), DataDir: a.dataDir(id), Worktree: worktree}
}

// Find returns the actor with the given id, label or unique beginning of an id.
// ErrNoActor is wrapped when nobody has it.
func (a Actors) Find(name string) (Actor, error) {
	list, err := a.List()
	if err != nil {
		return Actor{}, err
	}
	var found []Actor
	for _, actor := range list {
		if string(actor.ID) == name || actor.Label == name {
			return actor, nil
		}
		if len(name) >= 4 && strings.HasPrefix(string(actor.ID), name) {
			found = append(found, actor)
		}
	}
	switch len(found) {
	case 0:
		return Actor{}, fmt.Errorf("%w: %q", ErrNoActor, name)
	case 1:
		return found[0], nil
	}
	return Actor{}, fmt.Errorf("%w: %q is the beginning of %d ids; give more digits", ErrNoActor, name, len(found))
}

// MeansLabel tells whether a name that Find does not know may become the label
// of a new actor; one that looks like an id may not.
func MeansLabel(name string) bool { return !looksLikeID(name) }

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
	raw := make([]byte, 16)
	rand.Read(raw) // never fails
	actor := Actor{ID: lock.Owner(hex.EncodeToString(raw)), Label: label, DataDir: dataDir, Created: now, Default: asDefault}
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
	return actor, actor.write()
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
}

// ReadActor reads the actor of a data directory; os.ErrNotExist (wrapped) when
// there is none.
func ReadActor(dataDir string) (Actor, error) { return readActor(dataDir) }

func readActor(dataDir string) (Actor, error) {
	path := filepath.Join(dataDir, "config.toml")
	text, err := os.ReadFile(path)
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
	return Actor{ID: lock.Owner(f.ActorID), Label: f.Label, DataDir: dataDir, Created: time.UnixMilli(f.CreatedTS), Default: f.Default}, nil
}

func (actor Actor) write() error {
	if err := os.MkdirAll(actor.DataDir, 0o777); err != nil {
		return err
	}
	text, err := toml.Marshal(actorFile{
		ActorID: string(actor.ID), Label: actor.Label, CreatedTS: actor.Created.UnixMilli(), Default: actor.Default,
	})
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(actor.DataDir, "config.toml"), text)
}
