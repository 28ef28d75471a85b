package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/lock"
)

func actorCommand() *command {
	return &command{name: "actor", usage: "who holds locks", subcommands: []*command{
		{name: "init", usage: "make one more actor", run: runActorInit, flags: []cli.Flag{labelFlag()}},
		{name: "list", usage: "list the actors of this clone", run: runActorList},
		{name: "show", args: "[ID]", usage: "show an actor, or the current one", run: runActorShow},
		{name: "current", usage: "show who acts here, and why", run: runActorCurrent},
		{name: "use", args: "ID", usage: "make an actor the default of this clone", run: runActorUse, flags: []cli.Flag{
			&cli.BoolFlag{Name: "worktree", Usage: "of this work tree only"},
		}},
	}}
}

func labelFlag() cli.Flag {
	return &cli.StringFlag{Name: "label", Usage: "`NAME` for people; user.email by default"}
}

// actorJSON is an actor as programs see it.
type actorJSON struct {
	ActorID  lock.Owner `json:"actor_id"`
	Label    string     `json:"label"`
	DataDir  string     `json:"data_dir"`
	Worktree string     `json:"worktree,omitempty"`
	Default  bool       `json:"default,omitempty"`
	Source   string     `json:"source,omitempty"`
}

func newActorJSON(a config.Actor) actorJSON {
	return actorJSON{ActorID: a.ID, Label: a.Label, DataDir: a.DataDir, Worktree: a.Worktree}
}

// showActor is the result of the commands about one actor.
func showActor(title string, a config.Actor, source string) result {
	data := newActorJSON(a)
	data.Source = source
	return result{data: data, text: func(w io.Writer) {
		fmt.Fprintf(w, "%s\n  Actor: %s\n  Label: %s\n  Directory: %s\n", title, a.ID, printable(a.Label), a.DataDir)
		if a.Worktree != "" {
			fmt.Fprintf(w, "  Work tree: %s\n", printable(a.Worktree))
		}
		if source != "" {
			fmt.Fprintf(w, "  Chosen by: %s\n", source)
		}
	}}
}

func runActorInit(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	var made config.Actor
	err = s.alone(ctx, func() error {
		label := cc.String("label")
		if !cc.IsSet("label") {
			label = s.defaultLabel(ctx)
		}
		_, err := s.actors().Base()
		if err != nil && !errors.Is(err, config.ErrNoActor) {
			return err
		}
		made, err = s.makeActor(label, s.dataDir, err != nil && s.dataDir == "")
		return err
	})
	if err != nil {
		return result{}, err
	}
	return showActor("Actor made", made, ""), nil
}

func runActorList(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	list, err := s.actors().List()
	if err != nil {
		return result{}, err
	}
	base, _ := s.actors().Base() // without one nothing is marked
	actors := make([]actorJSON, 0, len(list))
	for _, a := range list {
		j := newActorJSON(a)
		j.Default = a.ID == base.ID
		actors = append(actors, j)
	}
	return result{data: map[string]any{"actors": actors}, text: func(w io.Writer) {
		for _, a := range actors {
			mark := " "
			if a.Default {
				mark = "*"
			}
			fmt.Fprintf(w, "%s %s  %s\n", mark, a.ActorID, printable(a.Label))
		}
		if len(actors) == 0 {
			fmt.Fprintln(w, "No actors yet: git grite init makes one")
		}
	}}, nil
}

func runActorShow(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if cc.NArg() > 1 {
		return result{}, usagef("actor show takes one ID or label")
	}
	var a config.Actor
	if cc.NArg() == 1 {
		a, err = s.actors().Find(cc.Args().First())
	} else {
		a, _, err = s.whoever()
	}
	if err != nil {
		return result{}, err
	}
	return showActor("Actor", a, ""), nil
}

func runActorCurrent(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if err := noArgs(cc); err != nil {
		return result{}, err
	}
	a, source, err := s.me(ctx)
	if err != nil {
		return result{}, err
	}
	return showActor("Current actor", a, source), nil
}

func runActorUse(ctx context.Context, env Env, out *printer, cc *cli.Context) (result, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return result{}, err
	}
	if cc.NArg() != 1 {
		return result{}, usagef("actor use takes one ID or label")
	}
	a, err := s.actors().Find(cc.Args().First())
	if err != nil {
		return result{}, err
	}
	where := "this clone"
	err = s.alone(ctx, func() error {
		if cc.Bool("worktree") {
			where = "this work tree"
			if err := os.MkdirAll(filepath.Dir(s.worktreeFile()), 0o777); err != nil {
				return err
			}
			return os.WriteFile(s.worktreeFile(), []byte(string(a.ID)+"\n"), 0o666)
		}
		return s.setDefault(a.ID)
	})
	if err != nil {
		return result{}, err
	}
	return showActor("Actor of "+where, a, ""), nil
}
