package wal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/blake2b"

	"github.com/git-grite/git-grite/internal/cbor"
)

// chunkHead is what a chunk begins with: the magic word, the version as a
// little-endian 16-bit number, and the name of the codec after its length.
const chunkHead = "GRITECNK\x01\x00\x07cbor-v1"

// Bounds on a chunk that is read. Writing stays far below them.
const (
	maxChunk       = 16 << 20 // bytes
	maxChunkEvents = 1 << 17
)

var (
	errChunkHead = errors.New("not a chunk of version 1 with codec cbor-v1")
	errChunkSize = fmt.Errorf("a chunk of more than %d events", maxChunkEvents)
)

// encodeChunk makes the file that holds the events.
func encodeChunk(events []Event) []byte {
	b := cbor.AppendArray([]byte(chunkHead), len(events))
	for i := range events {
		b = events[i].append(b)
	}
	return b
}

// chunkHash is what a chunk is named by: BLAKE2b-256 of the whole file, in hex.
func chunkHash(chunk []byte) string {
	sum := blake2b.Sum256(chunk)
	return hex.EncodeToString(sum[:])
}

// decodeChunk calls see for each event of a chunk, and bad for each one that is
// malformed. The error says what is wrong with the chunk as a whole; events that
// were read before it are sound. The events point into chunk.
func decodeChunk(chunk []byte, see func(Event), bad func(error)) error {
	rest, ok := bytes.CutPrefix(chunk, []byte(chunkHead))
	if !ok {
		return errChunkHead
	}
	d := cbor.NewDecoder(rest)
	n := d.Array()
	if n > maxChunkEvents {
		return errChunkSize
	}
	for ; n > 0; n-- {
		raw := d.Raw()
		if d.Err() != nil {
			break
		}
		if e, err := decodeEvent(raw); err != nil {
			bad(err)
		} else {
			see(e)
		}
	}
	return d.End()
}
