package direct

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/git-grite/git-grite/internal/atomicfile"
)

// MaxObject bounds the size, in bytes, of an object that is read: anybody may
// push a ref, and what it points to is not ours to trust.
const MaxObject = 16 << 10

// ErrElsewhere is an object that is not a sound loose object here: it may be
// packed, in an alternate, corrupt, or missing. Git knows.
var ErrElsewhere = errors.New("object is not loose here")

// UnfitError is an object that is there and is not a file's commit.
type UnfitError struct{ Reason string }

func (e *UnfitError) Error() string { return e.Reason }

// Unfit makes an *UnfitError.
func Unfit(format string, args ...any) error { return &UnfitError{fmt.Sprintf(format, args...)} }

// File returns the file called name at the top of a commit without parents,
// read from loose objects. The error is *UnfitError, ErrElsewhere, or that of
// the system for an object that is there and cannot be read.
func (o *Objects) File(commit OID, name string) ([]byte, error) {
	content, err := o.read(commit, "commit")
	if err != nil {
		return nil, err
	}
	tree, err := CommitTree(content)
	if err != nil {
		return nil, err
	}
	if content, err = o.read(tree, "tree"); err != nil {
		return nil, err
	}
	blob, err := TreeEntry(content, name, len(commit)/2)
	if err != nil {
		return nil, err
	}
	return o.read(blob, "blob")
}

// CommitTree returns the tree of a commit, given the commit's content. A commit
// with parents is unfit: each version of a record would bring all before it.
func CommitTree(content []byte) (OID, error) {
	line, rest, _ := bytes.Cut(content, []byte{'\n'})
	tree, ok := bytes.CutPrefix(line, []byte("tree "))
	if !ok || !IsOID(string(tree)) {
		return "", Unfit("its commit object is malformed")
	}
	if bytes.HasPrefix(rest, []byte("parent ")) {
		return "", Unfit("its commit has parents")
	}
	return OID(tree), nil
}

// TreeEntry returns the id of the entry called name, given a tree's content and
// the width of its object ids in bytes.
func TreeEntry(content []byte, name string, width int) (OID, error) {
	entries, err := TreeEntries(content, width)
	if err != nil {
		return "", err
	}
	oid, ok := entries[name]
	if !ok {
		return "", Unfit("it has no file %s", name)
	}
	return oid, nil
}

// TreeEntries returns the ids of all entries by their names.
func TreeEntries(content []byte, width int) (map[string]OID, error) {
	entries := map[string]OID{}
	for len(content) > 0 {
		head, rest, ok := bytes.Cut(content, []byte{0})
		_, name, named := bytes.Cut(head, []byte{' '})
		if !ok || !named || len(rest) < width {
			return nil, Unfit("its tree object is malformed")
		}
		entries[string(name)] = OID(hex.EncodeToString(rest[:width]))
		content = rest[width:]
	}
	return entries, nil
}

// CheckObject judges an object by its kind and its size in bytes.
func CheckObject(kind, want string, size int) error {
	switch {
	case kind != want && want == "commit":
		return Unfit("it is a %s, not a commit", kind)
	case kind != want:
		return Unfit("its %s is a %s", want, kind)
	case size > MaxObject:
		return Unfit("its %s is larger than %d bytes", kind, MaxObject)
	}
	return nil
}

// read reads one loose object, no more of it than MaxObject. Whatever is wrong
// with its bytes is ErrElsewhere: git may have a sound copy in a pack.
func (o *Objects) read(oid OID, want string) ([]byte, error) {
	if !IsOID(string(oid)) {
		return nil, ErrElsewhere
	}
	// A compressor adds a few bytes at most to what it cannot compress.
	text, err := atomicfile.ReadSome(filepath.Join(o.Dir, string(oid[:2]), string(oid[2:])), MaxObject+4096)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrElsewhere
	} else if err != nil {
		return nil, err
	}
	return parseLoose(text, want)
}

// inflaters are readers that were used before: a new one takes 40 KiB, hundreds of
// times what the objects of a record have.
var inflaters sync.Pool

func inflate(text []byte) ([]byte, error) {
	z, ok := inflaters.Get().(io.Reader)
	if !ok {
		fresh, err := zlib.NewReader(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		z = fresh
	} else if err := z.(zlib.Resetter).Reset(bytes.NewReader(text), nil); err != nil {
		return nil, err
	}
	defer inflaters.Put(z)
	return io.ReadAll(io.LimitReader(z, MaxObject+64))
}

func parseLoose(text []byte, want string) ([]byte, error) {
	text, readErr := inflate(text)
	header, content, ok := bytes.Cut(text, []byte{0})
	kind, length, _ := strings.Cut(string(header), " ")
	size, err := strconv.Atoi(length)
	if !ok || err != nil || size < 0 {
		return nil, ErrElsewhere
	}
	if err := CheckObject(kind, want, size); err != nil {
		return nil, err
	}
	if readErr != nil || size != len(content) {
		return nil, ErrElsewhere
	}
	return content, nil
}

// hexDigits is a table, because a comparison that goes either way at random, as with
// digits and letters, costs ten times what looking it up does.
var hexDigits = [256]bool{'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true,
	'8': true, '9': true, 'a': true, 'b': true, 'c': true, 'd': true, 'e': true, 'f': true}

// IsOID reports whether s has the form of an object id.
func IsOID(s string) bool {
	for i := range len(s) {
		if !hexDigits[s[i]] {
			return false
		}
	}
	return len(s) == 40 || len(s) == 64
}
