package refstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
)

// lineFile is the one file in the tree of an entry of the line.
const lineFile = "waiter.json"

// lines holds, below the name of each remote, a copy of those who wait there.
const lines = "refs/git-grite/line/"

// Line is where those who wait for the locks of a remote stand: a ref for each,
// refs/git-grite/waiting/<key>-<ticket>-<nonce>. It is a protocol.Line, for one
// command.
type Line struct {
	remote *Remote
	own    git.OID // of the entry that Join made

	seen string // what the last look listed; while nothing moves, nothing is fetched
	view *lock.View
	line []lock.Waiter
}

// Line is the line of those who wait for the locks of this remote.
func (s *Remote) Line() *Line { return &Line{remote: s} }

func lineRef(w lock.Waiter) git.RefName {
	return git.RefName(lock.WaitingNamespace + "/" + w.Name())
}

// Join writes an entry down. It returns *git.RemoteError and *RefusedError.
func (l *Line) Join(ctx context.Context, w lock.Waiter) error {
	oid, err := l.remote.repo.WriteCommit(ctx, git.FileCommit{Name: lineFile, Content: w.Encode(), Message: "Waiting: " + w.Resources[0].String(), Time: w.Ticket})
	if err != nil {
		return err
	}
	l.own = oid
	report, err := l.remote.remote.Push(ctx, []git.RefUpdate{{Name: lineRef(w), New: oid}})
	switch {
	case report.Status[lineRef(w)] == git.PushDone:
		return nil
	case err != nil:
		return err
	}
	return &RefusedError{Remote: l.remote.Name(), Reason: report.Reason}
}

// Leave removes the entry that Join made.
func (l *Line) Leave(ctx context.Context, w lock.Waiter) error {
	_, err := l.remote.remote.Push(ctx, []git.RefUpdate{{Name: lineRef(w), Old: l.own}})
	return err
}

// maxSwept is how many entries one look removes whose wait is over.
const maxSwept = 10

// Look lists the locks, the notes about them and the line, and fetches them when
// something moved.
func (l *Line) Look(ctx context.Context) (*lock.View, []lock.Waiter, error) {
	refs, err := l.remote.remote.List(ctx, Namespace+"/*", lock.WaitingNamespace+"/*", lock.NotesNamespace+"/*")
	if err != nil {
		return nil, nil, err
	}
	var listing strings.Builder
	for _, ref := range refs {
		fmt.Fprintln(&listing, ref.OID, ref.Name)
	}
	if l.view != nil && listing.String() == l.seen {
		return l.view, l.line, nil
	}
	into := lines + strings.TrimPrefix(l.remote.mirror.prefix, mirrors)
	view, err := l.remote.load(ctx, "+"+lock.WaitingNamespace+"/*:"+into+"/*")
	if err != nil {
		return nil, nil, err
	}
	l.view, l.seen = view, listing.String()
	l.line, err = l.read(ctx, into)
	return l.view, l.line, err
}

// read reads the entries of the line, and removes from the remote those that are
// damaged or whose wait is over.
func (l *Line) read(ctx context.Context, prefix string) (line []lock.Waiter, err error) {
	repo := l.remote.repo
	refs, err := repo.Refs(ctx, prefix)
	if err != nil {
		return nil, err
	}
	refs = slices.DeleteFunc(refs, func(ref git.Ref) bool { return ref.Broken || ref.Symref != "" })
	oids := make([]git.OID, 0, len(refs))
	for _, ref := range refs {
		oids = append(oids, ref.OID)
	}
	contents, _, err := repo.ReadFiles(ctx, oids, lineFile)
	if err != nil {
		return nil, err
	}
	var over []git.RefUpdate
	for _, ref := range refs {
		name := refKey(prefix, ref.Name)
		w, err := lock.ParseWaiter(name, contents[ref.OID].Content)
		if err = errors.Join(err, contents[ref.OID].Err); err == nil && !w.Ended(l.remote.now(), lock.WaitSkew) {
			line = append(line, w)
		} else if len(over) < maxSwept {
			over = append(over, git.RefUpdate{Name: git.RefName(lock.WaitingNamespace + "/" + name), Old: ref.OID})
		}
	}
	if len(over) > 0 {
		_ = l.remote.sweep(ctx, over) // the next look tries again
	}
	return line, nil
}
