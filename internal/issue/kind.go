// Package issue makes issues out of the events of a log, and events out of what
// people do to issues. It is pure: what it knows comes from the log alone, so
// that every clone sees the same, in whatever order the events came.
package issue

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/git-grite/git-grite/internal/cbor"
	"github.com/git-grite/git-grite/internal/wal"
)

// Kind is what an event says: one of the types below, which are grite's, with
// its names in JSON. The numbers of the kinds are those of the log.
type Kind interface {
	// Name is grite's name of the kind.
	Name() string
}

// The kinds of events.
type (
	Created struct {
		Title  string   `json:"title"`
		Body   string   `json:"body"`
		Labels []string `json:"labels"`
	}
	Updated struct {
		Title *string `json:"title"` // nil leaves it as it is
		Body  *string `json:"body"`
	}
	Commented struct {
		Body string `json:"body"`
	}
	LabelAdded struct {
		Label string `json:"label"`
	}
	LabelRemoved struct {
		Label string `json:"label"`
	}
	StateChanged struct {
		State State `json:"state"`
	}
	LinkAdded struct {
		URL  string  `json:"url"`
		Note *string `json:"note"`
	}
	AssigneeAdded struct {
		User string `json:"user"`
	}
	AssigneeRemoved struct {
		User string `json:"user"`
	}
	AttachmentAdded struct {
		File   string `json:"name"`
		SHA256 string `json:"sha256"` // in hex
		MIME   string `json:"mime"`
	}
	DependencyAdded struct {
		Target string `json:"target"` // an issue id in hex
		Type   string `json:"dep_type"`
	}
	DependencyRemoved struct {
		Target string `json:"target"`
		Type   string `json:"dep_type"`
	}
	ContextUpdated struct {
		Path        string   `json:"path"`
		Language    string   `json:"language"`
		Symbols     []Symbol `json:"symbols"`
		Summary     string   `json:"summary"`
		ContentHash string   `json:"content_hash"` // in hex
	}
	ProjectContextUpdated struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
)

// Symbol is a name in a file that a ContextUpdated is about.
type Symbol struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	LineStart uint64 `json:"line_start"`
	LineEnd   uint64 `json:"line_end"`
}

// State is whether an issue is still to be done.
type State string

// The states of an issue.
const (
	Open   State = "open"
	Closed State = "closed"
)

func (Created) Name() string               { return "IssueCreated" }
func (Updated) Name() string               { return "IssueUpdated" }
func (Commented) Name() string             { return "CommentAdded" }
func (LabelAdded) Name() string            { return "LabelAdded" }
func (LabelRemoved) Name() string          { return "LabelRemoved" }
func (StateChanged) Name() string          { return "StateChanged" }
func (LinkAdded) Name() string             { return "LinkAdded" }
func (AssigneeAdded) Name() string         { return "AssigneeAdded" }
func (AssigneeRemoved) Name() string       { return "AssigneeRemoved" }
func (AttachmentAdded) Name() string       { return "AttachmentAdded" }
func (DependencyAdded) Name() string       { return "DependencyAdded" }
func (DependencyRemoved) Name() string     { return "DependencyRemoved" }
func (ContextUpdated) Name() string        { return "ContextUpdated" }
func (ProjectContextUpdated) Name() string { return "ProjectContextUpdated" }

// ErrUnknownKind is an event of a kind that this program does not know.
var ErrUnknownKind = errors.New("an event of an unknown kind")

// Read returns what an event says. It returns ErrUnknownKind (wrapped), or why
// its payload is malformed.
func Read(e wal.Event) (Kind, error) {
	d := cbor.NewDecoder(e.Payload)
	var k Kind
	switch e.Kind {
	case 1:
		fields(d, 3)
		k = Created{Title: d.Text(), Body: d.Text(), Labels: texts(d)}
	case 2:
		fields(d, 2)
		k = Updated{Title: optional(d), Body: optional(d)}
	case 3:
		fields(d, 1)
		k = Commented{d.Text()}
	case 4:
		fields(d, 1)
		k = LabelAdded{d.Text()}
	case 5:
		fields(d, 1)
		k = LabelRemoved{d.Text()}
	case 6:
		fields(d, 1)
		k = StateChanged{State(oneOf(d, string(Open), string(Closed)))}
	case 7:
		fields(d, 2)
		k = LinkAdded{URL: d.Text(), Note: optional(d)}
	case 8:
		fields(d, 1)
		k = AssigneeAdded{d.Text()}
	case 9:
		fields(d, 1)
		k = AssigneeRemoved{d.Text()}
	case 10:
		fields(d, 3)
		k = AttachmentAdded{File: d.Text(), SHA256: inHex(d, 32), MIME: d.Text()}
	case 11:
		fields(d, 2)
		k = DependencyAdded{Target: inHex(d, 16), Type: oneOf(d, "blocks", "depends_on", "related_to")}
	case 12:
		fields(d, 2)
		k = DependencyRemoved{Target: inHex(d, 16), Type: oneOf(d, "blocks", "depends_on", "related_to")}
	case 13:
		fields(d, 5)
		k = ContextUpdated{Path: d.Text(), Language: d.Text(), Symbols: symbols(d), Summary: d.Text(), ContentHash: inHex(d, 32)}
	case 14:
		fields(d, 2)
		k = ProjectContextUpdated{Key: d.Text(), Value: d.Text()}
	default:
		return nil, fmt.Errorf("%w: %d", ErrUnknownKind, e.Kind)
	}
	if err := d.End(); err != nil {
		return nil, err
	}
	return k, nil
}

func fields(d *cbor.Decoder, n int) {
	if got := d.Array(); got != n {
		d.Fail(fmt.Errorf("an event with %d fields in place of %d", got, n))
	}
}

func texts(d *cbor.Decoder) []string {
	list := []string{}
	for n := d.Array(); n > 0 && d.Err() == nil; n-- {
		list = append(list, d.Text())
	}
	return list
}

func optional(d *cbor.Decoder) *string {
	if d.Null() {
		return nil
	}
	s := d.Text()
	return &s
}

func oneOf(d *cbor.Decoder, known ...string) string {
	s := d.Text()
	if !slices.Contains(known, s) {
		d.Fail(fmt.Errorf("an event with %.20q in place of one of %q", s, known))
	}
	return s
}

func inHex(d *cbor.Decoder, size int) string {
	b := d.Bytes()
	if len(b) != size {
		d.Fail(fmt.Errorf("an event with %d bytes in place of %d", len(b), size))
	}
	return hex.EncodeToString(b)
}

func symbols(d *cbor.Decoder) []Symbol {
	list := []Symbol{}
	for n := d.Array(); n > 0 && d.Err() == nil; n-- {
		fields(d, 4)
		list = append(list, Symbol{Name: d.Text(), Kind: d.Text(), LineStart: d.Uint(), LineEnd: d.Uint()})
	}
	return list
}

// encode returns the number of a kind that this program writes, and its payload:
// only kinds for which grite has published what they look like.
func encode(k Kind) (number uint32, payload []byte, err error) {
	text := func(s string) []byte { return cbor.AppendText(cbor.AppendArray(nil, 1), s) }
	switch k := k.(type) {
	case Created:
		b := cbor.AppendText(cbor.AppendText(cbor.AppendArray(nil, 3), k.Title), k.Body)
		labels := slices.Sorted(slices.Values(k.Labels))
		labels = slices.Compact(labels)
		b = cbor.AppendArray(b, len(labels))
		for _, label := range labels {
			b = cbor.AppendText(b, label)
		}
		return 1, b, errors.Join(checkLine("title", k.Title), checkBody(k.Body), checkLines("label", labels))
	case Updated:
		b, err := cbor.AppendArray(nil, 2), error(nil)
		for _, s := range []*string{k.Title, k.Body} {
			if s == nil {
				b = cbor.AppendNull(b)
			} else {
				b = cbor.AppendText(b, *s)
			}
		}
		if k.Title != nil {
			err = checkLine("title", *k.Title)
		}
		if k.Body != nil {
			err = errors.Join(err, checkBody(*k.Body))
		}
		return 2, b, err
	case Commented:
		return 3, text(k.Body), checkBody(k.Body)
	case LabelAdded:
		return 4, text(k.Label), checkLine("label", k.Label)
	case LabelRemoved:
		return 5, text(k.Label), nil // whatever there is can be removed
	case StateChanged:
		return 6, text(string(k.State)), nil
	case AssigneeAdded:
		return 8, text(k.User), checkLine("assignee", k.User)
	case AssigneeRemoved:
		return 9, text(k.User), nil
	}
	return 0, nil, fmt.Errorf("%s is not written by this program", k.Name())
}
