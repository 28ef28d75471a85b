package clone

import (
	"context"
	"slices"

	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/note"
	"github.com/git-grite/git-grite/internal/refstore"
)

// Notes is where the notes about the locks of the arbiter are read, which is nil
// where this clone is.
func (c *Clone) Notes(remote *refstore.Remote) note.Box {
	box := note.Box{Repo: c.Repo, Prefix: lock.NotesNamespace}
	if remote != nil {
		box.Prefix = remote.Notes()
	}
	return box
}

// maxHeard is how many notes one command reports at most, of all authors.
const maxHeard = 20

// hear returns the notes that the actor was not told of yet in the caller's form:
// questions about the locks that it holds, and answers to its own. It is the last
// look that it hears of. Notes are not worth failing for.
func (c *Clone) hear(ctx context.Context, at sight, own []lock.Lock) []note.Note {
	if c.form == journal.Silent {
		return nil
	}
	me, held := at.me, map[string]lock.Lock{}
	for _, l := range own {
		if l.Live(c.now()) {
			held[l.Resource.Key()] = l
		}
	}
	self := note.AskerKey(me.ID)
	notes, _, err := c.Notes(at.remote).Read(ctx, func(key, asker string) bool {
		_, mine := held[key]
		return mine || key != "" && asker == self
	})
	if err != nil || len(notes) == 0 {
		return nil
	}
	var events []journal.Event
	for _, n := range notes {
		e := journal.Event{Event: "asked", Other: n.Asker, OtherLabel: n.AskerLabel, Reason: n.Message}
		open := n.Holder == me.ID && n.Answer == "" && n.About(held[n.Resource.Key()])
		if n.Asker == me.ID {
			e = journal.Event{Event: "answered", Other: n.Holder, OtherLabel: n.HolderLabel, Reason: n.Answer}
			open = n.Answer != ""
		}
		if open {
			e.Actor, e.Label, e.Resource, e.Nonce = me.ID, me.Label, n.Resource.String(), n.Version
			events = append(events, e)
		}
	}
	if len(events) == 0 {
		return nil
	}
	fresh := c.journal.Hear(me.ID, c.form, events, maxHeard)
	return slices.DeleteFunc(notes, func(n note.Note) bool { return !fresh[n.Version] })
}
