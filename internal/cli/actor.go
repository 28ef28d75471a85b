package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/wire"
)

// actorJSON is an actor as programs see it.
type actorJSON struct {
	ActorID  lock.Owner   `json:"actor_id"`
	Label    string       `json:"label"`
	DataDir  string       `json:"data_dir"`
	Worktree string       `json:"worktree,omitempty"`
	Default  bool         `json:"default,omitempty"`
	Current  bool         `json:"current,omitempty"` // of this command
	Gone     bool         `json:"gone,omitempty"`    // its work tree is
	Source   clone.Source `json:"source,omitempty"`
}

func newActorJSON(a config.Actor) actorJSON {
	return actorJSON{ActorID: a.ID, Label: a.Label, DataDir: a.DataDir, Worktree: a.Worktree, Gone: a.Gone}
}

// showActor is the result of the commands about one actor.
func showActor(title string, a config.Actor, source clone.Source) result {
	data := newActorJSON(a)
	data.Source = source
	return result{data: data, text: func(w io.Writer) {
		fmt.Fprintf(w, "%s\n  Actor: %s\n  Label: %s\n  Directory: %s\n", title, a.ID, wire.Printable(a.Label), a.DataDir)
		if a.Worktree != "" {
			fmt.Fprintf(w, "  Work tree: %s\n", wire.Printable(a.Worktree))
		}
		if source != "" {
			fmt.Fprintf(w, "  Chosen by: %s\n", chosenBy(source))
		}
	}}
}

// chosenBy says in words where an actor comes from.
func chosenBy(s clone.Source) string {
	switch s {
	case clone.FromFlag:
		return "the command line"
	case clone.FromEnv:
		return "the environment (GRITE_ACTOR or GRITE_HOME)"
	case clone.FromWorktree:
		return "this work tree"
	case clone.FromDefault:
		return "this clone's default"
	case clone.FromAuto:
		return "nothing; made just now"
	}
	return string(s) // a session: AGENTS.md has agents look for the word
}

func newActorInit() *command {
	var label optional
	return &command{name: "init", usage: "create one more actor", flags: []cli.Flag{labelFlag(&label)},
		run: inClone(func(ctx context.Context, c *call, cl *clone.Clone) (result, error) {
			made, err := cl.NewActor(ctx, pointer(label))
			if err != nil {
				return result{}, err
			}
			return showActor("Actor made", made, ""), nil
		})}
}

// pointer is the value of a flag, nil when it was not given.
func pointer(o optional) *string {
	if !o.given {
		return nil
	}
	return &o.text
}

func newActorList() *command {
	return &command{name: "list", usage: "list the actors of this clone", run: inClone(runActorList)}
}

func runActorList(ctx context.Context, c *call, cl *clone.Clone) (result, error) {
	list, err := cl.Actors().List()
	if err != nil {
		return result{}, err
	}
	base, _ := cl.Actors().Base() // without one nothing is marked
	me, _ := cl.Actor()
	actors := make([]actorJSON, 0, len(list))
	for _, a := range list {
		j := newActorJSON(a)
		j.Default, j.Current = a.ID == base.ID, a.ID == me.ID
		actors = append(actors, j)
	}
	return result{data: map[string]any{"actors": actors}, text: func(w io.Writer) {
		for _, a := range actors {
			mark, more := " ", ""
			if a.Current {
				mark = "*"
			} else if a.Default {
				more = "  (default)"
			}
			if a.Gone {
				more = "  (its work tree is gone)"
			}
			fmt.Fprintf(w, "%s %s  %s%s\n", mark, a.ActorID, wire.Printable(a.Label), more)
		}
		if len(actors) == 0 {
			fmt.Fprintln(w, "No actors yet: git grite init makes one")
		}
	}}, nil
}

func newActorShow() *command {
	return &command{name: "show", args: "[ID]", usage: "show an actor, or the current one", run: runActorShow}
}

func runActorShow(ctx context.Context, c *call) (result, error) {
	if len(c.args) > 1 {
		return result{}, usagef("actor show takes one ID or label")
	}
	cl, err := c.open(ctx)
	if err != nil {
		return result{}, err
	}
	if len(c.args) == 1 {
		a, err := cl.Actors().Find(c.args[0])
		if err != nil {
			return result{}, err
		}
		return showActor("Actor", a, ""), nil
	}
	me, err := cl.Actor()
	if err != nil {
		return result{}, err
	}
	return showActor("Actor", me.Actor, ""), nil
}

func newActorCurrent() *command {
	return &command{name: "current", usage: "show who acts here, and why", run: inClone(func(ctx context.Context, c *call, cl *clone.Clone) (result, error) {
		me, err := cl.ActorOrDefault(ctx)
		if err != nil {
			return result{}, err
		}
		c.out.report(clone.Report{Actor: me})
		return showActor("Current actor", me.Actor, me.Source), nil
	})}
}

func newActorAdopt() *command {
	return &command{name: "adopt", usage: "give a copied clone the actors of the original, which is gone",
		run: inClone(func(ctx context.Context, _ *call, cl *clone.Clone) (result, error) {
			if err := cl.Adopt(ctx); err != nil {
				return result{}, err
			}
			me, err := cl.Actor()
			return showActor("Actor adopted", me.Actor, me.Source), err
		})}
}

func newActorUse() *command {
	var worktree bool
	return &command{name: "use", args: "ID", usage: "make an actor the default of this clone",
		flags: []cli.Flag{boolFlag(&worktree, "worktree", "only in this work tree")},
		run: func(ctx context.Context, c *call) (result, error) {
			if len(c.args) != 1 {
				return result{}, usagef("actor use takes one ID or label")
			}
			cl, err := c.open(ctx)
			if err != nil {
				return result{}, err
			}
			a, err := cl.Actors().Find(c.args[0])
			if err == nil {
				err = cl.UseActor(ctx, a.ID, worktree)
			}
			if err != nil {
				return result{}, err
			}
			where := "this clone"
			if worktree {
				where = "this work tree"
			}
			return showActor("Actor of "+where, a, ""), nil
		}}
}

func newActorRm() *command {
	return &command{name: "rm", args: "ID", usage: "forget an actor that holds nothing", run: func(ctx context.Context, c *call) (result, error) {
		if len(c.args) != 1 {
			return result{}, usagef("actor rm takes one ID or label")
		}
		cl, err := c.open(ctx)
		if err != nil {
			return result{}, err
		}
		a, err := cl.Actors().FindHolder(c.args[0])
		if err == nil {
			err = cl.RemoveActor(ctx, a, lookTimeout)
		}
		if err != nil {
			return result{}, err
		}
		return showActor("Actor forgotten", a, ""), nil
	}}
}

func explainHolds(e *clone.HoldsError, now time.Time) failure {
	f := failure{message: wire.Printable(e.Error()), details: map[string]any{"locks": wire.Reader{Now: now}.Locks(e.Locks)}}
	for _, l := range e.Locks {
		f.lines = append(f.lines, wire.Name(l)+" until "+wire.Timestamp(l.Expires))
	}
	f.hints = []string{"git grite lock release --mine --actor " + string(e.Actor.ID)}
	return f
}
