package refstore

import "github.com/git-grite/git-grite/internal/lock"

// RecordFile is the one file in the tree of a lock's commit.
const RecordFile = recordFile

// Decode reads a record that somebody is about to put on a server. key is the
// last part of the name of the ref that it belongs to.
func Decode(text []byte) (l lock.Lock, key string, err error) { return decode(text) }

// Encode is the other way round.
func Encode(l lock.Lock) []byte { return encode(l) }
