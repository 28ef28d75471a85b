package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/git-grite/git-grite/internal/tracker"
	"github.com/git-grite/git-grite/internal/wal"
	"github.com/git-grite/git-grite/internal/wire"
)

func newDeinit() *command {
	return &command{name: "deinit", usage: "release the locks you hold and remove what git-grite has in this clone", run: runDeinit}
}

// deinitJSON is the data of deinit.
type deinitJSON struct {
	Released []wire.Lock `json:"released"`
	Removed  []string    `json:"removed"`
	Kept     []wire.Lock `json:"kept"` // of actors that are not of this clone
	// IssueLog is the head of the issue log, which stays.
	IssueLog string `json:"issue_log,omitempty"`
}

func runDeinit(ctx context.Context, c *call) (result, error) {
	cl, _, err := c.openAnyway(ctx) // a broken configuration is no reason to keep it
	if err != nil {
		return result{}, err
	}
	if !cl.SetUpBefore() {
		return result{data: deinitJSON{Released: []wire.Lock{}, Removed: []string{}, Kept: []wire.Lock{}}, text: func(w io.Writer) {
			fmt.Fprintln(w, "Nothing to remove: git-grite is not set up in this clone")
		}}, nil
	}
	changes, err := uninstallHooks(ctx, cl.Repo)
	if err != nil {
		return result{}, err
	}
	left, err := cl.Leave(ctx)
	for _, why := range left.Unreleased {
		c.out.note(wire.NotDone, "%s; locks there end by themselves", wire.Printable(why.Error()))
	}
	if err != nil {
		return result{}, err
	}
	log, err := tracker.Forget(ctx, cl)
	if err != nil {
		return result{}, err
	}
	r := wire.Reader{Now: c.Now()}
	data := deinitJSON{Released: r.Locks(left.Released), Kept: r.Locks(left.Kept), Removed: append([]string{}, left.Removed...), IssueLog: log}
	for _, h := range changes {
		if h.Did == "removed" || h.Did == "restored" {
			data.Removed = append(data.Removed, h.Path)
		}
	}
	return result{data: data, text: func(w io.Writer) {
		for _, l := range left.Released {
			fmt.Fprintf(w, "Released %s\n", wire.Name(l))
		}
		for _, path := range data.Removed {
			fmt.Fprintf(w, "Removed %s\n", path)
		}
		for _, l := range left.Kept {
			fmt.Fprintf(w, "Kept the lock of %s on %s\n", wire.Printable(l.Holder()), wire.Name(l))
		}
		if log != "" {
			fmt.Fprintf(w, "Kept the issues, %s; to delete them here: git update-ref -d %[1]s\n", wal.Ref)
		}
	}}, nil
}
