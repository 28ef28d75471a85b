package git

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/git-grite/git-grite/internal/git/direct"
)

// ErrMissing is the [FileContent] error of an object that git does not have.
var ErrMissing = errors.New("its object is missing")

// Borrows reports whether objects of this repository may live in another one
// (git clone --shared, --reference), which can prune them at any time.
func (r *Repo) Borrows() bool {
	return lookup(r.raw, "GIT_ALTERNATE_OBJECT_DIRECTORIES") != "" || exists(filepath.Join(r.CommonDir, "objects", "info", "alternates"))
}

// keptMark begins the .keep file of a pack of ours; the rest says what is in it.
const keptMark = "git-grite "

// KeepObjects makes sure that what the refs below the prefixes point to is in
// this repository itself, so that nobody else's prune breaks them, and git with
// them: "git fetch" and "git log --all" die of one ref without its object. A pack
// with a .keep file holds it, because git gc removes single objects that another
// repository has too. It does nothing where no objects are borrowed, and is
// cheap while the refs stay as they are.
func (r *Repo) KeepObjects(ctx context.Context, prefixes ...string) error {
	dir := filepath.Join(r.CommonDir, "objects", "pack")
	old, contents := keptPack(dir)
	if !r.Borrows() && old == "" {
		return nil
	}
	var commits []OID
	var list bytes.Buffer
	for _, prefix := range prefixes {
		refs, err := r.Refs(ctx, prefix)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if ref.OID != "" && ref.Symref == "" {
				commits = append(commits, ref.OID)
				fmt.Fprintln(&list, ref.OID)
			}
		}
	}
	mark := fmt.Sprintf("%s%x\n", keptMark, sha256.Sum256(list.Bytes()))
	if contents == mark {
		return nil
	}
	made := ""
	if len(commits) > 0 && r.Borrows() {
		objects, err := r.recordObjects(ctx, commits)
		if err != nil {
			return err
		}
		out, err := r.change(ctx, objects, "pack-objects", "-q", filepath.Join(dir, "pack"))
		if err != nil {
			return err
		}
		made = filepath.Join(dir, "pack-"+strings.TrimSpace(string(out)))
		if err := os.WriteFile(made+".keep", []byte(mark), 0o666); err != nil {
			return err
		}
		if err := r.Share(ctx, made+".keep"); err != nil {
			return err
		}
	}
	if old != "" && old != made { // an ordinary pack from now on, which the next gc takes in
		return os.Remove(old + ".keep")
	}
	return nil
}

// recordObjects lists, a line each, commits with their trees and files, as far as
// they are what a record is made of: small, and without parents. A commit that is
// not is listed alone, for a ref to it may not bring a whole history here.
func (r *Repo) recordObjects(ctx context.Context, commits []OID) (list []byte, err error) {
	cat := catFile{repo: r}
	defer func() { err = errors.Join(err, cat.close()) }()
	var out bytes.Buffer
	at := make(map[OID]OID, len(commits))
	for _, oid := range commits {
		at[oid] = oid
	}
	for _, kind := range []string{"commit", "tree", "blob"} {
		objects, err := cat.objects(ctx, at, kind)
		if err != nil {
			return nil, err
		}
		at = map[OID]OID{}
		for oid, o := range objects {
			if o.err == nil || kind == "commit" && !errors.Is(o.err, ErrMissing) {
				fmt.Fprintln(&out, oid)
			}
			if o.err != nil || kind == "blob" {
				continue
			}
			if kind == "commit" {
				if tree, err := direct.CommitTree(o.content); err == nil {
					at[tree] = tree
				}
				continue
			}
			entries, _ := direct.TreeEntries(o.content, len(oid)/2) // none of a malformed one
			for _, entry := range entries {
				at[entry] = entry
			}
		}
	}
	return out.Bytes(), nil
}

// keptPack finds the pack that KeepObjects made, without its ending, and what its
// .keep file says.
func keptPack(dir string) (pack, contents string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".keep")
		if !ok {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if pack := filepath.Join(dir, name); err == nil && bytes.HasPrefix(text, []byte(keptMark)) && exists(pack+".pack") {
			return pack, string(text)
		}
	}
	return "", ""
}

// MissingRefs returns, as deletions, the refs below prefix whose objects are missing,
// here and wherever objects are borrowed from: the commit, its tree, or the file
// called name.
func (r *Repo) MissingRefs(ctx context.Context, prefix, name string) (missing []RefUpdate, err error) {
	refs, err := r.Refs(ctx, prefix)
	if err != nil {
		return nil, err
	}
	refs = slices.DeleteFunc(refs, func(ref Ref) bool { return ref.Broken || ref.Symref != "" })
	oids := make([]OID, 0, len(refs))
	for _, ref := range refs {
		oids = append(oids, ref.OID)
	}
	files, _, err := r.ReadFiles(ctx, oids, name)
	for _, ref := range refs {
		if err == nil && errors.Is(files[ref.OID].Err, ErrMissing) {
			missing = append(missing, RefUpdate{Name: ref.Name, Old: ref.OID})
		}
	}
	return missing, err
}
