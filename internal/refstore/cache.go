package refstore

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	text, ok := readSummed(path)
	if !ok {
		return known
	}
	records := make([]decoded, len(refs))
	next := 0
	for f := (fields{text: text}); len(f.text) > 0 && !f.bad; {
		key, oid, body := f.string(), f.string(), fields{text: f.string()}
		for next < len(refs) && refKey(prefix, refs[next].Name) < key {
			next++
		}
		if next == len(refs) {
			break
		}
		if rec := &records[next]; string(refs[next].OID) == oid && refKey(prefix, refs[next].Name) == key && body.record(rec) {
			rec.key = key
			known[next] = rec
		}
	}
	return known
}

// readSummed returns what stands behind the magic and the sum, which fits. It is one
// string, and all that the records consist of is parts of it.
func readSummed(path string) (text string, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	head := make([]byte, len(cacheMagic)+4)
	st, err := f.Stat()
	if _, readErr := io.ReadFull(f, head); err != nil || readErr != nil || string(head[:len(cacheMagic)]) != cacheMagic {
		return "", false
	}
	var body strings.Builder
	body.Grow(int(st.Size()))
	sum := crc32.NewIEEE()
	_, err = io.Copy(io.MultiWriter(&body, sum), f)
	return body.String(), err == nil && sum.Sum32() == binary.BigEndian.Uint32(head[len(cacheMagic):])
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
	text string
	bad  bool
}

// record reads a record into rec and reports whether there was one.
func (f *fields) record(rec *decoded) bool {
	resource := f.string()
	l := &rec.lock
	l.Owner, l.Nonce, l.Label, l.Reason = lock.Owner(f.string()), f.string(), f.string(), f.string()
	l.BrokenNonce, l.BrokenOwner = f.string(), lock.Owner(f.string())
	l.Expires, l.Acquired = time.UnixMilli(f.int()), fromUnixMS(f.int())
	l.TTL, l.Ticket = time.Duration(f.int()), fromUnixMS(f.int())
	if resource == "" {
		*rec = decoded{err: errors.New(l.Reason)}
		return !f.bad && rec.err.Error() != ""
	}
	var err error
	l.Resource, err = lock.ParseRecorded(resource)
	return !f.bad && err == nil
}

func (f *fields) string() string {
	n := f.uint()
	if n > uint64(len(f.text)) {
		f.text, f.bad = "", true
		return ""
	}
	s := f.text[:n]
	f.text = f.text[n:]
	return s
}

func (f *fields) int() int64 {
	n := f.uint()
	return int64(n>>1) ^ -int64(n&1) // as binary.AppendVarint writes it
}

func (f *fields) uint() (n uint64) {
	if f.text != "" && f.text[0] < 0x80 { // nearly always
		n, f.text = uint64(f.text[0]), f.text[1:]
		return n
	}
	for i := 0; i < len(f.text) && i < binary.MaxVarintLen64; i++ {
		n |= uint64(f.text[i]&0x7f) << (7 * i)
		if f.text[i] < 0x80 {
			f.text = f.text[i+1:]
			return n
		}
	}
	f.text, f.bad = "", true
	return 0
}
