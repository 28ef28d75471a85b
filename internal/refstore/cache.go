package refstore

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/summed"
)

// The cache remembers what decode made of records, sound or damaged, by the id of their commit,
// which names their content for good. It saves reading three git objects per
// lock, is never asked whether an object exists, and may be deleted at any time. The file is
// replaced whole by rename; of two writers the last one wins, and what the
// other remembered is read again.
//
//	magic, CRC-32 of the rest, then the stamp, and per record, in the order of their
//	refs: key, id, and the lock's fields, strings with their length before them and
//	numbers as varints. A damaged record has no resource, and the damage for its
//	reason. The stamp of the refs' directory says that the records are those of all
//	refs that were there when it looked so; it is "" where they may not be.
const cacheMagic = "git-grite records 5\n"

// cached is what the cache holds.
type cached struct {
	stamp   string
	records summed.Fields
}

// openCache reads the cache; a file that is missing, damaged or of another format
// remembers nothing.
func openCache(path string) cached {
	text, ok := summed.Read(path, cacheMagic)
	if !ok {
		return cached{}
	}
	f := summed.Fields{Text: text}
	stamp := f.String()
	return cached{stamp, f}
}

// of returns, for each ref in the order of their names, what is remembered of it,
// nil for nothing.
func (c cached) of(prefix string, refs []git.Ref) []*decoded {
	known := make([]*decoded, len(refs))
	records := make([]decoded, len(refs))
	next := 0
	for f := c.records; len(f.Text) > 0 && !f.Bad; {
		key, oid, body := f.String(), f.String(), summed.Fields{Text: f.String()}
		for next < len(refs) && refKey(prefix, refs[next].Name) < key {
			next++
		}
		if next == len(refs) {
			break
		}
		if rec := &records[next]; string(refs[next].OID) == oid && refKey(prefix, refs[next].Name) == key && readRecord(&body, rec) {
			rec.key = key
			known[next] = rec
		}
	}
	return known
}

// table returns all locks, if they are those that have a stamp.
func (c cached) table(rr recordReader, stamp string) (t *lock.Table, ok bool) {
	if stamp == "" || c.stamp != stamp {
		return nil, false
	}
	t = &lock.Table{Entries: make([]lock.Entry, 0, len(c.records.Text)/leastRecord+1)}
	latest := rr.now().Add(maxLease)
	for f := c.records; len(f.Text) > 0; {
		key, oid, body := f.String(), f.String(), summed.Fields{Text: f.String()}
		rec := decoded{}
		if f.Bad || !readRecord(&body, &rec) {
			return nil, false
		}
		rec.key = key
		rr.place(t, key, git.OID(oid), &rec, latest)
	}
	return t, true
}

// leastRecord is about how many bytes a record takes at least.
const leastRecord = 128

// writeCache remembers records and, unless one of them cannot be remembered, the
// stamp. Failing to is no error: it is a cache.
func writeCache(path, prefix, stamp string, all listing) {
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return // a repository that was never set up stays as it is
	}
	body, record := make([]byte, 0, len(all.records)*leastRecord*3/2), []byte(nil)
	for i, rec := range all.records {
		key := refKey(prefix, all.refs[i].Name)
		if rec == nil || rec.unread || rec.key != key {
			stamp = ""
			continue
		}
		record = appendRecord(record[:0], rec)
		body = summed.AppendString(summed.AppendString(body, key), string(all.refs[i].OID))
		body = append(binary.AppendUvarint(body, uint64(len(record))), record...)
	}
	body = append(summed.AppendString(nil, stamp), body...)
	_ = summed.Write(path, cacheMagic, body)
}

func appendRecord(b []byte, rec *decoded) []byte {
	l := rec.lock
	if rec.err != nil {
		l = lock.Lock{Reason: rec.err.Error()}
	}
	for _, s := range []string{l.Resource.String(), string(l.Owner), l.Nonce, l.Label, l.Reason, l.BrokenNonce, string(l.BrokenOwner)} {
		b = summed.AppendString(b, s)
	}
	for _, n := range []int64{l.Expires.UnixMilli(), unixMS(l.Acquired), int64(l.TTL), unixMS(l.Ticket)} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

// readRecord reads a record into rec and reports whether there was one.
func readRecord(f *summed.Fields, rec *decoded) bool {
	resource := f.String()
	l := &rec.lock
	l.Owner, l.Nonce, l.Label, l.Reason = lock.Owner(f.String()), f.String(), f.String(), f.String()
	l.BrokenNonce, l.BrokenOwner = f.String(), lock.Owner(f.String())
	l.Expires, l.Acquired = time.UnixMilli(f.Int()), fromUnixMS(f.Int())
	l.TTL, l.Ticket = time.Duration(f.Int()), fromUnixMS(f.Int())
	if resource == "" {
		*rec = decoded{err: errors.New(l.Reason)}
		return !f.Bad && rec.err.Error() != ""
	}
	var err error
	l.Resource, err = lock.ParseRecorded(resource)
	return !f.Bad && err == nil
}
