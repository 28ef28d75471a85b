package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Ref is one ref as it stands.
type Ref struct {
	Name   RefName
	OID    OID     // "" when Broken
	Symref RefName // what it points to when it is a symbolic ref
	// Broken marks a ref whose file holds neither an object id nor a symbolic
	// ref to something that exists. Git leaves it out of its listings.
	Broken bool
}

// Refs lists the refs below prefix, which has no final slash, ordered by name;
// a ref called prefix itself is among them. No object is opened, so that a ref
// whose object is missing hides nothing.
//
// The files of the refs are read directly, loose ones before packed ones as git
// does it, because a ref moves from the former to the latter (git 2.39,
// refs/files-backend.c). Other kinds of ref storage are left to git.
func (r *Repo) Refs(ctx context.Context, prefix string) ([]Ref, error) {
	if _, err := os.Stat(filepath.Join(r.CommonDir, "reftable")); err == nil {
		return r.refsByGit(ctx, prefix)
	}
	refs := map[RefName]Ref{}
	if err := r.looseRefs(prefix, refs); err != nil {
		return nil, err
	}
	packed, err := os.ReadFile(filepath.Join(r.CommonDir, "packed-refs"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	packedRefs(packed, prefix, refs)
	list := make([]Ref, 0, len(refs))
	for _, ref := range refs {
		list = append(list, ref)
	}
	slices.SortFunc(list, func(a, b Ref) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return list, nil
}

// looseRefs adds the refs that are files of their own at or below prefix.
func (r *Repo) looseRefs(prefix string, refs map[RefName]Ref) error {
	path := r.refFile(RefName(prefix))
	st, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !st.IsDir() {
		r.looseRef(RefName(prefix), refs)
		return nil
	}
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		name := prefix + "/" + e.Name()
		switch {
		case !validComponent(e.Name()):
		case e.IsDir():
			if err := r.looseRefs(name, refs); err != nil {
				return err
			}
		default:
			r.looseRef(RefName(name), refs)
		}
	}
	return nil
}

func (r *Repo) looseRef(name RefName, refs map[RefName]Ref) {
	text, err := readSmall(r.refFile(name))
	if err != nil {
		return // deleted or packed since the directory was read
	}
	ref := Ref{Name: name, OID: oidIn(text)}
	if target, ok := strings.CutPrefix(string(text), "ref:"); ok {
		ref.Symref = RefName(strings.TrimSpace(target))
		ref.OID = r.resolve(ref.Symref, 0)
	}
	ref.Broken = ref.OID == ""
	refs[name] = ref
}

// resolve reads the object id of one ref; "" when there is none.
func (r *Repo) resolve(name RefName, depth int) OID {
	const maxDepth = 5 // SYMREF_MAXDEPTH (git 2.39, refs.c)
	if depth > maxDepth || !strings.HasPrefix(string(name), "refs/") || !filepath.IsLocal(filepath.FromSlash(string(name))) {
		return ""
	}
	if text, err := os.ReadFile(r.refFile(name)); err == nil {
		if target, ok := strings.CutPrefix(string(text), "ref:"); ok {
			return r.resolve(RefName(strings.TrimSpace(target)), depth+1)
		}
		return oidIn(text)
	}
	packed, err := os.ReadFile(filepath.Join(r.CommonDir, "packed-refs"))
	if err != nil {
		return ""
	}
	refs := map[RefName]Ref{}
	packedRefs(packed, string(name), refs)
	return refs[name].OID
}

// packedRefs adds the refs at or below prefix that packed-refs holds, a line
// "<oid> SP <name> LF" each, unless they are there already: a loose ref is
// newer.
func packedRefs(text []byte, prefix string, refs map[RefName]Ref) {
	mark := []byte(" " + prefix)
	for {
		at := bytes.Index(text, mark)
		if at < 0 {
			return
		}
		line, rest, _ := bytes.Cut(text[at+1:], []byte{'\n'})
		start := bytes.LastIndexByte(text[:at], '\n') + 1
		name, oid := RefName(line), oidIn(text[start:at])
		below := len(line) == len(prefix) || line[len(prefix)] == '/'
		if _, known := refs[name]; !known && below && oid != "" {
			refs[name] = Ref{Name: name, OID: oid}
		}
		text = rest
	}
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

// RemoveBrokenRef deletes the file of a ref that Refs calls broken: git refuses
// to delete or replace what it cannot read. It works under git's own lock file
// for that ref and leaves the ref alone when it has become sound.
func (r *Repo) RemoveBrokenRef(name RefName) error {
	file := r.refFile(name)
	if text, err := os.ReadFile(file); err != nil || oidIn(text) != "" {
		return nil
	}
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	lock.Close()
	defer os.Remove(file + ".lock")
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) || err == nil && oidIn(text) != "" {
		return nil
	}
	return os.Remove(file)
}

func (r *Repo) refFile(name RefName) string {
	return filepath.Join(r.CommonDir, filepath.FromSlash(string(name)))
}

// oidIn returns the object id that a ref file or a line of packed-refs holds,
// "" for anything else and for the id of zeros.
func oidIn(text []byte) OID {
	oid := string(bytes.TrimRight(text, "\n\r \t"))
	if !isOID(oid) || strings.Trim(oid, "0") == "" {
		return ""
	}
	return OID(oid)
}

// isOID tells whether s has the form of an object id.
func isOID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// validComponent tells whether git takes a file of this name for a part of a
// ref's name (git-check-ref-format(1)).
func validComponent(s string) bool {
	return s[0] != '.' && !strings.HasSuffix(s, ".lock") && !strings.HasSuffix(s, ".") &&
		!strings.Contains(s, "..") && !strings.Contains(s, "@{") &&
		!strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune("~^:?*[\\", c) })
}
