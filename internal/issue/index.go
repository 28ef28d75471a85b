package issue

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/cbor"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/wal"
)

// Index is what a list of issues needs, and where the events of each are, so
// that neither a list nor one issue costs a look at the whole log.
type Index struct {
	heads   wal.Heads
	entries []entry // sorted by id
}

type entry struct {
	Issue
	exists bool   // false when there are events for it but none that creates it
	chunks []byte // the ids of the chunks with its events, in binary, one after the other
}

// All returns the issues, sorted by id.
func (x *Index) All() []Issue {
	list := make([]Issue, 0, len(x.entries))
	for _, e := range x.entries {
		if e.exists {
			list = append(list, e.Issue)
		}
	}
	return list
}

// MinPrefix is how many digits of an issue's id have to be given at least.
const MinPrefix = 4

// NotFoundError is a prefix that no issue's id has.
type NotFoundError struct{ Prefix string }

func (e *NotFoundError) Error() string { return fmt.Sprintf("no issue %q", e.Prefix) }

// AmbiguousError is a prefix that several issues' ids have.
type AmbiguousError struct {
	Prefix string
	IDs    []wal.IssueID // at most ten of them
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q could be several issues: %s, …", e.Prefix, e.IDs[0])
}

// ErrPrefix is what cannot be the beginning of an issue's id.
var ErrPrefix = fmt.Errorf("an issue is named by the first %d to 32 hex digits of its id", MinPrefix)

// IsPrefix reports whether s could be the beginning of an issue's id.
func IsPrefix(s string) bool {
	return len(s) >= MinPrefix && len(s) <= 32 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// Short is the beginning of an issue's id, of 8 digits or as many as it takes to
// tell it from the others.
func (x *Index) Short(id wal.IssueID) string {
	text, digits := id.String(), 8
	at, found := x.search(id)
	for _, beside := range []int{at - 1, at + 1} {
		if found && beside >= 0 && beside < len(x.entries) {
			other := x.entries[beside].ID.String()
			for digits < len(text) && text[:digits] == other[:digits] {
				digits++
			}
		}
	}
	return text[:digits]
}

// Find returns the issue whose id begins with prefix. It returns *NotFoundError,
// *AmbiguousError and ErrPrefix.
func (x *Index) Find(prefix string) (Issue, error) {
	prefix = strings.ToLower(prefix)
	if !IsPrefix(prefix) {
		return Issue{}, ErrPrefix
	}
	padded, _ := hex.DecodeString(prefix + strings.Repeat("0", 32-len(prefix)))
	at, _ := x.search(wal.IssueID(padded))
	var ids []wal.IssueID
	var found Issue
	for ; at < len(x.entries) && strings.HasPrefix(x.entries[at].ID.String(), prefix) && len(ids) < 10; at++ {
		if x.entries[at].exists {
			found = x.entries[at].Issue
			ids = append(ids, found.ID)
		}
	}
	switch len(ids) {
	case 0:
		return Issue{}, &NotFoundError{prefix}
	case 1:
		return found, nil
	}
	return Issue{}, &AmbiguousError{prefix, ids}
}

func (x *Index) search(id wal.IssueID) (at int, found bool) {
	return slices.BinarySearchFunc(x.entries, id, func(e entry, id wal.IssueID) int {
		return slices.Compare(e.ID[:], id[:])
	})
}

// put replaces entries, or adds them.
func (x *Index) put(entries []entry) {
	var added []entry
	for _, e := range entries {
		if at, found := x.search(e.ID); found {
			x.entries[at] = e
		} else {
			added = append(added, e)
		}
	}
	x.entries = append(x.entries, added...)
	slices.SortFunc(x.entries, func(a, b entry) int { return slices.Compare(a.ID[:], b.ID[:]) })
}

// indexVersion changes with the form of an encoded index and with the rules of
// Fold.
const indexVersion = 1

// encode writes the index for decodeIndex.
func (x *Index) encode() []byte {
	b := cbor.AppendArray(nil, 4)
	b = cbor.AppendUint(b, indexVersion)
	b = cbor.AppendText(cbor.AppendText(b, string(x.heads.Here)), string(x.heads.There))
	b = cbor.AppendArray(b, len(x.entries))
	for _, e := range x.entries {
		b = cbor.AppendArray(b, 11)
		b = cbor.AppendBytes(b, e.ID[:])
		b = cbor.AppendText(b, e.Title)
		b = cbor.AppendText(b, string(e.State))
		for _, list := range [][]string{e.Labels, e.Assignees} {
			b = cbor.AppendArray(b, len(list))
			for _, s := range list {
				b = cbor.AppendText(b, s)
			}
		}
		b = cbor.AppendBytes(b, e.Author[:])
		b = cbor.AppendUint(cbor.AppendUint(b, e.Created), e.Updated)
		b = cbor.AppendUint(b, uint64(e.Comments))
		b = cbor.AppendUint(b, map[bool]uint64{true: 1}[e.exists])
		b = cbor.AppendBytes(b, e.chunks)
	}
	return b
}

var errIndex = errors.New("an index of another version")

func decodeIndex(data []byte) (*Index, error) {
	d := cbor.NewDecoder(data)
	if fields(d, 4); d.Uint() != indexVersion {
		return nil, cmp.Or(d.Err(), errIndex)
	}
	x := &Index{heads: wal.Heads{Here: git.OID(d.Text()), There: git.OID(d.Text())}}
	n := d.Array()
	x.entries = make([]entry, 0, min(n, len(data)/64))
	for ; n > 0 && d.Err() == nil; n-- {
		fields(d, 11)
		var e entry
		copy(e.ID[:], d.Bytes())
		e.Title, e.State = d.Text(), State(d.Text())
		e.Labels, e.Assignees = texts(d), texts(d)
		copy(e.Author[:], d.Bytes())
		e.Created, e.Updated = d.Uint(), d.Uint()
		e.Comments = int(d.Uint())
		e.exists = d.Uint() == 1
		e.chunks = d.Bytes()
		x.entries = append(x.entries, e)
	}
	return x, d.End()
}
