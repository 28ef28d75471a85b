package refstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/filelock"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
)

// mirrors holds, below the name of each remote, the exact mirror of its locks as
// they were last read. It is not below refs/grite, because other programs push
// everything there. The mirror is a copy: whatever is wrong with its files is
// repaired by dropping them and fetching again.
const mirrors = "refs/git-grite/remotes/"

// mirrorOf is where the mirror of a remote is. A slash in the name is escaped: of
// remotes called "a" and "a/b" one mirror would lie within the other.
func mirrorOf(name string) string { return mirrors + escaped(name) }

func escaped(name string) string { return strings.NewReplacer("%", "%25", "/", "%2F").Replace(name) }

// Notes is where the copy of the remote's notes is, which come with its locks.
func (s *Remote) Notes() string { return "refs/git-grite/notes/" + escaped(s.remote.Name) }

// maxFetches is how often a fetch is tried that failed for a passing reason.
const maxFetches = 5

// staleLock is the age from which on a lock file in the mirror belongs to no git
// that is at work: one changes a ref in milliseconds.
const staleLock = time.Second

// fetch brings the mirror up to date and lists it before anybody else can: an
// older fetch of another process would prune what this one has just seen. So
// would one whose process was killed, which therefore holds the lock until it
// ends.
func (s *Remote) fetch(ctx context.Context, more ...string) (*lock.View, error) {
	l, err := filelock.Take(ctx, s.lockPath(), remoteTimeout)
	if err != nil {
		return nil, err
	}
	defer l.End()
	ctx = git.Under(ctx, l.File)
	last := s.AsOf()
	before, err := s.mirrored(ctx)
	if err != nil {
		return nil, err
	}
	sent, err := s.pullAll(ctx, more...)
	if err != nil {
		return nil, err
	}
	t, unread, err := s.mirror.list(ctx, false)
	if err == nil && len(unread) > 0 {
		// Perhaps only this clone lacks their objects.
		if err = s.repo.UpdateRefs(ctx, unread); err == nil {
			err = s.pull(ctx, []string{""})
		}
		if err == nil {
			t, _, err = s.mirror.list(ctx, true)
		}
	}
	if err != nil {
		return nil, err
	}
	v := &lock.View{Table: *t, Asked: sent}
	if !last.IsZero() {
		v.Clocks = v.Doubt(before, last, s.now())
	}
	// For people only: who reads "as of" must not be kept from locking.
	_ = atomicfile.Write(s.agePath(), fmt.Appendf(nil, "%s %d\n", s.Arbiter().key(), sent.UnixMilli()), 0o666)
	return v, nil
}

// mirrored returns the keys that the mirror has, before a fetch. When a ref of it
// is symbolic or no ref at all, everything goes: git would follow the former, and
// change a branch and not the mirror.
func (s *Remote) mirrored(ctx context.Context) (map[string]bool, error) {
	keys := map[string]bool{}
	for _, prefix := range []string{s.mirror.prefix, s.Notes()} {
		refs, err := s.repo.Refs(ctx, prefix)
		unfit := false
		for _, ref := range refs {
			if prefix == s.mirror.prefix {
				keys[refKey(prefix, ref.Name)] = true
			}
			unfit = unfit || ref.Broken || ref.Symref != ""
		}
		if err == nil && unfit {
			err = s.repo.DropRefs(ctx, prefix, s.now().Add(-staleLock))
		}
		if err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// pull fetches the locks whose keys begin in one of some ways, and with all of
// them the notes, again where the failure may be gone in a moment. What stands in
// its way among the refs of the mirror is removed when it is older than any git
// that may be at work there.
func (s *Remote) pull(ctx context.Context, beginnings []string, more ...string) error {
	var refspecs []string
	for _, b := range beginnings {
		refspecs = append(refspecs, "+"+Namespace+"/"+b+"*:"+s.mirror.prefix+"/"+b+"*")
	}
	if beginnings[0] == "" {
		refspecs = append(refspecs, "+"+lock.NotesNamespace+"/*:"+s.Notes()+"/*")
	}
	refspecs = append(refspecs, more...)
	backoff := protocol.Backoff{Next: 100 * time.Millisecond, Max: 2 * time.Second}
	for try := 1; ; try++ {
		remote := s.remote
		if try%2 == 0 {
			remote = remote.Version0()
		}
		err := remote.Fetch(ctx, refspecs...)
		var failed *git.RemoteError
		if err == nil || ctx.Err() != nil || !errors.As(err, &failed) || try == maxFetches {
			return err
		}
		switch {
		case failed.Local():
			if disk := atomicfile.CheckWritable(s.repo.CommonDir); disk != nil {
				return fmt.Errorf("%w (%v)", disk, err)
			}
			// Failing is no reason to stop: a lock file may not be old enough yet.
			for _, prefix := range []string{s.mirror.prefix, s.Notes()} {
				_ = s.repo.DropRefs(ctx, prefix, s.now().Add(-staleLock))
			}
		case !failed.Transient():
			return err
		}
		if err := backoff.Wait(ctx, backoff.Max); err != nil {
			return err
		}
	}
}

func (s *Remote) lockPath() string { return filepath.Join(s.dir, "mirror.lock") }

// agePath is a file beside the lock because who may only read this clone reads it.
func (s *Remote) agePath() string { return filepath.Join(s.dir, "mirror.age") }

// AsOf returns when the mirror was last brought up to date, the zero time for
// never.
func (s *Remote) AsOf() time.Time {
	text, err := atomicfile.Read(s.agePath())
	key, ms, ok := strings.Cut(strings.TrimSpace(string(text)), " ")
	n, numErr := strconv.ParseInt(ms, 10, 64)
	if err != nil || numErr != nil || !ok || key != s.Arbiter().key() {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

// Missing returns how many refs of the mirror have objects that are missing here, and
// can drop these, so that the next look fetches them again.
func (s *Remote) Missing(ctx context.Context, drop bool) (int, error) {
	refs, err := s.repo.MissingRefs(ctx, s.mirror.prefix, RecordFile)
	if err == nil && drop {
		err = s.repo.UpdateRefs(ctx, refs)
	}
	return len(refs), err
}

// RemoveMirror deletes the refs of the mirror, and of the copy of the notes.
func (s *Remote) RemoveMirror(ctx context.Context) error {
	return errors.Join(s.repo.DropRefs(ctx, s.mirror.prefix, s.now()), s.repo.DropRefs(ctx, s.Notes(), s.now()))
}

// Pushed lets other processes of this clone see at once what was renewed or
// released; a new lock is read back anyhow before it is granted. Each ref moves
// only from the value that the push replaced: what another process has read since
// is newer, unless that is an older record of the same grant. Failing to is no
// error, because the next look or renewal corrects it; so it is left when another
// process is at work on the mirror.
func (s *Remote) Pushed(ctx context.Context, changes []lock.Change) {
	var updates []git.RefUpdate
	for _, c := range changes {
		if c.Old != "" {
			u := update(c)
			u.Name = git.RefName(s.mirror.prefix + "/" + c.Key)
			updates = append(updates, u)
		}
	}
	if len(updates) == 0 {
		return
	}
	if l, ok, err := filelock.Try(s.lockPath()); ok && err == nil {
		defer l.End()
		if ctx = git.Under(ctx, l.File); s.repo.MoveRefs(ctx, updates) != nil {
			s.catchUp(ctx, changes)
		}
	}
}

// catchUp moves what an earlier renewal did not.
func (s *Remote) catchUp(ctx context.Context, changes []lock.Change) {
	var updates []git.RefUpdate
	t, _, err := s.mirror.list(ctx, false)
	if err != nil {
		return
	}
	for _, c := range changes {
		e, ok := t.At(c.Key)
		if ok && c.New != nil && e.Nonce == c.New.Nonce && e.Expires.Before(c.New.Expires) {
			u := update(c)
			u.Name, u.Old = git.RefName(s.mirror.prefix+"/"+c.Key), git.OID(e.Version)
			updates = append(updates, u)
		}
	}
	_ = s.repo.MoveRefs(ctx, updates)
}
