package issue

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/wal"
)

// Log is what a Tracker reads; *wal.Log is one.
type Log interface {
	Heads(context.Context) (wal.Heads, error)
	List(ctx context.Context, heads, known wal.Heads) (refs []wal.ChunkRef, whole bool, err error)
	Read(ctx context.Context, refs []wal.ChunkRef, see func(wal.Chunk)) error
}

// Tracker has the issues of a log as this clone has it. Load and Save keep an
// index between commands; what they keep may be lost at any time, and either
// may be nil.
type Tracker struct {
	Log  Log
	Load func() []byte
	Save func([]byte)
}

// Index returns the issues. When the log is as it was it comes from what Load
// returns, and no git is run; else what was added to the log is read, with the
// other events of the issues concerned.
func (t *Tracker) Index(ctx context.Context) (*Index, error) {
	heads, err := t.Log.Heads(ctx)
	if err != nil {
		return nil, err
	}
	x := &Index{}
	if t.Load != nil {
		if kept, err := decodeIndex(t.Load()); err == nil {
			x = kept
		}
	}
	if x.heads == heads {
		return x, nil
	}
	refs, whole, err := t.Log.List(ctx, heads, x.heads)
	if err != nil {
		return nil, err
	}
	if whole {
		x = &Index{}
	}
	if err := t.add(ctx, x, refs); err != nil {
		return nil, err
	}
	x.heads = heads
	if t.Save != nil {
		t.Save(x.encode())
	}
	return x, nil
}

// add brings the index up to date with chunks that it has not seen.
func (t *Tracker) add(ctx context.Context, x *Index, refs []wal.ChunkRef) error {
	type found struct {
		events []*wal.Event
		chunks []byte
	}
	issues := map[wal.IssueID]*found{}
	see := func(c wal.Chunk, known bool) {
		id, _ := hex.DecodeString(string(c.ID))
		for i := range c.Events {
			e := &c.Events[i]
			f := issues[e.Issue]
			if f == nil && !known {
				f = &found{}
				issues[e.Issue] = f
			}
			if f == nil {
				continue
			}
			f.events = append(f.events, e)
			if !known && !bytes.HasSuffix(f.chunks, id) {
				f.chunks = append(f.chunks, id...)
			}
		}
	}
	if err := t.Log.Read(ctx, refs, func(c wal.Chunk) { see(c, false) }); err != nil {
		return err
	}
	// The other events of these issues.
	var old []wal.ChunkRef
	for id, f := range issues {
		if at, ok := x.search(id); ok {
			chunks := x.entries[at].chunks
			old = append(old, refsOf(chunks, x.width())...)
			f.chunks = slices.Concat(chunks, f.chunks)
		}
	}
	slices.SortFunc(old, func(a, b wal.ChunkRef) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) })
	old = slices.CompactFunc(old, func(a, b wal.ChunkRef) bool { return a.ID == b.ID })
	if err := t.Log.Read(ctx, old, func(c wal.Chunk) { see(c, true) }); err != nil {
		return err
	}
	entries := make([]entry, 0, len(issues))
	for id, f := range issues {
		e := entry{chunks: f.chunks}
		e.Issue, e.exists = fold(f.events)
		e.ID, e.Body = id, ""
		entries = append(entries, e)
	}
	x.put(entries)
	return nil
}

// width is the length of a chunk's id, in bytes.
func (x *Index) width() int { return max(len(x.heads.Here), len(x.heads.There)) / 2 }

func refsOf(chunks []byte, width int) (refs []wal.ChunkRef) {
	for id := range slices.Chunk(chunks, max(width, 1)) {
		refs = append(refs, wal.ChunkRef{ID: git.OID(hex.EncodeToString(id))})
	}
	return refs
}

// Show returns one issue of the index with all of its events in order.
func (t *Tracker) Show(ctx context.Context, x *Index, id wal.IssueID) (Issue, []wal.Event, error) {
	at, ok := x.search(id)
	if !ok {
		return Issue{}, nil, &NotFoundError{id.String()}
	}
	var events []wal.Event
	err := t.Log.Read(ctx, refsOf(x.entries[at].chunks, x.width()), func(c wal.Chunk) {
		for _, e := range c.Events {
			if e.Issue == id {
				events = append(events, e)
			}
		}
	})
	if err != nil {
		return Issue{}, nil, err
	}
	slices.SortFunc(events, wal.Compare)
	events = slices.CompactFunc(events, func(a, b wal.Event) bool { return a.ID == b.ID })
	is, ok := Fold(events)
	if !ok {
		return Issue{}, nil, &NotFoundError{id.String()}
	}
	return is, events, nil
}

// Report is what a look at the whole log found.
type Report struct {
	Chunks, Events, Issues int
	Repeated               int   // events that are stored more than once
	Unknown                int   // events of kinds that this program does not know
	Stray                  int   // events of issues that nothing creates
	BadChunks, BadEvents   int   // that are malformed, and left out
	Why                    error // what is wrong with the first of them
}

// Check reads the whole log.
func (t *Tracker) Check(ctx context.Context) (Report, error) {
	heads, err := t.Log.Heads(ctx)
	if err != nil {
		return Report{}, err
	}
	refs, _, err := t.Log.List(ctx, heads, wal.Heads{})
	if err != nil {
		return Report{}, err
	}
	var r Report
	seen := map[wal.EventID]bool{}
	stray, created := map[wal.IssueID]int{}, map[wal.IssueID]bool{}
	bad := func(n *int, by int, err error) {
		if *n += by; r.Why == nil {
			r.Why = err
		}
	}
	err = t.Log.Read(ctx, refs, func(c wal.Chunk) {
		r.Chunks++
		if c.Err != nil {
			bad(&r.BadChunks, 1, c.Err)
		}
		if c.Bad > 0 {
			bad(&r.BadEvents, c.Bad, c.Why)
		}
		for _, e := range c.Events {
			if seen[e.ID] {
				r.Repeated++
				continue
			}
			seen[e.ID] = true
			r.Events++
			k, err := Read(e)
			switch k.(type) {
			case Created:
				created[e.Issue] = true
			case ContextUpdated, ProjectContextUpdated: // of no issue
			case nil:
				if errors.Is(err, ErrUnknownKind) {
					r.Unknown++
				} else {
					bad(&r.BadEvents, 1, err)
				}
			default:
				stray[e.Issue]++
			}
		}
	})
	for id, n := range stray {
		if !created[id] {
			r.Stray += n
		}
	}
	r.Issues = len(created)
	return r, err
}
