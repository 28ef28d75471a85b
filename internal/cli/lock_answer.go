package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/ask"
	"github.com/git-grite/git-grite/internal/note"
	"github.com/git-grite/git-grite/internal/wire"
)

type answerOptions struct {
	resources   texts
	message, to string
}

func newAnswer() *command {
	var o answerOptions
	return &command{
		name: "answer", args: "[PATH]", usage: "answer those who ask about a lock you hold",
		flags: []cli.Flag{
			resourceFlag(&o.resources),
			stringFlag(&o.message, "message", "`TEXT` for those who asked, one line"),
			stringFlag(&o.to, "to", "only for the actor with this `ID|LABEL`, also once more"),
		},
		run: func(ctx context.Context, c *call) (result, error) { return runAnswer(ctx, c, o) },
	}
}

func runAnswer(ctx context.Context, c *call, o answerOptions) (result, error) {
	cl, err := c.openLocks(ctx)
	if err != nil {
		return result{}, err
	}
	a := ask.Answer{Message: o.message}
	if a.Resource, err = c.oneResource(ctx, cl, o.resources); err != nil {
		return result{}, err
	}
	if err := c.message(o.message); err != nil {
		return result{}, err
	}
	if o.to != "" {
		a.To = func(n note.Note) bool { return n.AskerLabel == o.to || strings.HasPrefix(string(n.Asker), o.to) }
	}
	done, err := a.Reply(ctx, cl)
	c.report(done.Report, nil)
	if err != nil {
		return result{}, err
	}
	return result{data: wire.Notes{Notes: wire.NotesOf(done.Notes)}, text: func(w io.Writer) {
		for _, n := range done.Notes {
			fmt.Fprintf(w, "Answered\n  Resource: %s\n  Asker: %s\n  Asked: %s\n", wire.Printable(n.Resource.String()), wire.NoteAsker(n), wire.Printable(n.Message))
		}
	}}, nil
}
