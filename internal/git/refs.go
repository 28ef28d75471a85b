package git

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// Refs lists the refs below prefix, which has no final slash, ordered by name;
// a ref called prefix itself is among them. No object is opened, so that a ref
// whose object is missing hides nothing. A file of a ref that cannot be read is
// an error, not a broken ref: it says nothing about the ref.
func (r *Repo) Refs(ctx context.Context, prefix string) ([]Ref, error) {
	if r.direct == nil {
		return r.refsByGit(ctx, prefix)
	}
	return r.direct.Refs.List(prefix)
}

// RefFiles returns the directory of the refs below prefix and the file of the packed
// ones, which together are all there is about them; it is not ok where git keeps refs
// otherwise.
func (r *Repo) RefFiles(prefix string) (dir, packed string, ok bool) {
	if r.direct == nil {
		return "", "", false
	}
	return r.direct.Refs.File(RefName(prefix)), r.direct.Refs.File("packed-refs"), true
}

func (r *Repo) refsByGit(ctx context.Context, prefix string) ([]Ref, error) {
	// Nothing that would make git open an object: %(objecttype) would exit 128
	// on the first ref whose object is missing and hide all others (git 2.39).
	out, err := r.read(ctx, "for-each-ref", "--format=%(objectname) %(refname) %(symref)", prefix)
	if err != nil {
		return nil, r.Diagnose(ctx, err)
	}
	var refs []Ref
	for line := range strings.Lines(string(out)) {
		oid, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name, symref, _ := strings.Cut(rest, " ")
		refs = append(refs, Ref{Name: RefName(name), OID: OID(oid), Symref: RefName(symref)})
	}
	return refs, nil
}

// RefUpdate is one change of a ref. An empty Old demands that the ref does not
// exist, an empty New deletes it.
type RefUpdate struct {
	Name     RefName
	Old, New OID
}

// UpdateRefs makes all changes or none, each only when the ref still has its
// Old value. Symbolic refs are changed themselves, never what they point to:
// without --no-deref a symref among the locks would make us move or delete the
// branch that it names (git 2.39).
func (r *Repo) UpdateRefs(ctx context.Context, updates []RefUpdate) error {
	if len(updates) == 0 {
		return nil
	}
	var in bytes.Buffer
	for _, u := range updates {
		switch {
		case u.New == "":
			fmt.Fprintf(&in, "delete %s\x00%s\x00", u.Name, u.Old)
		case u.Old == "":
			fmt.Fprintf(&in, "create %s\x00%s\x00", u.Name, u.New)
		default:
			fmt.Fprintf(&in, "update %s\x00%s\x00%s\x00", u.Name, u.New, u.Old)
		}
	}
	_, err := r.run(ctx, command{mute: true, stdin: in.Bytes(), args: []string{"update-ref", "--no-deref", "--stdin", "-z"}})
	return err
}

// UpdateRef is UpdateRefs for one ref. It saves a git process where that is plainly
// possible: no hook and no log has to hear of it.
func (r *Repo) UpdateRef(ctx context.Context, u RefUpdate) error {
	return r.moveRefs(ctx, []RefUpdate{u}, true)
}

// MoveRefs is UpdateRef for several refs that are copies of others, each of which
// is changed by itself.
func (r *Repo) MoveRefs(ctx context.Context, updates []RefUpdate) error {
	return r.moveRefs(ctx, updates, false)
}

func (r *Repo) moveRefs(ctx context.Context, updates []RefUpdate, durable bool) error {
	c, err := r.settings(ctx)
	if err != nil {
		return err
	}
	logs, _ := c.Last("core.logallrefupdates")
	if _, set := c.Last("core.hookspath"); r.direct == nil || set || c.Has("hook.") || strings.EqualFold(logs, "always") || durable && c.Has("core.fsync") {
		return r.UpdateRefs(ctx, updates) // a hook may want to know (reference-transaction)
	}
	mode, err := r.sharing(ctx)
	if err != nil {
		return err
	}
	var left []RefUpdate
	for _, u := range updates {
		if !r.direct.Refs.Move(u.Name, u.Old, u.New, mode, durable) {
			left = append(left, u)
		}
	}
	return r.UpdateRefs(ctx, left)
}

// RemoveBrokenRef deletes the file of a ref that Refs calls broken: git refuses
// to delete or replace what it cannot read. It works under git's own lock file
// for that ref and leaves the ref alone when it has become sound.
func (r *Repo) RemoveBrokenRef(name RefName) error {
	if r.direct == nil {
		return nil // Refs calls none broken
	}
	return r.direct.Refs.RemoveBroken(name)
}
