package receive

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/note"
	"github.com/git-grite/git-grite/internal/refstore"
)

const (
	locksPrefix   = refstore.Namespace + "/"
	waitingPrefix = "refs/git-grite/waiting/"
	notesPrefix   = lock.NotesNamespace + "/"
)

// The names of our refs: the key of a lock, and that of a waiter with its ticket
// and nonce.
func isKey(name string) bool {
	return len(name) == 16 && strings.Trim(name, "0123456789abcdef") == ""
}

func isWaiter(name string) bool {
	return regexp.MustCompile(`^[0-9a-f]{16}-[0-9]{1,20}-[0-9A-Za-z-]{1,64}$`).MatchString(name)
}

// maxText is the longest owner, nonce, label or reason, in bytes.
const maxText = 200

// aheadOfUs is how far a client's clock may be ahead of the server's before its
// leases are found to be too long.
const aheadOfUs = time.Minute

// record is what a commit says, or why it is no record.
type record struct {
	lock.Lock
	key string
	err error
}

// isRecord reports whether a ref is one whose object is read.
func isRecord(name string) bool {
	return strings.HasPrefix(name, locksPrefix) || strings.HasPrefix(name, waitingPrefix) || strings.HasPrefix(name, notesPrefix)
}

// records judges the changes of our own refs.
func (j *judgement) records(ctx context.Context, updates []Update) error {
	if len(updates) == 0 {
		return nil
	}
	var oids []git.OID
	for _, u := range updates {
		for _, oid := range []git.OID{u.Old, u.New} {
			if oid != "" && isRecord(string(u.Ref)) {
				oids = append(oids, oid)
			}
		}
	}
	files, err := j.Repo.ReadOneFiles(ctx, oids)
	if err != nil {
		return err
	}
	made := map[lock.Owner]int{}
	for _, u := range updates {
		why := ""
		switch name := string(u.Ref); {
		case strings.HasPrefix(name, locksPrefix) && isKey(name[len(locksPrefix):]):
			before, after := decode(files[u.Old]), decode(files[u.New])
			if why = j.lock(u, before, after); why == "" && u.New != "" {
				j.claims[after.Owner] = true
				if u.Old == "" || before.err != nil || before.Owner != after.Owner || !before.Live(j.At) {
					made[after.Owner]++
				}
			}
			if u.New == "" && why == "" && before.err == nil && before.Live(j.At) {
				j.claims[before.Owner] = true
				made[before.Owner]--
			}
		case u.New == "": // whatever it was, it had no business there
		case strings.HasPrefix(name, waitingPrefix) && isWaiter(name[len(waitingPrefix):]):
			if err := files[u.New].Err; err != nil {
				why = err.Error()
			}
		case strings.HasPrefix(name, notesPrefix) && note.Named(name[len(notesPrefix):]):
			why = j.note(name[len(notesPrefix):], files[u.Old], files[u.New])
		case !j.allowed(name):
			why = "no such ref is kept here"
		}
		if why != "" {
			j.Refusals = append(j.Refusals, Refusal{u.Ref, why})
		}
	}
	return j.count(ctx, made)
}

// allowed reports whether a ref is one that the server takes without looking.
func (j *judgement) allowed(name string) bool {
	for _, pattern := range j.Rules.Allow {
		if below, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasPrefix(name, below) || name == pattern {
			return true
		}
	}
	return false
}

func decode(f git.OneFile) (r record) {
	switch {
	case f.Err != nil:
		return record{err: f.Err}
	case f.Name != refstore.RecordFile:
		return record{err: fmt.Errorf("it holds no %s", refstore.RecordFile)}
	}
	r.Lock, r.key, r.err = refstore.Decode(f.Content)
	return r
}

// lock judges the change of one lock; "" lets it pass. A record that is damaged
// protects nobody, and neither does one whose lease is over.
func (j *judgement) lock(u Update, before, after record) string {
	protected := u.Old != "" && before.err == nil && !before.Released() && j.At.Before(before.Expires.Add(j.Rules.ClockSkew))
	if u.New == "" {
		if protected && !j.may(before.Owner, before.Label) {
			return "it is held by " + before.Holder() + " " + j.left(before.Lock)
		}
		return ""
	}
	if err := j.fit(u, after); err != nil {
		return err.Error()
	}
	if !j.may(after.Owner, after.Label) {
		return fmt.Sprintf("%s is not an actor of %s", after.Holder(), j.who())
	}
	breaks := after.Tombstone() && after.BrokenNonce == before.Nonce && after.BrokenOwner == before.Owner
	if protected && after.Owner != before.Owner && !breaks {
		return "it is held by " + before.Holder() + " " + j.left(before.Lock)
	}
	return ""
}

func (j *judgement) who() string {
	if j.push.Login == "" {
		return "somebody without a login"
	}
	return j.push.Login
}

func (j *judgement) left(l lock.Lock) string {
	if d := l.Expires.Sub(j.At); d > 0 {
		return fmt.Sprintf("for %s more", d.Round(time.Second))
	}
	return fmt.Sprintf("until %s from now", l.Expires.Add(j.Rules.ClockSkew).Sub(j.At).Round(time.Second))
}

// fit reports why a record cannot be taken from anybody.
func (j *judgement) fit(u Update, r record) error {
	if r.err != nil {
		return r.err
	}
	if r.key != path.Base(string(u.Ref)) {
		return fmt.Errorf("its resource belongs to %s%s", locksPrefix, r.key)
	}
	for name, text := range map[string]string{"owner": string(r.Owner), "nonce": r.Nonce, "label": r.Label, "reason": r.Reason} {
		if len(text) > maxText {
			return fmt.Errorf("its %s is longer than %d bytes", name, maxText)
		}
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
			return fmt.Errorf("its %s has unprintable characters", name)
		}
	}
	switch lease := r.Expires.Sub(j.At); {
	case r.Expires.UnixMilli() < 0:
		return errors.New("it expires before there was time")
	case r.TTL > j.Rules.MaxTTL || lease > j.Rules.MaxTTL+aheadOfUs:
		return fmt.Errorf("its lease of %s is longer than the %s that this server allows", max(lease, r.TTL).Round(time.Second), j.Rules.MaxTTL)
	}
	return nil
}

// count holds owners to their number of locks.
func (j *judgement) count(ctx context.Context, made map[lock.Owner]int) error {
	growing := false
	for _, n := range made {
		growing = growing || n > 0
	}
	if !growing {
		return nil
	}
	if err := j.load(ctx); err != nil {
		return err
	}
	for _, e := range j.locks {
		if n, ok := made[e.Owner]; ok && e.Live(j.At) {
			made[e.Owner] = n + 1
		}
	}
	for owner, n := range made {
		if n > j.Rules.MaxLocks {
			j.Refusals = append(j.Refusals, Refusal{refstore.Namespace, fmt.Sprintf("%s would hold %d locks; this server allows %d", owner.Short(), n, j.Rules.MaxLocks)})
		}
	}
	return nil
}
