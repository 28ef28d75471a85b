package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/ask"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/note"
	"github.com/git-grite/git-grite/internal/wire"
)

type askOptions struct {
	resources texts
	message   string
	wait      optional
}

func newAsk() *command {
	var o askOptions
	return &command{
		name: "ask", args: "[PATH]", usage: "ask the holder of a lock",
		flags: []cli.Flag{
			resourceFlag(&o.resources),
			stringFlag(&o.message, "message", "`TEXT` for the holder, one line"),
			optionalFlag(&o.wait, "wait", "how long to wait for the answer, a `DURATION`"),
		},
		run: withLocks(func(ctx context.Context, c *call, cl *clone.Clone) (result, error) { return runAsk(ctx, c, cl, o) }),
	}
}

func runAsk(ctx context.Context, c *call, cl *clone.Clone, o askOptions) (result, error) {
	resource, err := c.oneResource(ctx, cl, o.resources)
	if err != nil {
		return result{}, err
	}
	q := ask.Request{Resource: resource, Message: o.message}
	if err := c.message(o.message); err != nil {
		return result{}, err
	}
	if o.wait.given && o.wait.text != "0" {
		if q.Wait, err = lock.ParseDuration(o.wait.text); err != nil {
			return result{}, usagef("--wait %v", err)
		}
		q.Waiting = func(notes []note.Note) {
			for _, n := range notes {
				if !c.out.json && !c.out.quiet {
					c.out.say("waiting for an answer of %s about %s", wire.NoteHolder(n), wire.Printable(n.Resource.String()))
				}
			}
		}
	}
	done, err := ask.Ask(ctx, cl, q)
	c.report(done.Report, done.Replied())
	again := c.again(clone.AcquireRequest{Resources: []lock.Resource{q.Resource}}, acquireOptions{})
	switch refused := err.(type) {
	case nil:
	case *ask.NobodyError:
		return result{}, &unheldError{refused, again}
	case *ask.SilenceError:
		return result{}, &silentError{refused, again}
	default:
		return result{}, err
	}
	return result{data: c.reader(done.Actor).Asked(done, q.Wait > 0), text: func(w io.Writer) {
		for _, n := range done.Notes {
			fmt.Fprintf(w, "Asked\n  Resource: %s\n  Holder: %s\n", wire.Printable(n.Resource.String()), wire.NoteHolder(n))
		}
		for _, r := range done.Replies {
			printReply(w, r, c.Now())
		}
	}}, nil
}

// report tells what was noticed but for the answers that the result has.
func (c *call) report(r clone.Report, known []note.Note) {
	r.Notes = slices.DeleteFunc(slices.Clone(r.Notes), func(n note.Note) bool {
		return slices.ContainsFunc(known, func(k note.Note) bool { return k.Version == n.Version })
	})
	c.out.report(r)
}

func printReply(w io.Writer, r ask.Reply, now time.Time) {
	name := wire.Printable(r.Note.Resource.String())
	switch {
	case r.Note.Answer != "":
		fmt.Fprintf(w, "Answer\n  Resource: %s\n  From: %s\n  Message: %s\n", name, wire.NoteHolder(r.Note), wire.Printable(r.Note.Answer))
	case r.Lock.Owner != "":
		fmt.Fprintf(w, "Lock renewed\n  Resource: %s\n  Expires: %s\n  Reason: %s\n", name, wire.Until(r.Lock.Expires, now), wire.Printable(r.Lock.Reason))
	default:
		fmt.Fprintf(w, "No longer held by %s\n  Resource: %s\n", wire.NoteHolder(r.Note), name)
	}
}

// oneResource reads the one resource that a command is about.
func (c *call) oneResource(ctx context.Context, cl *clone.Clone, flags texts) (lock.Resource, error) {
	resources, err := c.existing(ctx, cl, flags, false)
	if err != nil {
		return lock.Resource{}, err
	}
	if len(resources) > 1 {
		return lock.Resource{}, &usageError{message: fmt.Sprintf("%s takes one resource, not %d", c.name, len(resources)), hint: c.name + " -h"}
	}
	return resources[0], nil
}

// message refuses what cannot be the text of a note.
func (c *call) message(text string) error {
	if text == "" {
		return &usageError{message: c.name + " needs --message TEXT", hint: c.name + " -h"}
	}
	if err := note.Check("message", text); err != nil {
		return usagef("%v", err)
	}
	return nil
}

// unheldError and silentError are questions that came to nothing, and the command
// line that takes the lock instead.
type (
	unheldError struct {
		*ask.NobodyError
		again string
	}
	silentError struct {
		*ask.SilenceError
		again string
	}
)

func explainNobody(e *unheldError, _ time.Time) failure {
	return failure{message: wire.Printable(e.Error()), hints: []string{e.again}}
}

func explainSilence(e *silentError, now time.Time) failure {
	return failure{message: wire.Printable(e.Error()), data: wire.Reader{Owner: e.Asked.Notes[0].Asker}.Asked(e.Asked, true),
		hints: []string{e.again + " --wait " + wire.WaitFor(e.Free.Sub(now))}}
}
