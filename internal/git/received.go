package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/git-grite/git-grite/internal/git/direct"
)

// HeadRef returns the branch that HEAD names, which may not exist yet; "" when
// HEAD is detached.
func (r *Repo) HeadRef(ctx context.Context) (RefName, error) {
	// Other kinds of ref storage have a HEAD file for the sake of older programs
	// only, which names no branch that there can be (git 2.45, reftable).
	text, err := os.ReadFile(filepath.Join(r.GitDir, "HEAD"))
	what := strings.TrimSpace(string(text))
	if name, ok := strings.CutPrefix(what, "ref: refs/heads/"); err == nil && ok && name != ".invalid" {
		return RefName("refs/heads/" + name), nil
	} else if err == nil && direct.IsOID(what) {
		return "", nil
	}
	out, err := r.read(ctx, "symbolic-ref", "-q", "HEAD")
	if No(err) {
		return "", nil
	}
	return RefName(bytes.TrimSpace(out)), err
}

// OneFile is a commit without parents whose tree holds one file, or why it is not.
type OneFile struct {
	Commit  []byte // the whole object
	Name    string // of the file
	Content []byte
	Err     error
}

// The largest objects, in bytes, that ReadOneFiles takes for fit. A commit has
// room for a signature, and a tree for one entry.
const (
	maxOneCommit  = 8 << 10
	maxOneTree    = 128
	maxOneContent = 16 << 10
)

// oneFiles is how many commits are looked at in one go, which bounds what is in
// memory at a time.
const oneFiles = 1000

// ReadOneFiles reads commits as others pushed them: sizes are asked before
// contents are read, so that an object of a gigabyte costs nothing. The error is
// for git failing; what is wrong with one commit is in its OneFile.
func (r *Repo) ReadOneFiles(ctx context.Context, commits []OID) (map[OID]OneFile, error) {
	found := make(map[OID]OneFile, len(commits))
	for len(commits) > 0 {
		some := commits[:min(len(commits), oneFiles)]
		commits = commits[len(some):]
		if err := r.readOneFiles(ctx, some, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (r *Repo) readOneFiles(ctx context.Context, commits []OID, found map[OID]OneFile) error {
	var names []string
	for _, oid := range commits {
		names = append(names, string(oid), string(oid)+"^{tree}")
	}
	fit := []string{}
	err := r.askObjects(ctx, "--batch-check", names, func(i int, a answer) error {
		most, kind := maxOneCommit, "commit"
		if i%2 == 1 {
			most, kind = maxOneTree, "tree"
		}
		if oid := commits[i/2]; found[oid].Err == nil {
			f := found[oid]
			if f.Err = a.fits(kind, most); i%2 == 1 && f.Err == nil {
				fit = append(fit, names[i-1], names[i])
			}
			found[oid] = f
		}
		return nil
	})
	if err != nil {
		return err
	}
	blobs := []string{}
	owners := []OID{}
	err = r.askObjects(ctx, "--batch", fit, func(i int, a answer) error {
		oid := OID(fit[i-i%2])
		f := found[oid]
		if i%2 == 0 {
			f.Commit = a.content
			// A commit without a message may have no empty line behind its header.
			if header, _, _ := bytes.Cut(f.Commit, []byte("\n\n")); bytes.Contains(header, []byte("\nparent ")) {
				f.Err = errors.New("it has parents")
			}
		} else if entry, blob := oneEntry(a.content, len(oid)/2); blob == "" && f.Err == nil {
			f.Err = errors.New("it holds something else than one file")
		} else if f.Err == nil {
			f.Name = entry
			blobs, owners = append(blobs, blob), append(owners, oid)
		}
		found[oid] = f
		return nil
	})
	if err != nil {
		return err
	}
	return r.readContents(ctx, blobs, owners, found)
}

// readContents reads the file of each owner, unless it is too large.
func (r *Repo) readContents(ctx context.Context, blobs []string, owners []OID, found map[OID]OneFile) error {
	var fit []string
	var of []OID
	err := r.askObjects(ctx, "--batch-check", blobs, func(i int, a answer) error {
		f := found[owners[i]]
		if f.Err = a.fits("blob", maxOneContent); f.Err == nil {
			fit, of = append(fit, blobs[i]), append(of, owners[i])
		}
		found[owners[i]] = f
		return nil
	})
	if err != nil {
		return err
	}
	return r.askObjects(ctx, "--batch", fit, func(i int, a answer) error {
		f := found[of[i]]
		f.Content = a.content
		found[of[i]] = f
		return nil
	})
}

// oneEntry reads a tree that holds one regular file and nothing else.
func oneEntry(tree []byte, width int) (name, blob string) {
	head, id, ok := bytes.Cut(tree, []byte{0})
	file, regular := bytes.CutPrefix(head, []byte("100644 "))
	if !ok || !regular || len(id) != width {
		return "", ""
	}
	return string(file), fmt.Sprintf("%x", id)
}

// answer is what git cat-file says of one object.
type answer struct {
	kind    string // "" when git does not have it
	size    int
	content []byte // with --batch
}

func (a answer) fits(kind string, most int) error {
	switch {
	case a.kind == "":
		return fmt.Errorf("its %s is missing", kind)
	case a.kind != kind:
		return fmt.Errorf("it is a %s, not a %s", a.kind, kind)
	case a.size > most:
		return fmt.Errorf("its %s is larger than %d bytes", kind, most)
	}
	return nil
}

// askObjects asks one git cat-file for objects and calls see for each, in order.
func (r *Repo) askObjects(ctx context.Context, mode string, names []string, see func(int, answer) error) error {
	if len(names) == 0 {
		return nil
	}
	out, err := r.run(ctx, command{args: []string{"cat-file", mode, "--buffer"}, stdin: []byte(strings.Join(names, "\n") + "\n"),
		env: []string{"GIT_NO_LAZY_FETCH=1"}}) // nothing that others pushed reaches for the network (git 2.44)
	if err != nil {
		return err
	}
	in := bufio.NewReader(bytes.NewReader(out))
	for i, name := range names {
		a, err := readAnswer(in, mode == "--batch")
		if err == nil {
			err = see(i, a)
		}
		if err != nil {
			return fmt.Errorf("git cat-file: %s: %w", name, err)
		}
	}
	return nil
}

// readAnswer is nextObject with all of the content where that was asked for.
func readAnswer(in *bufio.Reader, content bool) (a answer, err error) {
	o, err := nextObject(in, false)
	if err != nil || o.kind == "" || !content {
		return answer{kind: o.kind, size: o.size}, err
	}
	if o.size > maxOneContent { // larger ones are not asked for
		return a, fmt.Errorf("%d bytes were not asked for", o.size)
	}
	text := make([]byte, o.size+1)
	_, err = io.ReadFull(in, text)
	return answer{o.kind, o.size, text[:o.size]}, err
}
