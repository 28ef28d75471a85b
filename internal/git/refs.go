package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Ref is one ref as git lists it.
type Ref struct {
	Name   RefName
	OID    OID
	Symref RefName // what it points to when it is a symbolic ref
}

// Refs lists the refs below prefix, which has no final slash, ordered by name.
// It asks for nothing that would make git open an object: %(objecttype) would
// exit 128 on the first ref whose object is missing and hide all the others
// (git 2.39). Refs that git cannot read at all are left out; see BrokenRefs.
func (r *Repo) Refs(ctx context.Context, prefix string) ([]Ref, error) {
	out, err := r.read(ctx, "for-each-ref", "--format=%(objectname) %(refname) %(symref)", prefix)
	if err != nil {
		return nil, err
	}
	refs := make([]Ref, 0, bytes.Count(out, []byte{'\n'}))
	for line := range strings.Lines(string(out)) {
		oid, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name, symref, _ := strings.Cut(rest, " ")
		refs = append(refs, Ref{Name: RefName(name), OID: OID(oid), Symref: RefName(symref)})
	}
	return refs, nil
}

// RefUpdate is one change of a ref in a transaction. An empty Old demands that
// the ref does not exist, an empty New deletes it.
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
	return r.change(ctx, in.Bytes(), "update-ref", "--no-deref", "--stdin", "-z")
}

// CheckWritable tries to write below the common git directory and returns the
// system's error: git tells of a full disk or missing permission in prose only.
func (r *Repo) CheckWritable() error {
	f, err := os.CreateTemp(r.CommonDir, "tmp_")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	f.Close()
	os.Remove(f.Name())
	return err
}

// BrokenRefs names the loose refs directly below prefix that git leaves out of
// its listing because their file holds neither an object id nor a symbolic ref
// to something that exists. listed is what Refs returned for the same prefix.
func (r *Repo) BrokenRefs(prefix string, listed []Ref) []RefName {
	entries, err := os.ReadDir(filepath.Join(r.CommonDir, filepath.FromSlash(prefix)))
	if err != nil {
		return nil // no loose refs, or none in files
	}
	known := make(map[RefName]bool, len(listed))
	for _, ref := range listed {
		known[ref.Name] = true
	}
	var broken []RefName
	for _, e := range entries {
		name := RefName(prefix + "/" + e.Name())
		if known[name] || strings.HasSuffix(e.Name(), ".lock") || e.IsDir() {
			continue
		}
		// A ref made since the listing is missing from it too, and is sound.
		if text, err := os.ReadFile(r.refFile(name)); err == nil && !isOID(string(text)) {
			broken = append(broken, name)
		}
	}
	return broken
}

// RemoveBrokenRef deletes the file of a ref that BrokenRefs named: git refuses
// to delete or replace what it cannot read. It works under git's own lock file
// for that ref and leaves the ref alone when it has become sound.
func (r *Repo) RemoveBrokenRef(name RefName) error {
	file := r.refFile(name)
	if text, err := os.ReadFile(file); err != nil || isOID(string(text)) {
		return nil
	}
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	lock.Close()
	defer os.Remove(file + ".lock")
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) || err == nil && isOID(string(text)) {
		return nil
	}
	return os.Remove(file)
}

func (r *Repo) refFile(name RefName) string {
	return filepath.Join(r.CommonDir, filepath.FromSlash(string(name)))
}

// isOID tells whether text, as a ref file holds it, is an object id.
func isOID(text string) bool {
	text = strings.TrimRight(text, "\n\r \t")
	if len(text) != 40 && len(text) != 64 {
		return false
	}
	return strings.Trim(text, "0123456789abcdef") == ""
}
