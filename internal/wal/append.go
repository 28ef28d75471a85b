package wal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/git"
)

// Bounds on one commit that is written. More events become several commits.
const (
	maxCommitEvents = 1000
	maxCommitBytes  = 1 << 20
)

// Appended is what became of an Append or a Sync.
type Appended struct {
	Heads
	Sent    int     // events that only this clone had; of a Sync
	Rewound git.OID // as in Fetched
	Merged  int     // as in Fetched
}

// Append adds events at the end of the log: of the remote or, where there is
// none or offline is set, of this clone. With a remote, what this clone has
// appended offline goes along. Even when others append at the same time, each
// event is in the log once.
//
// When it fails the events are in neither log, except with ErrUnknown. It
// returns *git.RemoteError, *RefusedError and *DamagedError.
func (l *Log) Append(ctx context.Context, events []Event, offline bool) (Appended, error) {
	for i := range events {
		if events[i].hash() != events[i].ID {
			return Appended{}, errID
		}
	}
	if l.Remote == nil || offline {
		return l.appendHere(ctx, events)
	}
	return l.send(ctx, events)
}

// Sync makes the remote's log and that of this clone the same. The errors are
// those of Append.
func (l *Log) Sync(ctx context.Context) (Appended, error) {
	f, err := l.Fetch(ctx)
	a := Appended{Heads: f.Heads, Rewound: f.Rewound, Merged: f.Merged}
	if err != nil || f.Here == f.There {
		return a, err
	}
	unsent, err := l.missing(ctx, f.There, f.Here)
	if err != nil {
		return a, err
	}
	b, err := l.send(ctx, nil)
	b.Sent = len(unsent)
	b.saw(f)
	return b, err
}

// Unsent returns the events that this clone has and the remote, when it was last
// seen, had not.
func (l *Log) Unsent(ctx context.Context) ([]Event, error) {
	heads, err := l.Heads(ctx)
	if err != nil || l.Remote == nil || heads.Here == heads.There {
		return nil, err
	}
	return l.missing(ctx, heads.There, heads.Here)
}

func (l *Log) appendHere(ctx context.Context, events []Event) (Appended, error) {
	for try := 0; ; try++ {
		old, err := l.Heads(ctx)
		if err != nil {
			return Appended{}, err
		}
		base, err := l.base(ctx, old)
		if err != nil {
			return Appended{}, err
		}
		head, err := l.commit(ctx, base, events)
		if err != nil {
			return Appended{}, err
		}
		err = l.Repo.UpdateRefs(ctx, moved(nil, Ref, old.Here, head))
		if err == nil {
			return Appended{Heads: Heads{Here: head, There: old.There}}, nil
		}
		if err := l.again(ctx, old, try, err); err != nil {
			return Appended{}, err
		}
	}
}

// base is the commit to append to, which comes after both heads. That is Here,
// unless another program has moved that ref.
func (l *Log) base(ctx context.Context, heads Heads) (git.OID, error) {
	if heads.Here == heads.There || heads.There == "" {
		return heads.Here, nil
	}
	f := Fetched{Heads: Heads{There: heads.There}}
	err := l.join(ctx, heads, &f)
	return f.Here, err
}

// send pushes the log of this clone with events at its end. The first try goes
// by what the remote had when it was last seen, so that it costs one push where
// nobody else has appended since.
func (l *Log) send(ctx context.Context, events []Event) (a Appended, err error) {
	kept := false // the remote may have the events, and this clone has them
	for try, busy := 0, 0; ; try++ {
		heads, err := l.Heads(ctx)
		if err != nil {
			return a, err
		}
		head, err := l.base(ctx, heads)
		if err == nil {
			head, err = l.commit(ctx, head, events)
		}
		if err != nil {
			return a, err
		}
		if head == heads.There {
			a.Heads = heads
			return a, nil
		}
		report, pushErr := l.Remote.Push(ctx, []git.RefUpdate{{Name: Ref, Old: heads.There, New: head}})
		switch status := report.Status[Ref]; {
		case status == git.PushDone:
			a.Heads = l.settle(ctx, heads, head)
			return a, nil
		case status == git.PushRefused:
			return a, l.refused(report.Reason, kept)
		case status == git.PushUnknown && never(pushErr) && !kept:
			return a, pushErr
		case status == git.PushUnknown && !kept:
			if err := l.keep(ctx, heads, head); err != nil {
				return a, unknown(errors.Join(pushErr, err))
			}
			kept, events = true, nil
		}
		if ctx.Err() != nil && kept {
			return a, unknown(context.Cause(ctx))
		}
		f, err := l.Fetch(ctx)
		if err != nil && kept {
			err = unknown(errors.Join(pushErr, err))
		}
		if err != nil {
			return a, err
		}
		a.saw(f)
		if f.There == heads.There {
			busy++
		}
		switch {
		case busy > maxBusy && pushErr != nil && kept:
			return a, unknown(pushErr)
		case busy > maxBusy:
			return a, l.refused(report.Reason, kept)
		}
		if err := pause(ctx, try); err != nil {
			return a, err
		}
	}
}

func (a *Appended) saw(f Fetched) {
	a.Merged += f.Merged
	if f.Rewound != "" {
		a.Rewound = f.Rewound
	}
}

func unknown(err error) error { return fmt.Errorf("%w: %w", ErrUnknown, err) }

func (l *Log) refused(reason string, kept bool) error {
	if reason == "" {
		reason = "it neither takes a change nor says why"
	}
	err := error(&RefusedError{Remote: l.Remote.Name, Reason: reason})
	if kept {
		err = unknown(err)
	}
	return err
}

// never reports whether a push that brought no answer surely did nothing: git
// gave up by itself, as it does when it cannot connect or may not push. One
// whose server went away in the middle ("hung up unexpectedly", git 2.39) may
// have done all of it.
func never(err error) bool {
	var failed *git.Error
	return errors.As(err, &failed) && failed.ExitCode == 128 && !strings.Contains(failed.Stderr, "hung up unexpectedly")
}

// settle moves the refs of this clone after a push that was done. Where another
// process has moved them meanwhile, the next Fetch brings the two together.
func (l *Log) settle(ctx context.Context, old Heads, head git.OID) Heads {
	ctx = context.WithoutCancel(ctx)
	here, there := moved(nil, Ref, old.Here, head), moved(nil, l.mirror(), old.There, head)
	if l.Repo.UpdateRefs(ctx, append(here, there...)) != nil {
		_ = l.Repo.UpdateRefs(ctx, there)
		_ = l.Repo.UpdateRefs(ctx, here)
	}
	return Heads{Here: head, There: head}
}

// keep makes head the log of this clone, which may be that of the remote, too.
func (l *Log) keep(ctx context.Context, old Heads, head git.OID) error {
	ctx = context.WithoutCancel(ctx)
	for try := 0; ; try++ {
		err := l.Repo.UpdateRefs(ctx, moved(nil, Ref, old.Here, head))
		if err == nil {
			return nil
		}
		if err := l.again(ctx, old, try, err); err != nil {
			return err
		}
		if old, err = l.Heads(ctx); err != nil {
			return err
		}
		f := Fetched{Heads: Heads{There: head}}
		if err := l.join(ctx, Heads{Here: old.Here}, &f); err != nil {
			return err
		}
		head = f.Here
	}
}

// commit writes the commits that append events to parent and returns the last
// one, which is parent itself when there are none.
func (l *Log) commit(ctx context.Context, parent git.OID, events []Event) (git.OID, error) {
	for len(events) > 0 {
		n, size := 0, 0
		for n < len(events) && n < maxCommitEvents && (n == 0 || size+len(events[n].Payload) < maxCommitBytes) {
			size += len(events[n].Payload) + 256
			n++
		}
		chunk := encodeChunk(events[:n])
		hash := chunkHash(chunk)
		day := time.UnixMilli(int64(min(events[0].Time, MaxTime))).UTC().Format("2006/01/02")
		prev := "null"
		if parent != "" {
			prev = `"` + string(parent) + `"`
		}
		meta := fmt.Sprintf("{\n  \"schema_version\": 1,\n  \"actor_id\": %q,\n  \"chunk_hash\": %q,\n  \"prev_wal\": %s\n}", l.Actor, hash, prev)
		var err error
		parent, err = l.Repo.WriteLogCommit(ctx, git.LogCommit{
			Files:   map[string][]byte{"meta.json": []byte(meta), "events/" + day + "/" + hash + ".bin": chunk},
			Parent:  parent,
			Author:  "grite <grit@local>",
			Message: fmt.Sprintf("WAL: %d events from %.8s", n, l.Actor),
			Time:    l.Now(),
		})
		if err != nil {
			return "", err
		}
		events = events[n:]
	}
	return parent, nil
}
