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

	"github.com/git-grite/git-grite/internal/atomicfile"
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
	newer, err := f.loose(prefix, nil)
	if err != nil {
		return nil, err
	}
	text, err := f.readPacked()
	if err != nil {
		return nil, err
	}
	packed := packedRefs(text, prefix)
	if len(newer) == 0 {
		return packed, nil
	}
	slices.SortFunc(newer, byName) // nearly in order: "a-b" comes before what is below "a"
	if len(packed) == 0 {
		return newer, nil
	}
	list := make([]Ref, 0, len(packed)+len(newer))
	for _, ref := range packed {
		for len(newer) > 0 && newer[0].Name < ref.Name {
			list, newer = append(list, newer[0]), newer[1:]
		}
		if len(newer) == 0 || newer[0].Name != ref.Name {
			list = append(list, ref)
		}
	}
	return append(list, newer...), nil
}

func byName(a, b Ref) int { return strings.Compare(string(a.Name), string(b.Name)) }

// File is the file of a loose ref.
func (f *Refs) File(name RefName) string {
	return filepath.Join(f.Dir, filepath.FromSlash(string(name)))
}

// loose adds the refs that are files of their own at or below name.
func (f *Refs) loose(name string, refs []Ref) ([]Ref, error) {
	dir := f.File(RefName(name))
	entries, err := os.ReadDir(dir)
	if err != nil {
		if st, statErr := os.Stat(dir); statErr == nil && !st.IsDir() {
			return f.looseRef(RefName(name), refs)
		}
		if absent(err) {
			return refs, nil
		}
		return nil, err
	}
	refs = slices.Grow(refs, len(entries))
	for _, e := range entries {
		if !validComponent(e.Name()) {
			continue
		}
		read, below := f.looseRef, RefName(name+"/"+e.Name())
		if e.IsDir() {
			read = func(name RefName, refs []Ref) ([]Ref, error) { return f.loose(string(name), refs) }
		}
		if refs, err = read(below, refs); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

func (f *Refs) looseRef(name RefName, refs []Ref) ([]Ref, error) {
	oid, target, err := f.readLoose(name)
	switch {
	case absent(err): // deleted or packed since the directory was read
		return refs, nil
	case errors.Is(err, syscall.EISDIR): // a directory behind a symbolic link
		return f.loose(string(name), refs)
	case err != nil:
		return nil, err
	}
	if target != "" {
		if oid, err = f.resolve(target, 0); err != nil {
			return nil, err
		}
	}
	return append(refs, Ref{Name: name, OID: oid, Symref: target, Broken: oid == ""}), nil
}

const maxRef = 4096 // bytes of its file

// readLoose reads the file of a ref: its object id, or what it points to.
func (f *Refs) readLoose(name RefName) (oid OID, symref RefName, err error) {
	text, err := atomicfile.ReadLine(f.Dir+string(filepath.Separator)+filepath.FromSlash(string(name)), maxRef)
	if err != nil {
		return "", "", err
	}
	if target, ok := strings.CutPrefix(string(text), "ref:"); ok {
		return "", RefName(strings.TrimSpace(target)), nil
	}
	return refOID(string(text)), "", nil
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
	if refs := packedRefs(packed, string(name)); len(refs) > 0 && refs[0].Name == name {
		return refs[0].OID, err
	}
	return "", err
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

// packedRefs returns the refs at or below prefix that packed-refs holds, ordered
// by name. Below a header are lines "<oid> SP <name> LF", each perhaps with one
// "^<oid> LF" behind it. Only what can matter is looked at where the header says
// that the names are in order, as git has written it since 2.15.
func packedRefs(text []byte, prefix string) []Ref {
	head := 0
	for head < len(text) && text[head] == '#' {
		head = lineEnd(text, head)
	}
	from, to := 0, len(text)
	if bytes.Contains(text[:head], []byte(" sorted ")) {
		first, ok := lowerBound(text, head, prefix)
		last, okLast := lowerBound(text, head, prefix+"0") // the character after the slash
		if ok && okLast {
			from, to = first, last
		}
	}
	var list []Ref
	for line := range strings.Lines(string(text[from:to])) {
		id, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		rest, below := strings.CutPrefix(name, prefix)
		if !below || rest != "" && rest[0] != '/' {
			continue
		}
		if oid := refOID(id); oid != "" {
			if list == nil {
				list = make([]Ref, 0, (to-from)/len(line)+1)
			}
			list = append(list, Ref{Name: RefName(name), OID: oid})
		}
	}
	if !slices.IsSortedFunc(list, byName) {
		slices.SortStableFunc(list, byName)
	}
	return slices.CompactFunc(list, func(a, b Ref) bool { return a.Name == b.Name })
}

// lowerBound returns where the first line of a name at or after the given one
// begins, in the sorted lines of packed-refs from head on. It is not ok when one of
// the lines it met is none.
func lowerBound(text []byte, head int, name string) (at int, ok bool) {
	from, to := head, len(text)
	for from < to {
		start := from + bytes.LastIndexByte(text[from:(from+to)/2], '\n') + 1
		if start > from && text[start] == '^' {
			start = from + bytes.LastIndexByte(text[from:start-1], '\n') + 1
		}
		end := lineEnd(text, start)
		_, found, ok := bytes.Cut(bytes.TrimSuffix(text[start:end], []byte{'\n'}), []byte{' '})
		switch {
		case !ok:
			return 0, false
		case string(found) >= name:
			to = start
		case end < len(text) && text[end] == '^':
			from = lineEnd(text, end)
		default:
			from = end
		}
	}
	return from, true
}

// lineEnd returns where the line after the one at start begins.
func lineEnd(text []byte, start int) int {
	if n := bytes.IndexByte(text[start:], '\n'); n >= 0 {
		return start + n + 1
	}
	return len(text)
}

// refOID returns the object id that a ref file or a line of packed-refs holds,
// "" for anything else and for the id of zeros.
func refOID(text string) OID {
	oid := strings.TrimRight(text, "\n\r \t")
	if !IsOID(oid) || strings.TrimLeft(oid, "0") == "" {
		return ""
	}
	return OID(oid)
}

// validComponent reports whether git takes a file of this name for a part of a
// ref's name (git-check-ref-format(1)).
func validComponent(s string) bool {
	return s != "" && s[0] != '.' && !strings.HasSuffix(s, ".lock") && !strings.HasSuffix(s, ".") && !strings.Contains(s, "..") && !strings.Contains(s, "@{") &&
		!strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune("~^:?*[\\", c) })
}

// RemoveBroken deletes the file of a broken ref, under git's own lock file for it,
// unless it has become sound.
func (f *Refs) RemoveBroken(name RefName) error {
	broken := func() (bool, error) {
		text, err := atomicfile.ReadLine(f.File(name), maxRef)
		if absent(err) || errors.Is(err, syscall.EISDIR) {
			return false, nil
		}
		return refOID(string(text)) == "", err
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
