package refstore

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/stamp"
)

// recordReader reads the locks below a ref prefix.
type recordReader struct {
	repo   *git.Repo
	now    func() time.Time
	prefix string
	remote string  // whose locks they are, "" for this clone's
	cache  string  // the file that remembers decoded records
	opened *cached // what is in it, where that was read already
	last   *lastRead
}

// lastRead is what a process read last: what the commits were then they are now.
type lastRead struct {
	mu      sync.Mutex
	records map[git.OID]*decoded
}

// recall returns what was read of each ref, if anything was read at all.
func (l *lastRead) recall(refs []git.Ref) (known []*decoded, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known = make([]*decoded, len(refs))
	for i, ref := range refs {
		known[i] = l.records[ref.OID]
	}
	return known, l.records != nil
}

// keep keeps what was read, unless it is too much to be worth its memory.
func (l *lastRead) keep(refs []git.Ref, records []*decoded) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.records = nil; len(refs) > 1000 {
		return
	}
	l.records = map[git.OID]*decoded{}
	for i, rec := range records {
		if rec != nil && !rec.unread {
			l.records[refs[i].OID] = rec
		}
	}
}

// table lists the refs below prefix and reads their records. Damage to one of
// them is in the table; the error is for the listing failing altogether.
func (rr recordReader) table(ctx context.Context) (*lock.Table, error) {
	t, _, err := rr.list(ctx, false)
	return t, err
}

// worthAStamp is from how many records on that a glance remembers all of them.
const worthAStamp = 50

// glance is table for who only looks: where the directory of the refs says that
// nothing has changed since all were read, none of their files is opened. What
// decides a grant reads the refs themselves, which a program that knows nothing of
// git's ways may have written over.
func (rr recordReader) glance(ctx context.Context) (*lock.Table, error) {
	dir, packed, plain := rr.repo.RefFiles(rr.prefix)
	if !plain {
		return rr.table(ctx)
	}
	c := openCache(rr.cache)
	if rr.opened = &c; c.stamp == "" && len(c.records.Text) < worthAStamp*leastRecord {
		return rr.table(ctx) // so few, as nearly always, that none would be kept
	}
	now, settled := stamp.Of(rr.now(), dir, packed)
	if t, known := c.table(rr, now); known {
		return t, nil
	}
	all, err := rr.read(ctx, false)
	if err != nil {
		return nil, err
	}
	if settled && len(all.refs) >= worthAStamp && len(all.broken) == 0 && stamp.Flat(dir) {
		writeCache(rr.cache, rr.prefix, now, all)
	}
	t, _ := rr.sort(all)
	return t, nil
}

// list is table with the refs whose objects could not be read here. sure says
// that these are what the arbiter has, so that it is worth remembering.
func (rr recordReader) list(ctx context.Context, sure bool) (*lock.Table, []git.RefUpdate, error) {
	all, err := rr.read(ctx, sure)
	if err != nil {
		return nil, nil, err
	}
	t, unread := rr.sort(all)
	return t, unread, nil
}

// listing is the refs below a prefix, each with what it points to.
type listing struct {
	refs    []git.Ref
	records []*decoded
	broken  []git.Ref // those that point to nothing
}

func (rr recordReader) read(ctx context.Context, sure bool) (all listing, err error) {
	refs, err := rr.repo.Refs(ctx, rr.prefix)
	if err != nil {
		return all, err
	}
	for _, ref := range refs {
		if ref.Broken {
			all.broken = append(all.broken, ref)
		}
	}
	all.refs = slices.DeleteFunc(refs, func(ref git.Ref) bool { return ref.Broken })
	if all.records, err = rr.records(ctx, all.refs, sure); err != nil {
		return all, rr.repo.Diagnose(ctx, err)
	}
	return all, nil
}

// sort tells locks from damage, and from refs whose objects could not be read.
func (rr recordReader) sort(all listing) (t *lock.Table, unread []git.RefUpdate) {
	t = &lock.Table{Entries: make([]lock.Entry, 0, len(all.refs))}
	for _, ref := range all.broken {
		rr.damaged(t, refKey(rr.prefix, ref.Name), ref.OID, errBroken)
	}
	latest := rr.now().Add(maxLease)
	for i, ref := range all.refs {
		rec, key := all.records[i], refKey(rr.prefix, ref.Name)
		if ref.Symref != "" {
			rr.damaged(t, key, ref.OID, errSymref)
			continue
		}
		if rec.err != nil && rec.unread {
			unread = append(unread, git.RefUpdate{Name: ref.Name, Old: ref.OID})
		}
		rr.place(t, key, ref.OID, rec, latest)
	}
	return t, unread
}

// place enters a record that is at key, as a lock or as damage.
func (rr recordReader) place(t *lock.Table, key string, oid git.OID, rec *decoded, latest time.Time) {
	switch {
	case rec.err != nil:
		rr.damaged(t, key, oid, rec.err)
	case rec.key != key:
		rr.damaged(t, key, oid, errPlace)
	case rec.lock.Expires.After(latest):
		rr.damaged(t, key, oid, errFuture)
	default:
		t.Entries = append(t.Entries, lock.Entry{Lock: rec.lock, Key: key, Version: string(oid)})
		t.Entries[len(t.Entries)-1].Remote = rr.remote
	}
}

// decoded is a record, or why it is none.
type decoded struct {
	lock lock.Lock
	key  string // of its resource as spelled
	err  error
	// unread says that err is about the objects in this clone: the arbiter's may
	// be sound.
	unread bool
}

// worthRemembering is from how many records on that are not in the cache it is
// written: reading fewer again costs less, unless it took a git process.
const worthRemembering = 16

// records decodes what the refs point to, from the cache where it can. There is
// one for each ref, nil for symbolic ones.
func (rr recordReader) records(ctx context.Context, refs []git.Ref, sure bool) ([]*decoded, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	records, ok := rr.last.recall(refs)
	if !ok {
		if rr.opened == nil {
			c := openCache(rr.cache)
			rr.opened = &c
		}
		records = rr.opened.of(rr.prefix, refs)
	}
	defer rr.last.keep(refs, records)
	var missing []git.OID
	for i, ref := range refs {
		if ref.Symref == "" && records[i] == nil {
			missing = append(missing, ref.OID)
		}
	}
	if len(missing) == 0 {
		return records, nil
	}
	files, byGit, err := rr.repo.ReadFiles(ctx, missing, RecordFile)
	if err != nil {
		return nil, err
	}
	for i, ref := range refs {
		if ref.Symref != "" || records[i] != nil {
			continue
		}
		file := files[ref.OID]
		rec := &decoded{key: refKey(rr.prefix, ref.Name), err: file.Err, unread: file.Err != nil && !sure}
		if rec.err == nil {
			if l, key, err := Decode(file.Content); err != nil {
				rec.err = err
			} else {
				rec.lock, rec.key = l, key
			}
		}
		records[i] = rec
	}
	if byGit || len(missing) >= worthRemembering {
		writeCache(rr.cache, rr.prefix, "", listing{refs: refs, records: records})
	}
	return records, nil
}

func (rr recordReader) damaged(t *lock.Table, key string, oid git.OID, err error) {
	name := rr.prefix
	if key != "" {
		name += "/" + key
	}
	t.Damaged = append(t.Damaged, lock.Damage{Key: key, Version: string(oid), Err: &DamagedError{Ref: name, Err: err}})
}

// refKey is what stands after prefix in a ref's name; "" for prefix itself.
func refKey(prefix string, name git.RefName) string {
	return strings.TrimPrefix(strings.TrimPrefix(string(name), prefix), "/")
}
