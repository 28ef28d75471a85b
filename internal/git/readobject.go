package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/git-grite/git-grite/internal/git/direct"
)

// FileContent is the answer for one commit of ReadFiles.
type FileContent struct {
	Content []byte
	// Err is why there is no such file: the object is missing or corrupt, is no
	// commit, has parents, has no such file, or is larger than 16 KiB.
	Err error
}

// ReadFiles returns the file called name at the top of each commit. Loose
// objects are read directly; for the others git is asked, for the sizes first
// and then for what is small enough. byGit reports that git was needed.
//
// Damage to one object is in that object's FileContent, and only ever what was
// seen of the object itself, or what a git that ran to its end said of it. A
// file that cannot be read, or a git that cannot be started or dies, is an error
// of the whole call: nothing is known of the objects then.
func (r *Repo) ReadFiles(ctx context.Context, commits []OID, name string) (found map[OID]FileContent, byGit bool, err error) {
	found = make(map[OID]FileContent, len(commits))
	elsewhere := commits
	if r.direct != nil {
		elsewhere = nil
		for _, oid := range commits {
			content, err := r.direct.Objects.File(oid, name)
			var unfit *direct.UnfitError
			switch {
			case errors.Is(err, direct.ErrElsewhere):
				elsewhere = append(elsewhere, oid)
			case err == nil || errors.As(err, &unfit):
				found[oid] = FileContent{Content: content, Err: err}
			default:
				return nil, false, err
			}
		}
	}
	if len(elsewhere) == 0 {
		return found, false, nil
	}
	cat := catFile{repo: r}
	files, err := cat.files(ctx, elsewhere, name)
	if err = errors.Join(err, cat.close()); err != nil {
		return nil, true, err
	}
	for oid, file := range files {
		found[oid] = file
	}
	return found, true, nil
}

// catFile asks git for objects: one process for kinds and sizes, one for contents.
type catFile struct {
	repo           *Repo
	sizes, content *conversation
}

// object is one answer of git cat-file.
type object struct {
	kind    string // "" when git does not have it
	size    int
	content []byte
}

// files is ReadFiles with git. In each of three rounds, for the commits, their
// trees, and the files, the objects that turn out to be unfit drop out.
func (c *catFile) files(ctx context.Context, commits []OID, name string) (map[OID]FileContent, error) {
	files := make(map[OID]FileContent, len(commits))
	at := make(map[OID]OID, len(commits)) // commit → the object to look at
	for _, oid := range commits {
		at[oid] = oid
	}
	for _, kind := range []string{"commit", "tree", "blob"} {
		if len(at) == 0 {
			break
		}
		objects, err := c.objects(ctx, at, kind)
		if err != nil {
			return nil, err
		}
		for commit, oid := range at {
			o := objects[oid]
			err := o.err
			switch {
			case err == nil && kind == "commit":
				at[commit], err = direct.CommitTree(o.content)
			case err == nil && kind == "tree":
				at[commit], err = direct.TreeEntry(o.content, name, len(commit)/2)
			case err == nil:
				files[commit] = FileContent{Content: o.content}
			}
			if err != nil {
				files[commit] = FileContent{Err: err}
				delete(at, commit)
			}
		}
	}
	return files, nil
}

// judged is an object, or why it is unfit.
type judged struct {
	content []byte
	err     error
}

// objects reads the objects that at maps to, which should be of one kind.
func (c *catFile) objects(ctx context.Context, at map[OID]OID, kind string) (map[OID]judged, error) {
	objects := make(map[OID]judged, len(at))
	var asked, fit []OID
	for _, oid := range at {
		if _, known := objects[oid]; !known {
			objects[oid] = judged{}
			asked = append(asked, oid)
		}
	}
	missing := false
	err := c.ask(ctx, &c.sizes, "--batch-check", asked, func(oid OID, o object, err error) {
		switch {
		case err != nil:
			objects[oid] = judged{err: err}
		case o.kind == "":
			missing = true
			objects[oid] = judged{err: ErrMissing}
		default:
			if err := direct.CheckObject(o.kind, kind, o.size); err != nil {
				objects[oid] = judged{err: err}
			} else {
				fit = append(fit, oid)
			}
		}
	})
	if err == nil && missing {
		err = c.repo.packsReadable()
	}
	if err != nil {
		return nil, err
	}
	err = c.ask(ctx, &c.content, "--batch", fit, func(oid OID, o object, err error) {
		if err == nil && (o.kind != kind || o.size > direct.MaxObject) {
			err = ErrMissing // gone since its size was asked
		}
		objects[oid] = judged{content: o.content, err: err}
	})
	return objects, err
}

// ask puts questions to a git cat-file, which it starts first where needed, and
// calls see with each answer. An object that makes git die time and again, while
// the same question of a sound one is answered, is reported with that error.
func (c *catFile) ask(ctx context.Context, conv **conversation, mode string, oids []OID, see func(OID, object, error)) error {
	for len(oids) > 0 {
		n, err := c.converse(ctx, conv, mode, oids, see)
		if err == nil {
			return nil
		}
		var e *Error
		if !errors.As(err, &e) || e.ExitCode != 128 {
			return err
		}
		alone := *c // with processes of its own
		var first, second *conversation
		if _, again := alone.converse(ctx, &first, mode, oids[n:n+1], func(OID, object, error) {}); again == nil {
			_ = first.finish()
			return err
		}
		empty, formatErr := c.repo.emptyTree(ctx)
		if formatErr != nil {
			return err
		}
		if _, sound := alone.converse(ctx, &second, mode, []OID{empty}, func(OID, object, error) {}); sound != nil || second.finish() != nil {
			return err
		}
		see(oids[n], object{}, fmt.Errorf("git cannot read it: %s", e.Stderr))
		oids = oids[n+1:]
	}
	return nil
}

// converse asks until all is answered or git dies; then it returns how many
// questions were answered, and *conv is nil.
func (c *catFile) converse(ctx context.Context, conv **conversation, mode string, oids []OID, see func(OID, object, error)) (int, error) {
	if *conv == nil {
		started, err := c.repo.converse(ctx, command{args: []string{"cat-file", mode},
			env: []string{"GIT_NO_LAZY_FETCH=1"}}) // a damaged record must not reach for the network (git 2.44)
		if err != nil {
			return 0, err
		}
		*conv = started
	}
	in := (*conv).in
	go func() { // git stops reading while nobody reads its answers
		w := bufio.NewWriter(in)
		for _, oid := range oids {
			fmt.Fprintln(w, oid)
		}
		w.Flush()
	}()
	for n, oid := range oids {
		o, err := nextObject((*conv).out, mode == "--batch")
		if err != nil {
			ended := (*conv).finish()
			*conv = nil
			if ended == nil {
				ended = fmt.Errorf("git cat-file: an answer ends early: %w", err)
			}
			return n, ended
		}
		see(oid, o, nil)
	}
	return len(oids), nil
}

// close ends the processes; the error is that of one that died after its last
// answer.
func (c *catFile) close() (err error) {
	for _, conv := range []*conversation{c.sizes, c.content} {
		if conv != nil {
			err = errors.Join(err, conv.finish())
		}
	}
	return err
}

// nextObject reads one answer of git cat-file: "<oid> <type> <size>\n", with the
// content and a line feed behind it where that was asked for, or "<what was
// asked> missing\n". Of a content above MaxObject only the size is kept.
func nextObject(in *bufio.Reader, withContent bool) (object, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return object{}, err
	}
	words := strings.Fields(string(line))
	if len(words) == 2 && words[1] == "missing" {
		return object{}, nil
	}
	if len(words) != 3 {
		return object{}, fmt.Errorf("unknown answer %q", line)
	}
	size, err := strconv.Atoi(words[2])
	if err != nil || size < 0 {
		return object{}, fmt.Errorf("unknown size in %q", line)
	}
	o := object{kind: words[1], size: size}
	if !withContent {
		return o, nil
	}
	if size > direct.MaxObject {
		_, err = io.CopyN(io.Discard, in, int64(size)+1)
		return o, err
	}
	content := make([]byte, size+1)
	if _, err := io.ReadFull(in, content); err != nil {
		return object{}, err
	}
	o.content = content[:size]
	return o, nil
}

// packsReadable returns the system's error for a pack that cannot be opened: git
// says "missing" of what is in it.
func (r *Repo) packsReadable() error {
	dir := filepath.Join(r.CommonDir, "objects", "pack")
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err == nil {
			f.Close()
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
