package config

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// NewID returns 32 random hex digits, the id of a new actor.
func NewID() string { return hex.EncodeToString(random()) }

// NewNonce returns a random UUID (version 4, RFC 9562), the name of a new grant.
func NewNonce() string {
	b := random()
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func random() []byte {
	b := make([]byte, 16)
	rand.Read(b) // never fails (Go 1.24)
	return b
}
