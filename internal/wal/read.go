package wal

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/git"
)

// Chunk is what the events of one commit are stored in.
type Chunk struct {
	ID     git.OID // of its blob
	Events []Event // those that are sound
	// Err says why the rest of the chunk, or all of it, could not be read, or
	// that its name is not its hash.
	Err error
	Bad int   // malformed events
	Why error // what is wrong with the first of them
}

// ChunkRef is a chunk that has not been read.
type ChunkRef struct {
	ID    git.OID
	path  string
	large bool
}

// Compare orders events by time and then by id, which is the same order
// everywhere.
func (e *Event) Compare(other *Event) int {
	if c := cmp.Compare(e.Time, other.Time); c != 0 {
		return c
	}
	return bytes.Compare(e.ID[:], other.ID[:])
}

// Compare is Event.Compare for sorting.
func Compare(a, b Event) int { return a.Compare(&b) }

// List lists the chunks of the log. Where the log that ended in known is part of
// it, only those that were added since are listed; otherwise all are, and whole
// is true.
func (l *Log) List(ctx context.Context, heads, known Heads) (refs []ChunkRef, whole bool, err error) {
	tips, before := slices.Compact(nonempty(heads.Here, heads.There)), slices.Compact(nonempty(known.Here, known.There))
	whole = len(before) == 0 || len(tips) == 0
	for _, oid := range before {
		// The first tip has all that the second has, but for a moment.
		if !slices.Contains(tips, oid) && !whole {
			_, gone, err := l.Repo.Divergence(ctx, tips[0], oid)
			whole = err != nil || gone > 0
		}
	}
	if whole {
		before = nil
	}
	refs, err = l.chunks(ctx, tips, before)
	return refs, whole, err
}

// chunks lists the chunks that the histories of tips have and those of known
// have not.
func (l *Log) chunks(ctx context.Context, tips, known []git.OID) (refs []ChunkRef, err error) {
	if len(tips) == 0 {
		return nil, nil
	}
	files, large, err := l.Repo.LogFiles(ctx, tips, known, ".bin", maxChunk)
	var failed *git.Error
	if errors.As(err, &failed) {
		err = &DamagedError{Where: string(Ref), Err: err}
	}
	for _, f := range files {
		refs = append(refs, ChunkRef{ID: f.OID, path: f.Path})
	}
	for _, f := range large {
		refs = append(refs, ChunkRef{ID: f.OID, large: true})
	}
	return refs, err
}

// Bounds on what one Read takes into memory.
const (
	maxBytes  = 512 << 20
	maxEvents = 1 << 21
)

var (
	errLarge = fmt.Errorf("a file of %d bytes or more", maxChunk)
	errName  = errors.New("a chunk whose name is not its hash")
	errFull  = fmt.Errorf("left out: the log has more than %d bytes or %d events", maxBytes, maxEvents)
)

// Read calls see with each chunk, read and checked: an event whose id is not its
// hash is not among its events. The same event may be in several chunks.
func (l *Log) Read(ctx context.Context, refs []ChunkRef, see func(Chunk)) error {
	files := make([]git.LogFile, 0, len(refs))
	for _, ref := range refs {
		if ref.large {
			see(Chunk{ID: ref.ID, Err: errLarge})
		} else {
			files = append(files, git.LogFile{OID: ref.ID, Path: ref.path})
		}
	}
	size, events := 0, 0
	return l.Repo.ReadLogFiles(ctx, files, maxChunk, func(f git.LogFile, content []byte, err error) {
		c := Chunk{ID: f.OID, Err: err}
		size += len(content)
		switch {
		case err != nil:
		case size > maxBytes || events > maxEvents:
			c.Err = errFull
		default:
			c.Events = make([]Event, 0, min(len(content)/128, maxCommitEvents))
			c.Err = decodeChunk(content, func(e Event) { c.Events = append(c.Events, e) }, func(err error) {
				if c.Bad++; c.Why == nil {
					c.Why = err
				}
			})
			if c.Err == nil && f.Path != "" && strings.TrimSuffix(path.Base(f.Path), ".bin") != chunkHash(content) {
				c.Err = errName
			}
		}
		events += len(c.Events)
		see(c)
	})
}
