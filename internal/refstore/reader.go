package refstore

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// recordReader reads the locks below a ref prefix.
type recordReader struct {
	repo   *git.Repo
	now    func() time.Time
	prefix string
	remote string // whose locks they are, "" for this clone's
	cache  string // the file that remembers decoded records
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

// list is table with the refs whose objects could not be read here. sure says
// that these are what the arbiter has, so that it is worth remembering.
func (rr recordReader) list(ctx context.Context, sure bool) (*lock.Table, []git.RefUpdate, error) {
	refs, err := rr.repo.Refs(ctx, rr.prefix)
	if err != nil {
		return nil, nil, err
	}
	t := &lock.Table{Entries: make([]lock.Entry, 0, len(refs))}
	for _, ref := range refs {
		if ref.Broken {
			t.Damaged = append(t.Damaged, rr.damage(ref, errBroken))
		}
	}
	refs = slices.DeleteFunc(refs, func(ref git.Ref) bool { return ref.Broken })
	records, err := rr.records(ctx, refs, sure)
	if err != nil {
		return nil, nil, rr.repo.Diagnose(ctx, err)
	}
	var unread []git.RefUpdate
	latest := rr.now().Add(maxLease)
	for i, ref := range refs {
		rec := records[i]
		key := refKey(rr.prefix, ref.Name)
		switch {
		case ref.Symref != "":
			t.Damaged = append(t.Damaged, rr.damage(ref, errSymref))
		case rec.err != nil:
			if rec.unread {
				unread = append(unread, git.RefUpdate{Name: ref.Name, Old: ref.OID})
			}
			t.Damaged = append(t.Damaged, rr.damage(ref, rec.err))
		case rec.key != key:
			t.Damaged = append(t.Damaged, rr.damage(ref, errPlace))
		case rec.lock.Expires.After(latest):
			t.Damaged = append(t.Damaged, rr.damage(ref, errFuture))
		default:
			e := lock.Entry{Lock: rec.lock, Key: key, Version: string(ref.OID)}
			e.Remote = rr.remote
			t.Entries = append(t.Entries, e)
		}
	}
	return t, unread, nil
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
		records = readCache(rr.cache, rr.prefix, refs)
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
		writeCache(rr.cache, rr.prefix, refs, records)
	}
	return records, nil
}

func (rr recordReader) damage(ref git.Ref, err error) lock.Damage {
	return lock.Damage{
		Key: refKey(rr.prefix, ref.Name), Version: string(ref.OID),
		Err: &DamagedError{Ref: string(ref.Name), Err: err},
	}
}

// refKey is what stands after prefix in a ref's name; "" for prefix itself.
func refKey(prefix string, name git.RefName) string {
	return strings.TrimPrefix(strings.TrimPrefix(string(name), prefix), "/")
}
