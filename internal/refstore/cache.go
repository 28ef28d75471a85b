package refstore

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// The cache remembers what decode made of records, by the id of their commit,
// which names their content for ever. It saves reading three git objects per
// lock, is never asked what exists, and may be deleted at any time. The file is
// replaced whole by rename; of two writers the last one wins, and what the
// other remembered is read again.
//
//	magic, CRC-32 of the rest, then per record: id, key, and the lock's fields,
//	strings with their length before them and numbers as varints.
const cacheMagic = "git-grite records 2\n"

// readCache returns the remembered records of the given refs; a file that is
// missing, damaged or of another format remembers nothing.
func readCache(path string, refs []git.Ref) map[git.OID]decoded {
	text, err := os.ReadFile(path)
	head := len(cacheMagic) + 4
	if err != nil || len(text) < head || string(text[:len(cacheMagic)]) != cacheMagic ||
		binary.BigEndian.Uint32(text[len(cacheMagic):]) != crc32.ChecksumIEEE(text[head:]) {
		return nil
	}
	wanted := make(map[git.OID]bool, len(refs))
	for _, ref := range refs {
		wanted[ref.OID] = true
	}
	known := make(map[git.OID]decoded, len(refs))
	for f := (fields{text: text[head:]}); len(f.text) > 0 && !f.bad; {
		oid := git.OID(f.string())
		body := fields{text: f.bytes()}
		if !wanted[oid] {
			continue
		}
		rec, ok := body.record()
		if !ok {
			continue
		}
		known[oid] = rec
	}
	return known
}

// writeCache remembers sound records. Failing to is no error: it is a cache.
func writeCache(path string, records map[git.OID]decoded) {
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return // a repository that was never set up stays as it is
	}
	var body []byte
	for oid, rec := range records {
		if rec.err == nil {
			body = appendString(body, string(oid))
			body = appendString(body, string(appendRecord(nil, rec)))
		}
	}
	text := slices.Concat([]byte(cacheMagic), binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)), body)
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".")
	if err != nil {
		return
	}
	_, err = f.Write(text)
	if closeErr := f.Close(); err != nil || closeErr != nil || os.Rename(f.Name(), path) != nil {
		os.Remove(f.Name())
	}
}

func appendRecord(b []byte, rec decoded) []byte {
	l := rec.lock
	for _, s := range []string{rec.key, l.Resource.String(), string(l.Owner), l.Nonce, l.Label, l.Reason, l.BrokenNonce, string(l.BrokenOwner)} {
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
	rec := decoded{key: f.string()}
	resource := f.string()
	rec.lock = lock.Lock{
		Owner: lock.Owner(f.string()), Nonce: f.string(), Label: f.string(), Reason: f.string(),
		BrokenNonce: f.string(), BrokenOwner: lock.Owner(f.string()),
	}
	rec.lock.Expires, rec.lock.Acquired = time.UnixMilli(f.int()), fromUnixMS(f.int())
	rec.lock.TTL, rec.lock.Ticket = time.Duration(f.int()), fromUnixMS(f.int())
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
