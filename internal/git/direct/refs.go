package direct

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
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

// Refs are the refs of a repository that keeps them as files.
type Refs struct {
	Dir string // that holds refs/ and packed-refs

	mu     sync.Mutex
	packed []byte      // packed-refs as it was read last,
	stamp  fs.FileInfo // when it looked like this
}

// List returns the refs at and below prefix, which has no final slash, ordered by
// name. No object is opened, so that a ref whose object is missing hides nothing.
//
// Loose refs are read before packed ones, as git does it, because a ref moves
// from the former to the latter (git 2.39, refs/files-backend.c).
func (f *Refs) List(prefix string) ([]Ref, error) {
	refs := map[RefName]Ref{}
	if err := f.loose(prefix, refs); err != nil {
		return nil, err
	}
	packed, err := f.readPacked()
	if err != nil {
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

// File is the file of a loose ref.
func (f *Refs) File(name RefName) string {
	return filepath.Join(f.Dir, filepath.FromSlash(string(name)))
}

// loose adds the refs that are files of their own at or below name.
func (f *Refs) loose(name string, refs map[RefName]Ref) error {
	dir := f.File(RefName(name))
	entries, err := os.ReadDir(dir)
	if err != nil {
		if st, statErr := os.Stat(dir); statErr == nil && !st.IsDir() {
			return f.looseRef(RefName(name), refs)
		}
		if absent(err) {
			return nil
		}
		return err
	}
	for _, e := range entries {
		if !validComponent(e.Name()) {
			continue
		}
		read, below := f.looseRef, RefName(name+"/"+e.Name())
		if e.IsDir() {
			read = func(name RefName, refs map[RefName]Ref) error { return f.loose(string(name), refs) }
		}
		if err := read(below, refs); err != nil {
			return err
		}
	}
	return nil
}

func (f *Refs) looseRef(name RefName, refs map[RefName]Ref) error {
	oid, target, err := f.readLoose(name)
	switch {
	case absent(err): // deleted or packed since the directory was read
		return nil
	case errors.Is(err, syscall.EISDIR): // a directory behind a symbolic link
		return f.loose(string(name), refs)
	case err != nil:
		return err
	}
	if target != "" {
		if oid, err = f.resolve(target, 0); err != nil {
			return err
		}
	}
	refs[name] = Ref{Name: name, OID: oid, Symref: target, Broken: oid == ""}
	return nil
}

// readLoose reads the file of a ref: its object id, or what it points to.
func (f *Refs) readLoose(name RefName) (oid OID, symref RefName, err error) {
	text, err := readSmall(f.File(name), 4096)
	if err != nil {
		return "", "", err
	}
	if target, ok := strings.CutPrefix(string(text), "ref:"); ok {
		return "", RefName(strings.TrimSpace(target)), nil
	}
	return refOID(text), "", nil
}

// resolve returns the object id of a ref; "" when there is none.
func (f *Refs) resolve(name RefName, depth int) (OID, error) {
	const maxDepth = 5 // SYMREF_MAXDEPTH (git 2.39, refs.c)
	if depth > maxDepth || !strings.HasPrefix(string(name), "refs/") || !filepath.IsLocal(filepath.FromSlash(string(name))) {
		return "", nil
	}
	oid, target, err := f.readLoose(name)
	switch {
	case target != "":
		return f.resolve(target, depth+1)
	case err == nil:
		return oid, nil
	case !absent(err) && !errors.Is(err, syscall.EISDIR):
		return "", err
	}
	packed, err := f.readPacked()
	refs := map[RefName]Ref{}
	packedRefs(packed, string(name), refs)
	return refs[name].OID, err
}

// readPacked returns packed-refs, read once as long as nobody replaces it: git
// writes a new file and renames it.
func (f *Refs) readPacked() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := filepath.Join(f.Dir, "packed-refs")
	st, err := os.Stat(path)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if f.stamp != nil && os.SameFile(st, f.stamp) && st.Size() == f.stamp.Size() && st.ModTime().Equal(f.stamp.ModTime()) {
		return f.packed, nil
	}
	text, err := os.ReadFile(path)
	if err == nil {
		f.packed, f.stamp = text, st
	}
	if absent(err) {
		err = nil
	}
	return text, err
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
		name, oid := RefName(line), refOID(text[start:at])
		below := len(line) == len(prefix) || line[len(prefix)] == '/'
		if _, known := refs[name]; !known && below && oid != "" {
			refs[name] = Ref{Name: name, OID: oid}
		}
		text = rest
	}
}

// refOID returns the object id that a ref file or a line of packed-refs holds,
// "" for anything else and for the id of zeros.
func refOID(text []byte) OID {
	oid := string(bytes.TrimRight(text, "\n\r \t"))
	if !IsOID(oid) || strings.Trim(oid, "0") == "" {
		return ""
	}
	return OID(oid)
}

// validComponent reports whether git takes a file of this name for a part of a
// ref's name (git-check-ref-format(1)).
func validComponent(s string) bool {
	return s != "" && s[0] != '.' && !strings.HasSuffix(s, ".lock") && !strings.HasSuffix(s, ".") &&
		!strings.Contains(s, "..") && !strings.Contains(s, "@{") &&
		!strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune("~^:?*[\\", c) })
}

// RemoveBroken deletes the file of a broken ref, under git's own lock file for it,
// unless it has become sound.
func (f *Refs) RemoveBroken(name RefName) error {
	broken := func() (bool, error) {
		text, err := readSmall(f.File(name), 4096)
		if absent(err) || errors.Is(err, syscall.EISDIR) {
			return false, nil
		}
		return refOID(text) == "", err
	}
	if is, err := broken(); !is || err != nil {
		return err
	}
	lock, err := os.OpenFile(f.File(name)+".lock", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	lock.Close()
	defer os.Remove(f.File(name) + ".lock")
	if is, err := broken(); !is || err != nil {
		return err
	}
	return os.Remove(f.File(name))
}

// absent reports whether err means that there is no such file.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }
