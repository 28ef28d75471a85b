package wal

import (
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/blake2b"

	"github.com/git-grite/git-grite/internal/cbor"
)

// EventID is the BLAKE2b-256 hash of what an event says, so that an event that
// is written twice is still one.
type EventID [32]byte

// IssueID and ActorID are 16 bytes, random and by configuration.
type (
	IssueID [16]byte
	ActorID [16]byte
)

func (id EventID) String() string { return hex.EncodeToString(id[:]) }
func (id IssueID) String() string { return hex.EncodeToString(id[:]) }
func (id ActorID) String() string { return hex.EncodeToString(id[:]) }

// Event is one entry of the log. What its payload means depends on its kind and
// is no matter of this package, so that events of kinds to come are kept too.
type Event struct {
	ID      EventID
	Issue   IssueID
	Actor   ActorID
	Time    uint64   // in milliseconds since 1970
	Parent  *EventID // nil for none
	Kind    uint32
	Payload []byte // one CBOR value
	Sig     []byte // nil for none; it is not part of the ID
}

// MaxTime is the last millisecond of the year 9999. A later one would win over
// every event to come, and has no form in RFC 3339.
const MaxTime = 253402300799999

// maxSig bounds a signature, in bytes. Ed25519 has 64.
const maxSig = 1 << 10

// Seal sets the ID of an event whose other fields are set.
func (e *Event) Seal() { e.ID = e.hash() }

// hash is BLAKE2b-256 over the CBOR array [1, issue, actor, time, parent, kind,
// payload].
func (e *Event) hash() EventID {
	b := make([]byte, 0, 128+len(e.Payload))
	b = cbor.AppendArray(b, 7)
	b = cbor.AppendUint(b, 1)
	return blake2b.Sum256(e.appendFields(b))
}

func (e *Event) appendFields(b []byte) []byte {
	b = cbor.AppendBytes(b, e.Issue[:])
	b = cbor.AppendBytes(b, e.Actor[:])
	b = cbor.AppendUint(b, e.Time)
	if e.Parent == nil {
		b = cbor.AppendNull(b)
	} else {
		b = cbor.AppendBytes(b, e.Parent[:])
	}
	b = cbor.AppendUint(b, uint64(e.Kind))
	return append(b, e.Payload...)
}

// append appends the event as it stands in a chunk: [id, issue, actor, time,
// parent, kind, payload, signature].
func (e *Event) append(b []byte) []byte {
	b = cbor.AppendArray(b, 8)
	b = cbor.AppendBytes(b, e.ID[:])
	b = e.appendFields(b)
	if e.Sig == nil {
		return cbor.AppendNull(b)
	}
	return cbor.AppendBytes(b, e.Sig)
}

var (
	errFields = errors.New("an event without exactly 8 fields")
	errID     = errors.New("an event whose id is not the hash of what it says")
	errTime   = errors.New("an event from after the year 9999")
	errSig    = fmt.Errorf("an event with a signature longer than %d bytes", maxSig)
)

// decodeEvent reads one event of a chunk. The event points into data.
func decodeEvent(data []byte) (Event, error) {
	d := cbor.NewDecoder(data)
	if n := d.Array(); n != 8 {
		return Event{}, errFields
	}
	var e Event
	fixed(d, e.ID[:])
	fixed(d, e.Issue[:])
	fixed(d, e.Actor[:])
	e.Time = d.Uint()
	if !d.Null() {
		e.Parent = new(EventID)
		fixed(d, e.Parent[:])
	}
	kind := d.Uint()
	e.Kind = uint32(kind)
	e.Payload = d.Raw()
	if !d.Null() {
		e.Sig = d.Bytes()
	}
	switch err := d.End(); {
	case err != nil:
		return Event{}, err
	case uint64(e.Kind) != kind:
		return Event{}, fmt.Errorf("an event of kind %d", kind)
	case e.hash() != e.ID:
		return Event{}, errID
	case e.Time > MaxTime:
		return Event{}, errTime
	case len(e.Sig) > maxSig:
		return Event{}, errSig
	}
	return e, nil
}

// fixed reads a byte string that has to fill out.
func fixed(d *cbor.Decoder, out []byte) {
	if got := d.Bytes(); d.Err() == nil && len(got) != len(out) {
		d.Fail(fmt.Errorf("an event with an id of %d bytes in place of %d", len(got), len(out)))
	} else {
		copy(out, got)
	}
}
