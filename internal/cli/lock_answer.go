package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/ask"
	"github.com/git-grite/git-grite/internal/clone"
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
		run: withLocks(func(ctx context.Context, c *call, cl *clone.Clone) (result, error) { return runAnswer(ctx, c, cl, o) }),
	}
}

func runAnswer(ctx context.Context, c *call, cl *clone.Clone, o answerOptions) (result, error) {
	resource, err := c.oneResource(ctx, cl, o.resources)
	if err != nil {
		return result{}, err
	}
	a := ask.Answer{Resource: resource, Message: o.message}
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
