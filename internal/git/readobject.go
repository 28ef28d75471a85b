package git

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxFile bounds the size, in bytes, of a file that ReadFiles returns: refs can
// be pushed by anybody, and what they hold is not ours to trust.
const maxFile = 64 << 10

// errElsewhere is a loose object that is not there: packed, or in an alternate.
var errElsewhere = errors.New("object is not loose here")

// FileContent is the answer for one commit of ReadFiles.
type FileContent struct {
	Content []byte
	Err     error // why there is no such file: not a commit, no such file, object missing or corrupt, too large
}

// ReadFiles returns the file called name at the top of each commit. Loose
// objects are read directly; for the others one git cat-file is started, or
// one more for each object that makes it die. The error is for git itself
// failing; damage to one object is in that object's FileContent. byGit tells
// that a git process was needed.
func (r *Repo) ReadFiles(ctx context.Context, commits []OID, name string) (found map[OID]FileContent, byGit bool, err error) {
	found = make(map[OID]FileContent, len(commits))
	var elsewhere []OID
	loose := looseReader{dir: r.objectDir()}
	for _, oid := range commits {
		content, err := loose.file(oid, name)
		if errors.Is(err, errElsewhere) {
			elsewhere = append(elsewhere, oid)
			continue
		}
		found[oid] = FileContent{Content: content, Err: err}
	}
	byGit = len(elsewhere) > 0
	for len(elsewhere) > 0 {
		n, err := r.catFiles(ctx, elsewhere, name, found)
		if err != nil {
			var e *Error
			if n >= len(elsewhere) || !errors.As(err, &e) {
				return nil, true, err
			}
			found[elsewhere[n]] = FileContent{Err: fmt.Errorf("git cannot read it: %s", e.Stderr)}
			n++
		}
		elsewhere = elsewhere[n:]
	}
	return found, byGit, nil
}

// catFiles answers from git cat-file for as many of the commits as it gets
// through, and returns how many those were.
func (r *Repo) catFiles(ctx context.Context, commits []OID, name string, found map[OID]FileContent) (int, error) {
	var in bytes.Buffer
	for _, oid := range commits {
		fmt.Fprintf(&in, "%s\n%[1]s:%s\n", oid, name)
	}
	out, err := r.run(ctx, command{
		args:  []string{"cat-file", "--batch", "--buffer"},
		stdin: in.Bytes(),
		env:   []string{"GIT_NO_LAZY_FETCH=1"}, // a damaged record must not reach for the network (git 2.44)
	})
	answers := bufio.NewReader(bytes.NewReader(out))
	for i, oid := range commits {
		commit, ok := nextObject(answers)
		if !ok {
			return i, err
		}
		file, ok := nextObject(answers)
		if !ok {
			return i, err
		}
		var c FileContent
		switch {
		case commit.kind == "":
			c.Err = errors.New("its object is missing")
		case commit.kind != "commit":
			c.Err = fmt.Errorf("it is a %s, not a commit", commit.kind)
		case file.kind != "blob":
			c.Err = fmt.Errorf("it has no file %s", name)
		case len(file.content) > maxFile:
			c.Err = fmt.Errorf("its %s is larger than %d bytes", name, maxFile)
		default:
			c.Content = file.content
		}
		found[oid] = c
	}
	return len(commits), err
}

type object struct {
	kind    string // "" when git does not have it
	content []byte
}

// nextObject reads one answer of cat-file --batch: "<oid> <type> <size>\n" and
// the content, or "<what was asked> missing\n" and the like.
func nextObject(in *bufio.Reader) (object, bool) {
	line, err := in.ReadString('\n')
	if err != nil {
		return object{}, false
	}
	words := strings.Fields(line)
	if len(words) != 3 {
		return object{}, true
	}
	size, err := strconv.Atoi(words[2])
	if err != nil {
		return object{}, true
	}
	content := make([]byte, size+1)
	if _, err := io.ReadFull(in, content); err != nil {
		return object{}, false
	}
	return object{kind: words[1], content: content[:size]}, true
}

// looseReader reads loose objects without git.
type looseReader struct{ dir string }

func (l looseReader) file(commit OID, name string) ([]byte, error) {
	kind, content, err := l.object(commit)
	if err != nil {
		return nil, err
	}
	if kind != "commit" {
		return nil, fmt.Errorf("it is a %s, not a commit", kind)
	}
	line, _, _ := bytes.Cut(content, []byte{'\n'})
	tree, ok := bytes.CutPrefix(line, []byte("tree "))
	if !ok {
		return nil, errors.New("its commit object is malformed")
	}
	if _, content, err = l.object(OID(tree)); err != nil {
		return nil, err
	}
	width := len(commit) / 2
	for len(content) > 0 {
		head, rest, ok := bytes.Cut(content, []byte{0})
		if !ok || len(rest) < width {
			return nil, errors.New("its tree object is malformed")
		}
		if _, entry, _ := bytes.Cut(head, []byte{' '}); string(entry) == name {
			kind, blob, err := l.object(OID(hex.EncodeToString(rest[:width])))
			if err == nil && kind != "blob" {
				err = fmt.Errorf("its %s is a %s", name, kind)
			}
			return blob, err
		}
		content = rest[width:]
	}
	return nil, fmt.Errorf("it has no file %s", name)
}

// object reads one loose object; errElsewhere when it is not there. A corrupt
// one is errElsewhere too: git may have a sound copy in a pack.
func (l looseReader) object(oid OID) (kind string, content []byte, err error) {
	if !isOID(string(oid)) {
		return "", nil, errElsewhere
	}
	f, err := os.Open(filepath.Join(l.dir, string(oid[:2]), string(oid[2:])))
	if err != nil {
		return "", nil, errElsewhere
	}
	defer f.Close()
	z, err := zlib.NewReader(f)
	if err != nil {
		return "", nil, errElsewhere
	}
	text, err := io.ReadAll(io.LimitReader(z, maxFile+64))
	if err != nil {
		return "", nil, errElsewhere
	}
	header, content, ok := bytes.Cut(text, []byte{0})
	kind, size, _ := strings.Cut(string(header), " ")
	n, err := strconv.Atoi(size)
	if !ok || err != nil {
		return "", nil, errElsewhere
	}
	if n > maxFile {
		return "", nil, fmt.Errorf("its %s is larger than %d bytes", kind, maxFile)
	}
	if n != len(content) {
		return "", nil, errElsewhere
	}
	return kind, content, nil
}
