package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/git-grite/git-grite/internal/ask"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/wire"
)

func newGC() *command {
	return &command{name: "gc", usage: "remove expired locks", run: withLocks(runGC)}
}

func runGC(ctx context.Context, c *call, cl *clone.Clone) (result, error) {
	done, err := cl.Collect(ctx)
	c.out.report(done.Report)
	notes := 0
	if err == nil {
		notes, err = ask.Collect(ctx, cl)
	}
	if err != nil {
		return result{}, err
	}
	for _, d := range done.Left[:min(len(done.Left), maxDamage)] {
		c.out.note(wire.Advice, "%s; %s", wire.Printable(d.Err.Error()), wire.Mend(d, ""))
	}
	data := struct {
		ExpiredPruned int `json:"expired_pruned"`
		DamagedPruned int `json:"damaged_pruned"`
		NotesPruned   int `json:"notes_pruned"`
	}{len(done.Expired), len(done.Damaged), notes}
	return result{data: data, text: func(w io.Writer) {
		fmt.Fprintf(w, "Removed %s\n", wire.Count(data.ExpiredPruned, "expired lock"))
		if data.DamagedPruned > 0 {
			fmt.Fprintf(w, "Removed %s\n", wire.Count(data.DamagedPruned, "damaged record"))
		}
		if notes > 0 {
			fmt.Fprintf(w, "Removed %s\n", wire.Count(notes, "note"))
		}
	}}, nil
}
