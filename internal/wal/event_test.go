package wal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/cbor"
)

// vector is an event whose id somebody else has computed.
type vector struct {
	kind     uint32
	preimage []byte
	id       EventID
}

// vectors reads the event ids of grite 0.5.3, kinds 1 to 10 as published in its
// docs/hash-vectors.md.
func vectors(t testing.TB) (list []vector) {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		kind, err := strconv.Atoi(words[0])
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, vector{uint32(kind), unhex(t, words[1]), EventID(unhex(t, words[2]))})
	}
	return list
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// event is the event of a vector, read from its preimage.
func (v vector) event(t testing.TB) Event {
	t.Helper()
	list := parse(t, v.preimage).([]any)
	e := Event{ID: v.id, Issue: IssueID(list[1].([]byte)), Actor: ActorID(list[2].([]byte)), Time: list[3].(uint64), Kind: uint32(list[5].(uint64))}
	if parent, ok := list[4].([]byte); ok {
		e.Parent = (*EventID)(parent)
	}
	e.Payload = compose(list[6])
	return e
}

// TestVectors: the published ids are those that are computed here, byte for byte
// of what is hashed.
func TestVectors(t *testing.T) {
	list := vectors(t)
	if len(list) != 14 {
		t.Fatalf("%d vectors", len(list))
	}
	for _, v := range list {
		e := v.event(t)
		if e.Kind != v.kind || !bytes.Equal(compose(parse(t, v.preimage)), v.preimage) {
			t.Errorf("kind %d: the preimage is not read as it is written", v.kind)
		}
		if got := e.appendFields([]byte{0x87, 0x01}); !bytes.Equal(got, v.preimage) {
			t.Errorf("kind %d: %x\nis hashed, not %x", v.kind, got, v.preimage)
		}
		if e.Seal(); e.ID != v.id {
			t.Errorf("kind %d: id %s, not %s", v.kind, e.ID, v.id)
		}
	}
}

// TestChunkVector: the chunk with the first vector as its only event, as
// computed by another program.
func TestChunkVector(t *testing.T) {
	chunk := encodeChunk([]Event{vectors(t)[0].event(t)})
	if len(chunk) != 119 || chunkHash(chunk) != "762674a2ca507121c33ab91f1b674fe02f13665681c164bb6044fbecd881d66d" {
		t.Errorf("%d bytes, hash %s", len(chunk), chunkHash(chunk))
	}
}

// TestChunkRead: what is written here, the test's own reader reads, and what the
// test's own writer writes is read here.
func TestChunkRead(t *testing.T) {
	var events []Event
	for i, v := range vectors(t) {
		e := v.event(t)
		if i%2 == 1 {
			e.Sig = bytes.Repeat([]byte{byte(i)}, 64)
		}
		events = append(events, e)
	}
	events = append(events, unknownKind())
	chunk := encodeChunk(events)
	body, ok := bytes.CutPrefix(chunk, []byte("GRITECNK\x01\x00\x07cbor-v1"))
	list, isList := parse(t, body).([]any)
	if !ok || !isList || len(list) != len(events) {
		t.Fatalf("%x is not a chunk of %d events", chunk, len(events))
	}
	for i, item := range list {
		fields, e := item.([]any), events[i]
		if len(fields) != 8 || !bytes.Equal(fields[0].([]byte), e.ID[:]) || !bytes.Equal(fields[1].([]byte), e.Issue[:]) ||
			fields[3] != e.Time || fields[5] != uint64(e.Kind) || !bytes.Equal(compose(fields[6]), e.Payload) || (fields[7] == nil) != (e.Sig == nil) {
			t.Errorf("event %d is written as %v", i, fields)
		}
	}
	again := append([]byte("GRITECNK\x01\x00\x07cbor-v1"), compose(parse(t, body))...)
	read, err := readAll(again)
	if err != nil || len(read) != len(events) || !bytes.Equal(encodeChunk(read), chunk) {
		t.Errorf("%d events are read, %v", len(read), err)
	}
}

// unknownKind is an event of a kind of the future, with kinds of CBOR that are
// not read here.
func unknownKind() Event {
	e := Event{Time: 1700000000001, Kind: 4711, Payload: []byte{0xa1, 0x61, 'x', 0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a}}
	e.Seal()
	return e
}

// readAll reads a chunk; malformed events are errors, too.
func readAll(chunk []byte) (events []Event, err error) {
	var bad []error
	err = decodeChunk(chunk, func(e Event) { events = append(events, e) }, func(err error) { bad = append(bad, err) })
	return events, errors.Join(append(bad, err)...)
}

// TestMalformedEvents are skipped one by one; those around them are read.
func TestMalformedEvents(t *testing.T) {
	good := vectors(t)[0].event(t)
	whole := good.append(nil)
	change := func(f func(*Event)) []byte {
		e := good
		f(&e)
		return e.append(nil)
	}
	sealed := func(f func(*Event)) []byte {
		return change(func(e *Event) { f(e); e.Seal() })
	}
	for name, bad := range map[string][]byte{
		"id":           change(func(e *Event) { e.ID[0]++ }),
		"changed":      change(func(e *Event) { e.Time++ }),
		"year 10000":   sealed(func(e *Event) { e.Time = MaxTime + 1 }),
		"long sig":     sealed(func(e *Event) { e.Sig = make([]byte, maxSig+1) }),
		"7 fields":     append([]byte{0x87}, whole[1:len(whole)-1]...),
		"9 fields":     append(append([]byte{0x89}, whole[1:]...), 0xf6),
		"no array":     cbor.AppendText(nil, "event"),
		"null":         {0xf6},
		"short id":     append([]byte{0x88, 0x58, 31}, whole[4:]...)[:len(whole)],
		"long id head": append([]byte{0x88, 0x59, 0, 32}, whole[3:]...),
		"kind of 64 bit": func() []byte {
			e := good
			b := cbor.AppendBytes(cbor.AppendArray(nil, 8), e.ID[:])
			b = cbor.AppendUint(cbor.AppendBytes(cbor.AppendBytes(b, e.Issue[:]), e.Actor[:]), e.Time)
			b = append(cbor.AppendUint(cbor.AppendNull(b), 1<<32+1), e.Payload...)
			return cbor.AppendNull(b)
		}(),
	} {
		chunk := cbor.AppendArray([]byte(chunkHead), 3)
		chunk = append(append(append(chunk, whole...), bad...), whole...)
		n, errs := 0, 0
		err := decodeChunk(chunk, func(e Event) { n++ }, func(error) { errs++ })
		if name == "short id" { // shifts everything that follows
			if n != 1 || errs == 0 && err == nil {
				t.Errorf("%s: %d events, %d malformed, %v", name, n, errs, err)
			}
			continue
		}
		if n != 2 || errs != 1 || err != nil {
			t.Errorf("%s: %d events, %d malformed, %v", name, n, errs, err)
		}
	}
}

// TestMalformedChunks: what comes before the damage is read.
func TestMalformedChunks(t *testing.T) {
	good := vectors(t)[0].event(t)
	chunk := encodeChunk([]Event{good, good})
	many := cbor.AppendArray([]byte(chunkHead), 1_000_000)
	for range 1_000_000 {
		many = append(many, 0x80)
	}
	for name, tt := range map[string]struct {
		chunk []byte
		n     int
	}{
		"empty":        {nil, 0},
		"magic":        {append([]byte("gritecnk"), chunk[8:]...), 0},
		"version 2":    {append([]byte("GRITECNK\x02"), chunk[9:]...), 0},
		"other codec":  {append([]byte("GRITECNK\x01\x00\x07cbor-v2"), chunk[18:]...), 0},
		"no events":    {[]byte(chunkHead), 0},
		"not an array": {append([]byte(chunkHead), 0xf6), 0},
		"truncated":    {chunk[:len(chunk)-1], 1},
		"followed":     {append(bytes.Clone(chunk), 0), 2},
		"claims more":  {append([]byte(chunkHead+"\x83"), chunk[len(chunkHead)+1:]...), 2},
		"claims 2^60":  {append([]byte(chunkHead+"\x9b\x10\x00\x00\x00\x00\x00\x00\x00"), chunk[len(chunkHead)+1:]...), 0},
		"million":      {many, 0},
		"deep":         {append([]byte(chunkHead), bytes.Repeat([]byte{0x81}, 1<<20)...), 0},
		"indefinite":   {append([]byte(chunkHead), 0x9f, 0xff), 0},
	} {
		n := 0
		if err := decodeChunk(tt.chunk, func(Event) { n++ }, func(error) {}); err == nil || n != tt.n {
			t.Errorf("%s: %d events, not %d, and %v", name, n, tt.n, err)
		}
	}
}

// FuzzChunk: whatever the bytes, sound events are written back as they were.
func FuzzChunk(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(encodeChunk([]Event{v.event(f)}))
	}
	f.Add(encodeChunk([]Event{unknownKind()}))
	good := encodeChunk([]Event{vectors(f)[0].event(f), unknownKind()})
	f.Add(good[:len(good)-1])
	f.Add(append(bytes.Clone(good), 0))
	for _, body := range []string{"9fff", "9b1000000000000000", "8188f6", "f6", "81818181818181818181818181818181818180"} {
		f.Add(append([]byte(chunkHead), unhex(f, body)...))
	}
	f.Fuzz(func(t *testing.T, chunk []byte) {
		var events []Event
		clean := decodeChunk(chunk, func(e Event) { events = append(events, e) }, func(error) {}) == nil
		again, err := readAll(encodeChunk(events))
		if err != nil || len(again) != len(events) {
			t.Fatalf("%d of %d events are read again: %v", len(again), len(events), err)
		}
		if clean && len(events) > 0 && len(encodeChunk(events)) > len(chunk) {
			t.Fatalf("%d bytes become %d", len(chunk), len(encodeChunk(events)))
		}
	})
}
