package wire

import (
	"fmt"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/ask"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/note"
)

// Notes is the data of ask and answer.
type Notes struct {
	Notes   []note.Record `json:"notes"`
	Replies []Reply       `json:"replies,omitzero"` // of ask --wait: there, if empty
}

// NotesOf makes the objects of notes, never nil.
func NotesOf(notes []note.Note) []note.Record {
	out := make([]note.Record, 0, len(notes))
	for _, n := range notes {
		out = append(out, n.Record())
	}
	return out
}

// Reply is how a holder reacted: it answered, gave its lock another reason, or
// holds it no longer.
type Reply struct {
	note.Record
	Kind string `json:"kind"`           // answered, renewed, free
	Lock *Lock  `json:"lock,omitempty"` // renewed
}

// Asked makes the object of a question; waited says that answers were waited for.
func (r Reader) Asked(a ask.Asked, waited bool) Notes {
	j := Notes{Notes: NotesOf(a.Notes)}
	if waited {
		j.Replies = []Reply{}
	}
	for _, reply := range a.Replies {
		o := Reply{Record: reply.Note.Record(), Kind: "free"}
		switch {
		case reply.Note.Answer != "":
			o.Kind = "answered"
		case reply.Lock.Owner != "":
			l := r.Lock(reply.Lock)
			o.Kind, o.Lock = "renewed", &l
		}
		j.Replies = append(j.Replies, o)
	}
	return j
}

// maxNotes is how many notes are told one by one.
const maxNotes = 5

// notes are the notices of a report's notes.
func notes(r clone.Report, now time.Time) (notices []Notice) {
	for i, n := range r.Notes {
		if i == maxNotes {
			return append(notices, Notice{Kind: Message, Message: fmt.Sprintf("%d more messages about locks: git grite lock log", len(r.Notes)-maxNotes)})
		}
		j := n.Record()
		notices = append(notices, Notice{Kind: Message, Note: &j, Message: noteMessage(n, r.Actor.ID, now)})
	}
	return notices
}

// quote shows where the text of another actor begins and ends, whatever is in it.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(Printable(s)) + `"`
}

// noteMessage quotes what another actor wrote, so that it is seen to be no words
// of ours.
func noteMessage(n note.Note, me lock.Owner, now time.Time) string {
	name := Printable(n.Resource.String())
	if n.Asker == me {
		return fmt.Sprintf("%s answers about %s, %s ago: %s", NoteHolder(n), name, Span(now.Sub(n.Answered)), quote(n.Answer))
	}
	wants := ""
	if n.Wanted.String() != n.Resource.String() {
		wants = " and wants " + Printable(n.Wanted.String())
	}
	return fmt.Sprintf("%s asks about your lock on %s%s, %s ago: %s; git grite lock answer -r %s --message TEXT",
		NoteAsker(n), name, wants, Span(now.Sub(n.Asked)), quote(n.Message), ShellQuote(n.Resource.String()))
}

// NoteHolder and NoteAsker name the two actors of a note.
func NoteHolder(n note.Note) string { return Printable(ask.Name(n.Holder, n.HolderLabel)) }

// NoteAsker is NoteHolder for the other one.
func NoteAsker(n note.Note) string { return Printable(ask.Name(n.Asker, n.AskerLabel)) }
