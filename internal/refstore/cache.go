package refstore

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// The cache remembers what decode made of records, sound or damaged, by the id of their commit,
// which names their content for good. It saves reading three git objects per
// lock, is never asked what exists, and may be deleted at any time. The file is
// replaced whole by rename; of two writers the last one wins, and what the
// other remembered is read again.
//
//	magic, CRC-32 of the rest, then per record, in the order of their refs: key,
//	id, and the lock's fields, strings with their length before them and numbers
//	as varints. A damaged record has no resource, and the damage for its reason.
const cacheMagic = "git-grite records 4\n"

// readCache returns, for each ref in the order of their names, what is
// remembered of it, nil for nothing; a file that is missing, damaged or of
// another format remembers nothing.
func readCache(path, prefix string, refs []git.Ref) []*decoded {
	known := make([]*decoded, len(refs))
	text, err := os.ReadFile(path)
	head := len(cacheMagic) + 4
	if err != nil || len(text) < head || string(text[:len(cacheMagic)]) != cacheMagic ||
		binary.BigEndian.Uint32(text[len(cacheMagic):]) != crc32.ChecksumIEEE(text[head:]) {
		return known
	}
	next := 0
	for f := (fields{text: text[head:]}); len(f.text) > 0 && !f.bad; {
		key, oid, body := f.bytes(), f.bytes(), fields{text: f.bytes()}
		for next < len(refs) && refKey(prefix, refs[next].Name) < string(key) {
			next++
		}
		if next == len(refs) {
			break
		}
		if string(refs[next].OID) == string(oid) && refKey(prefix, refs[next].Name) == string(key) {
			if rec, ok := body.record(); ok {
				rec.key = refKey(prefix, refs[next].Name)
				known[next] = &rec
			}
		}
	}
	return known
}

// writeCache remembers records, which are those of the refs. Failing to is no
// error: it is a cache.
func writeCache(path, prefix string, refs []git.Ref, records []*decoded) {
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return // a repository that was never set up stays as it is
	}
	var body []byte
	for i, rec := range records {
		key := refKey(prefix, refs[i].Name)
		if rec == nil || rec.unread || rec.key != key {
			continue
		}
		for _, s := range []string{key, string(refs[i].OID), string(appendRecord(nil, *rec))} {
			body = appendString(body, s)
		}
	}
	text := slices.Concat([]byte(cacheMagic), binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)), body)
	_ = atomicfile.Write(path, text, 0o666)
}

func appendRecord(b []byte, rec decoded) []byte {
	l := rec.lock
	if rec.err != nil {
		l = lock.Lock{Reason: rec.err.Error()}
	}
	for _, s := range []string{l.Resource.String(), string(l.Owner), l.Nonce, l.Label, l.Reason, l.BrokenNonce, string(l.BrokenOwner)} {
		b = appendString(b, s)
	}
	for _, n := range []int64{l.Expires.UnixMilli(), unixMS(l.Acquired), int64(l.TTL), unixMS(l.Ticket)} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// fields takes a record apart; bad is set at the first thing that does not fit.
type fields struct {
	text []byte
	bad  bool
}

func (f *fields) record() (decoded, bool) {
	var rec decoded
	resource := f.string()
	rec.lock = lock.Lock{
		Owner: lock.Owner(f.string()), Nonce: f.string(), Label: f.string(), Reason: f.string(),
		BrokenNonce: f.string(), BrokenOwner: lock.Owner(f.string()),
	}
	rec.lock.Expires, rec.lock.Acquired = time.UnixMilli(f.int()), fromUnixMS(f.int())
	rec.lock.TTL, rec.lock.Ticket = time.Duration(f.int()), fromUnixMS(f.int())
	if resource == "" {
		return decoded{err: errors.New(rec.lock.Reason)}, !f.bad && rec.lock.Reason != ""
	}
	var err error
	rec.lock.Resource, err = lock.ParseRecorded(resource)
	return rec, !f.bad && err == nil
}

func (f *fields) bytes() []byte {
	n, width := binary.Uvarint(f.text)
	if width <= 0 || n > uint64(len(f.text)-width) {
		f.text, f.bad = nil, true
		return nil
	}
	b := f.text[width : width+int(n)]
	f.text = f.text[width+int(n):]
	return b
}

func (f *fields) string() string { return string(f.bytes()) }

func (f *fields) int() int64 {
	n, width := binary.Varint(f.text)
	if width <= 0 {
		f.text, f.bad = nil, true
		return 0
	}
	f.text = f.text[width:]
	return n
}
