package config

import (
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

	"github.com/git-grite/git-grite/internal/lock"
)

// Actor is who holds locks.
type Actor struct {
	ID       lock.Owner
	Label    string
	DataDir  string
	Worktree string // the linked work tree that a derived actor belongs to
	Gone     bool   // that work tree is there no more
	Created  time.Time
	// Default marks the actor of the person at this clone, as opposed to those
	// made for agents by their label.
	Default bool

	origin lock.Owner // in a copied clone the actor that this one is derived from, else its own id
}

// Actors are the actors of one clone.
type Actors struct {
	Dir       string     // our directory in the common git directory
	Default   lock.Owner // of the clone's configuration, "" for none
	Worktrees []string   // names of the linked work trees
	Copies    []Copy     // how this clone was copied, the earliest first
}

// ErrNoActor is wrapped for an id or label that no actor has.
var ErrNoActor = errors.New("no such actor")

// UnknownActorError is a name that no actor has. It wraps ErrNoActor.
type UnknownActorError struct {
	Name    string
	Matches int    // how many actors it is the beginning of
	Nearest string // the label that was most likely meant, or ""
}

func (e *UnknownActorError) Unwrap() error { return ErrNoActor }

func (e *UnknownActorError) Error() string {
	switch {
	case e.Matches > 1:
		return fmt.Sprintf("%v: %q is the beginning of %d of them; give more of it", ErrNoActor, e.Name, e.Matches)
	case e.Nearest != "":
		return fmt.Sprintf("%v: %q; did you mean %q?", ErrNoActor, e.Name, e.Nearest)
	}
	return fmt.Sprintf("%v: %q", ErrNoActor, e.Name)
}

// MaxText is the longest label or reason, in bytes.
const MaxText = 200

// CheckText says what is wrong with a label or a reason, in one sentence.
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

// checkLabel says what is wrong with a label for a new actor.
func checkLabel(label string) error {
	if strings.TrimSpace(label) == "" {
		return errors.New("the label is empty")
	}
	if looksLikeID(label) {
		return fmt.Errorf("the label %q looks like an actor's id; choose one that is not all hex digits", label)
	}
	return CheckText("label", label)
}

// looksLikeID reports whether s is meant as an id or the beginning of one.
func looksLikeID(s string) bool {
	return len(s) >= 8 && len(s) <= 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// Derive is an actor made from another one and a string, the name of a linked work
// tree or of an agent's session: the same one for the same string, without
// anything being written.
func Derive(base lock.Owner, name string) lock.Owner {
	sum := sha256.Sum256([]byte(string(base) + "\x00" + name))
	return lock.Owner(hex.EncodeToString(sum[:16]))
}

// List returns the actors of the clone, oldest first, then those derived for
// its linked work trees, and those of work trees that are gone.
func (a Actors) List() ([]Actor, error) {
	list, unnamed, err := a.stored()
	if err != nil {
		return nil, err
	}
	base, ok := a.base(list)
	if !ok {
		return append(list, unnamed...), nil
	}
	for _, name := range a.Worktrees {
		actor := a.derived(base, name)
		list = slices.DeleteFunc(list, func(stored Actor) bool { return stored.ID == actor.ID })
		unnamed = slices.DeleteFunc(unnamed, func(stored Actor) bool { return stored.ID == actor.ID })
		list = append(list, actor)
	}
	return append(list, unnamed...), nil
}

// stored returns the actors that have a file, oldest first, and those that have
// only a directory: an actor that was derived leaves nothing else.
func (a Actors) stored() (list, unnamed []Actor, err error) {
	dirs, err := os.ReadDir(filepath.Join(a.Dir, "actors"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	for _, d := range dirs {
		actor, err := a.read(lock.Owner(d.Name()))
		switch {
		case err == nil && actor.Worktree != "" && actor.ID != actor.origin:
			// Of a work tree of the clone that this one is a copy of.
		case err == nil:
			actor.Gone = actor.Worktree != "" && !slices.Contains(a.Worktrees, actor.Worktree)
			list = append(list, actor)
		case errors.Is(err, os.ErrNotExist) && lock.Owner(d.Name()).Valid():
			unnamed = append(unnamed, Actor{ID: lock.Owner(d.Name()), DataDir: filepath.Join(a.Dir, "actors", d.Name()), Gone: true})
		}
	}
	slices.SortStableFunc(list, func(x, y Actor) int { return x.Created.Compare(y.Created) })
	// In a copied clone an actor can have two directories.
	seen := map[lock.Owner]bool{}
	again := func(x Actor) bool { had := seen[x.ID]; seen[x.ID] = true; return had }
	return slices.DeleteFunc(list, again), slices.DeleteFunc(unnamed, again), nil
}

// read reads an actor that has a file here; in a copied clone it is the actor
// derived from it.
func (a Actors) read(id lock.Owner) (Actor, error) {
	actor, err := readActor(a.dataDir(id))
	if err != nil {
		return actor, err
	}
	if actor = a.copied(actor); actor.ID == actor.origin {
		return actor, nil
	}
	if own, err := readActor(actor.DataDir); err == nil { // it was given a label of its own
		actor.Label = own.Label
	}
	return actor, nil
}

// base is the default actor among list: the configured one or, in a clone whose
// configuration was lost, the latest that was made to be it.
func (a Actors) base(list []Actor) (Actor, bool) {
	for _, actor := range slices.Backward(list) {
		if actor.Worktree == "" && (actor.origin == a.Default || a.Default == "" && actor.Default) {
			return actor, true
		}
	}
	return Actor{}, false
}

// Base returns the default actor; ErrNoActor when there is none.
func (a Actors) Base() (Actor, error) {
	if a.Default != "" { // fast path: one file
		actor, err := a.read(a.Default)
		if errors.Is(err, os.ErrNotExist) { // an id is all it takes to hold locks
			return a.copied(Actor{ID: a.Default, DataDir: a.dataDir(a.Default), Default: true}), nil
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

// Session returns the actor of an agent's session, with the label that was
// written down when it first held a lock, or else the given one; ErrNoActor when
// there is no default actor to derive it from.
func (a Actors) Session(name, label string) (Actor, error) {
	base, err := a.Base()
	if err != nil {
		return Actor{}, err
	}
	id := Derive(base.ID, name)
	actor := Actor{ID: id, Label: label, DataDir: a.dataDir(id), origin: id}
	if own, err := readActor(actor.DataDir); err == nil {
		actor.Label, actor.Created = own.Label, own.Created
	}
	return actor, nil
}

func (a Actors) derived(base Actor, worktree string) Actor {
	id := Derive(base.ID, worktree)
	return Actor{ID: id, Label: strings.TrimPrefix(base.Label+"/"+worktree, "/"), DataDir: a.dataDir(id), Worktree: worktree, origin: id}
}

// Find returns the actor with the given id, label or unique beginning of an id.
// The label of a work tree that is gone is found when its actor ever held a lock.
// The error is *UnknownActorError when nobody has the name.
func (a Actors) Find(name string) (Actor, error) { return a.find(name, false) }

// FindHolder is Find for commands that never make an actor: it takes a unique
// beginning of a label too, of at least three letters.
func (a Actors) FindHolder(name string) (Actor, error) { return a.find(name, true) }

func (a Actors) find(name string, byLabel bool) (Actor, error) {
	list, err := a.List()
	if err != nil {
		return Actor{}, err
	}
	var found []Actor
	var labels []string
	for _, actor := range list {
		if name != "" && (string(actor.ID) == name || string(actor.origin) == name || actor.Label == name) {
			return actor, nil
		}
		if len(name) >= 4 && strings.HasPrefix(string(actor.ID), name) || byLabel && len(name) >= 3 && strings.HasPrefix(actor.Label, name) {
			found = append(found, actor)
		}
		if actor.Label != "" {
			labels = append(labels, actor.Label)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	if base, ok := a.base(list); ok {
		if tree, ok := strings.CutPrefix(name, base.Label+"/"); ok && base.Label != "" {
			gone := a.derived(base, tree)
			if st, err := os.Lstat(gone.DataDir); err == nil && st.IsDir() {
				gone.Gone = true
				return gone, nil
			}
		}
	}
	return Actor{}, &UnknownActorError{Name: name, Matches: len(found), Nearest: Nearest(name, labels)}
}

// MeansLabel reports whether a name that Find does not know may become the label
// of a new actor; one that looks like an id may not.
func MeansLabel(name string) bool { return !looksLikeID(name) }
