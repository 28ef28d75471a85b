package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/lock"
)

// Where an actor comes from, as "actor current" names it.
const (
	sourceFlag     = "flag"
	sourceEnv      = "env"
	sourceWorktree = "worktree"
	sourceDefault  = "repo_default"
	sourceAuto     = "auto" // made just now
)

// errNobody is the lack of an actor that a command which takes a lock would
// make: such an actor holds nothing yet.
var errNobody = fmt.Errorf("%w in this clone yet", config.ErrNoActor)

func (s *session) actors() config.Actors {
	return config.Actors{Dir: s.dir, Default: s.config.DefaultActor, Worktrees: s.repo.LinkedWorktrees()}
}

// whoever finds the actor of this command and never makes one. The error is
// errNobody when me would make one, else it wraps config.ErrNoActor.
func (s *session) whoever() (config.Actor, string, error) {
	actors := s.actors()
	source := sourceEnv
	if s.fromFlag {
		source = sourceFlag
	}
	switch {
	case s.dataDir != "":
		a, err := config.ReadActor(s.dataDir)
		if errors.Is(err, os.ErrNotExist) {
			err = errNobody
		}
		return a, source, err
	case s.actorName != "":
		a, err := actors.Find(s.actorName)
		if errors.Is(err, config.ErrNoActor) && config.MeansLabel(s.actorName) {
			err = errNobody
		}
		return a, source, err
	}
	if id, err := os.ReadFile(s.worktreeFile()); err == nil {
		a, err := actors.Find(strings.TrimSpace(string(id)))
		return a, sourceWorktree, err
	}
	source = sourceDefault
	find := actors.Base
	if name, linked := s.repo.Linked(); linked {
		source = sourceWorktree
		find = func() (config.Actor, error) { return actors.InWorktree(name) }
	}
	a, err := find()
	if err == config.ErrNoActor {
		err = errNobody
	}
	return a, source, err
}

// worktreeFile holds the id of the actor that "actor use --worktree" chose.
func (s *session) worktreeFile() string { return filepath.Join(s.repo.GitDir, "grite", "actor") }

// me finds the actor of this command and makes one where that is allowed: for a
// label or directory that has none, and as the clone's default. An id that
// nobody has stays config.ErrNoActor.
func (s *session) me(ctx context.Context) (config.Actor, string, error) {
	a, source, err := s.whoever()
	if !errors.Is(err, errNobody) {
		return a, source, err
	}
	label, asDefault := s.actorName, false
	switch {
	case s.dataDir != "":
		label = filepath.Base(s.dataDir)
		if !config.MeansLabel(label) {
			label = "actor-" + label
		}
	case s.actorName == "":
		label, asDefault = s.defaultLabel(ctx), true
	}
	err = s.alone(ctx, func() error {
		if again, src, err := s.whoever(); err == nil { // another process was quicker
			a, source = again, src
			return nil
		}
		made, err := s.makeActor(label, s.dataDir, asDefault)
		if err != nil {
			return err
		}
		s.out.note("Actor %s (%s) made for this clone", printable(made.Label), made.ID.Short())
		a, source, err = s.whoever()
		if source == sourceDefault {
			source = sourceAuto
		}
		return err
	})
	return a, source, err
}

// makeActor makes an actor and, where asked, the clone's default of it. The
// caller holds the clone's file lock.
func (s *session) makeActor(label, dataDir string, asDefault bool) (config.Actor, error) {
	a, err := s.actors().Make(label, dataDir, asDefault, s.env.Now())
	if err != nil || !asDefault {
		return a, err
	}
	return a, s.setDefault(a.ID)
}

func (s *session) setDefault(id lock.Owner) error {
	if err := config.SetDefaultActor(s.dir, string(id)); err != nil {
		return err
	}
	s.config.DefaultActor = id
	return nil
}

// defaultLabel is user.email or, where git has none, the user's name, with a
// number behind it when it is taken.
func (s *session) defaultLabel(ctx context.Context) string {
	label := s.repo.UserEmail(ctx)
	for _, other := range []string{s.env.getenv("USER"), "somebody"} {
		if label == "" || config.CheckText("label", label) != nil || !config.MeansLabel(label) {
			label = other
		}
	}
	list, _ := s.actors().List() // Make says what is wrong with the directory
	taken := map[string]bool{}
	for _, a := range list {
		taken[a.Label] = true
	}
	free := label
	for n := 2; taken[free]; n++ {
		free = fmt.Sprintf("%s-%d", label, n)
	}
	return free
}
