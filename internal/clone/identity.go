package clone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/keep"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
)

// Source is where an actor comes from, as "actor current" names it.
type Source string

// The sources of actors.
const (
	FromFlag     Source = "flag"
	FromEnv      Source = "env"
	FromWorktree Source = "worktree"
	FromSession  Source = "session" // of a coding agent
	FromDefault  Source = "repo_default"
	FromAuto     Source = "auto" // created just now
)

// Identity is the actor of a command.
type Identity struct {
	config.Actor
	Source Source
	Made   bool // by this command
}

// ErrNobody is returned where there is no actor yet and acquire would create
// one. It wraps [config.ErrNoActor].
var ErrNobody = fmt.Errorf("%w in this clone yet", config.ErrNoActor)

// Actors are the actors of this clone.
func (c *Clone) Actors() config.Actors {
	return config.Actors{Dir: c.files.dir, Default: c.Config.DefaultActor, Worktrees: c.Repo.LinkedWorktrees(), Copies: c.place.Copies}
}

// Actor finds the actor of this command and never creates one. The error is
// ErrNobody where [Clone.ActorOrDefault] would, *config.UnknownActorError for a
// name that nobody has, and wraps config.ErrNoActor in any case.
func (c *Clone) Actor() (Identity, error) { return c.actor(false) }

// actor is Actor; with exact a name is a whole label. Otherwise the beginning of
// one will do that was derived, as those of agents' sessions and work trees are
// (claude/3f2a), and only from a flag: agent-1 in a script's environment must
// never come to act as agent-12.
func (c *Clone) actor(exact bool) (Identity, error) {
	if c.fixed != nil {
		return *c.fixed, nil
	}
	actors := c.Actors()
	source := FromEnv
	if c.who.Flag {
		source = FromFlag
	}
	switch {
	case c.who.DataDir != "":
		a, err := config.ReadActor(c.who.DataDir)
		if errors.Is(err, os.ErrNotExist) {
			err = ErrNobody
		}
		return Identity{Actor: a, Source: source}, err
	case c.who.Name != "":
		find := actors.Find
		if !exact && c.who.Flag && strings.Contains(c.who.Name, "/") {
			find = actors.FindHolder
		}
		a, err := find(c.who.Name)
		return Identity{Actor: a, Source: source}, err
	case c.who.Session != "" && (c.who.Flag || c.Config.AgentIdentity != "off"):
		a, err := actors.Session(c.who.Session, c.who.Label)
		if err == config.ErrNoActor {
			err = ErrNobody
		}
		return Identity{Actor: a, Source: FromSession}, err
	}
	if id, err := atomicfile.Read(c.files.worktree()); err == nil {
		a, err := actors.Find(strings.TrimSpace(string(id)))
		return Identity{Actor: a, Source: FromWorktree}, err
	}
	source = FromDefault
	find := actors.Base
	if name, linked := c.Repo.Linked(); linked {
		source = FromWorktree
		find = func() (config.Actor, error) { return actors.InWorktree(name) }
	}
	a, err := find()
	if err == config.ErrNoActor {
		err = ErrNobody
	}
	return Identity{Actor: a, Source: source}, err
}

// As is the same clone for another of its actors, such as one derived for a
// work tree, which no file describes.
func (c *Clone) As(a config.Actor) *Clone {
	other := *c
	other.fixed = &Identity{Actor: a}
	return &other
}

// InBackground is the same clone for an actor whose locks are renewed while nobody
// looks: it asks for no password, and what it notices is left for the next command
// to tell, and its clock does not go back.
func (c *Clone) InBackground(a config.Actor) *Clone {
	other := c.As(a)
	other.form, other.prompts, other.asked, other.remote = journal.Silent, false, false, nil
	other.now = keep.Steady(c.now)
	other.local = refstore.NewLocal(c.Repo, c.files.dir, other.now)
	other.local.Sign = c.local.Sign
	return other
}

// Yielding is the same clone with a function that is called when a lock is found
// to be lost whose record still keeps others out, before that is removed.
func (c *Clone) Yielding(yield func(lock.Lost)) *Clone {
	other := *c
	other.yield = yield
	return &other
}

// holder is the actor of a verb about locks that exist already: none is created
// for it, and a clone without any actor holds nothing.
func (c *Clone) holder() (Identity, error) {
	me, err := c.Actor()
	if !errors.Is(err, ErrNobody) || c.who.DataDir != "" {
		return me, err
	}
	if c.who.Name == "" {
		return me, nil
	}
	if a, findErr := c.Actors().FindHolder(c.who.Name); findErr == nil {
		return Identity{Actor: a, Source: me.Source}, nil
	}
	return me, err
}

// ActorOrDefault finds the actor of this command and creates the clone's default
// where there is none yet, or the one of a directory that has none.
func (c *Clone) ActorOrDefault(ctx context.Context) (Identity, error) {
	me, err := c.Actor()
	if errors.Is(err, ErrNobody) {
		return c.ActorOrNew(ctx)
	}
	return me, err
}

// ActorOrNew is ActorOrDefault for the commands that make an actor of a label that
// nobody has, so that a name in the environment is all that an agent needs. An id
// that nobody has stays config.ErrNoActor.
func (c *Clone) ActorOrNew(ctx context.Context) (Identity, error) {
	me, err := c.actor(true)
	if err == nil && !c.placed {
		return me, c.alone(ctx, func() error { return nil }) // set up before clones were told apart
	}
	if unknown := (*config.UnknownActorError)(nil); errors.As(err, &unknown) && config.MeansLabel(c.who.Name) {
		err = ErrNobody
	}
	if !errors.Is(err, ErrNobody) {
		return me, err
	}
	label, asDefault := c.who.Name, false
	switch {
	case c.who.DataDir != "":
		label = filepath.Base(c.who.DataDir)
		if !config.MeansLabel(label) {
			label = "actor-" + label
		}
	case c.who.Name == "":
		label, asDefault = c.defaultLabel(ctx), true
	}
	err = c.alone(ctx, func() error {
		again, err := c.actor(true)
		if err == nil { // another process was quicker
			me = again
			return nil
		}
		if _, err := c.newActor(label, c.who.DataDir, asDefault); err != nil {
			return err
		}
		me, err = c.actor(true)
		me.Made = err == nil
		if me.Source == FromDefault {
			me.Source = FromAuto
		}
		return err
	})
	return me, err
}

// NewActor creates one more actor, which becomes the default where there is
// none. A nil label means the default label.
func (c *Clone) NewActor(ctx context.Context, label *string) (made config.Actor, err error) {
	err = c.alone(ctx, func() error {
		if label == nil {
			free := c.defaultLabel(ctx)
			label = &free
		}
		_, err := c.Actors().Base()
		if err != nil && !errors.Is(err, config.ErrNoActor) {
			return err
		}
		made, err = c.newActor(*label, c.who.DataDir, err != nil && c.who.DataDir == "")
		return err
	})
	return made, err
}

// SetUp makes sure that the clone has a default actor and gives it the label
// unless that is nil. It reports whether the actor was created.
func (c *Clone) SetUp(ctx context.Context, label *string) (a config.Actor, made bool, err error) {
	err = c.alone(ctx, func() error {
		a, err = c.Actors().Base()
		made = errors.Is(err, config.ErrNoActor)
		switch {
		case made && label != nil:
			a, err = c.newActor(*label, "", true)
		case made:
			a, err = c.newActor(c.defaultLabel(ctx), "", true)
		case err == nil && label == nil && a.Label == "": // the actor's directory is gone
			a, err = c.Actors().Relabel(a, c.defaultLabel(ctx))
		case err == nil && label != nil && *label != a.Label:
			a, err = c.Actors().Relabel(a, *label)
		}
		if err == nil && c.Config.DefaultActor == "" {
			err = c.setDefault(a.ID)
		}
		return err
	})
	return a, made, err
}

// UseActor makes an actor the default of this clone or, with worktree, of this
// work tree alone.
func (c *Clone) UseActor(ctx context.Context, id lock.Owner, worktree bool) error {
	return c.alone(ctx, func() error {
		if !worktree {
			return c.setDefault(id)
		}
		if err := atomicfile.Mkdir(c.files.private); err != nil {
			return err
		}
		return atomicfile.Write(c.files.worktree(), []byte(string(id)+"\n"), 0o666)
	})
}

// newActor creates an actor and, where asked, makes it the clone's default. The
// caller holds the clone's file lock.
func (c *Clone) newActor(label, dataDir string, asDefault bool) (config.Actor, error) {
	a, err := c.Actors().Make(label, dataDir, asDefault, c.now())
	if err != nil || !asDefault {
		return a, err
	}
	return a, c.setDefault(a.ID)
}

func (c *Clone) setDefault(id lock.Owner) error {
	if err := config.SetDefaultActor(c.files.dir, string(id)); err != nil {
		return err
	}
	c.Config.DefaultActor = id
	return nil
}

// defaultLabel is user.email or, where git has none, the user's name, with a
// number behind it when it is taken.
func (c *Clone) defaultLabel(ctx context.Context) string {
	label := c.Repo.UserEmail(ctx)
	for _, other := range []string{c.who.User, "somebody"} {
		if label == "" || config.CheckText("label", label) != nil || !config.MeansLabel(label) {
			label = other
		}
	}
	list, _ := c.Actors().List() // Make says what is wrong with the directory
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

// Chosen reports whether the caller chose an actor by a flag or the environment.
func (c *Clone) Chosen() bool { return c.who.DataDir != "" || c.who.Name != "" }
