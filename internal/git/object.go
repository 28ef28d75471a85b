package git

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"time"
)

// signature is the author and committer of our commits. It is always given
// explicitly, with its date: inside hooks git exports somebody else's.
const signature = "git-grite <git-grite@localhost>"

// FileCommit is a commit without parents whose tree holds one file.
type FileCommit struct {
	Name    string // of the file
	Content []byte
	Message string
	Time    time.Time
	Sign    Sign // nil, or one that makes nothing, leaves the commit unsigned
}

// WriteCommit writes the three objects of c and returns the id of the commit.
// Git's own writers cost three processes and are used where only git knows how
// objects are kept.
func (r *Repo) WriteCommit(ctx context.Context, c FileCommit) (OID, error) {
	write, err := r.writer(ctx)
	if err != nil {
		return "", err
	}
	blob, err := write("blob", c.Content)
	if err != nil {
		return "", err
	}
	raw, err := hex.DecodeString(string(blob))
	if err != nil {
		return "", fmt.Errorf("%q is no object id: %w", blob, err)
	}
	tree, err := write("tree", append([]byte("100644 "+c.Name+"\x00"), raw...))
	if err != nil {
		return "", err
	}
	commit := fmt.Appendf(nil, "tree %s\nauthor %s %d +0000\ncommitter %s %[3]d +0000\n\n%[5]s\n",
		tree, signature, c.Time.Unix(), signature, c.Message)
	if c.Sign != nil {
		armored, err := c.Sign(ctx, commit)
		if err != nil {
			return "", err
		}
		if len(armored) > 0 {
			commit = AddSignature(commit, armored)
		}
	}
	return write("commit", commit)
}

// objectWriter writes one loose object and returns its id.
type objectWriter func(kind string, content []byte) (OID, error)

// writer is how objects are written in this repository.
func (r *Repo) writer(ctx context.Context) (objectWriter, error) {
	if r.direct == nil {
		return func(kind string, content []byte) (OID, error) { return r.hashObject(ctx, kind, content) }, nil
	}
	mode, err := r.sharing(ctx)
	if err != nil {
		return nil, err
	}
	objects := r.direct.Objects
	objects.Mode = mode
	return objects.Write, nil
}

func (r *Repo) hashObject(ctx context.Context, kind string, content []byte) (OID, error) {
	out, err := r.change(ctx, content, "hash-object", "-w", "-t", kind, "--stdin")
	return OID(bytes.TrimSpace(out)), err
}

// ObjectFormat is the name of the repository's hash function, sha1 or sha256.
func (r *Repo) ObjectFormat(ctx context.Context) (string, error) {
	if r.direct != nil {
		return r.direct.ObjectFormat(), nil
	}
	out, err := r.read(ctx, "rev-parse", "--show-object-format")
	return string(bytes.TrimSpace(out)), err
}

// emptyTrees are the empty trees of both object formats, which git knows without
// having them.
var emptyTrees = map[string]OID{
	"sha1":   "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
	"sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}

func (r *Repo) emptyTree(ctx context.Context) (OID, error) {
	format, err := r.ObjectFormat(ctx)
	return emptyTrees[format], err
}
