package receive

import (
	"fmt"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/note"
)

// note judges a note to the holder of a lock; "" lets it pass. It is written by
// its asker, and answered by the holder, who changes nothing else of it.
func (j *judgement) note(name string, before, after git.OneFile) string {
	n, err := readNote(name, after)
	if err != nil {
		return err.Error()
	}
	asked, err := readNote(name, before)
	switch {
	case j.may(n.Asker, n.AskerLabel):
		j.claims[n.Asker] = true
	case err == nil && n.Answer != "" && n.SameQuestion(asked) && j.may(n.Holder, n.HolderLabel):
		j.claims[n.Holder] = true
	default:
		return fmt.Sprintf("neither who asks nor who is asked is an actor of %s", j.who())
	}
	return ""
}

func readNote(name string, f git.OneFile) (note.Note, error) {
	switch {
	case f.Err != nil:
		return note.Note{}, f.Err
	case f.Name != note.File:
		return note.Note{}, fmt.Errorf("it holds no %s", note.File)
	}
	return note.Parse(name, f.Content)
}
