package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// heldLock is what git says where a lock file of this repository is in the way (git
// 2.39, lockfile.c); what a server says has "remote: " before it.
var heldLock = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(?:fatal|error): .*Unable to create '([^']+\.lock)': File exists`)
})

// LockFile returns the lock file that kept git from changing refs, "" when it
// failed for another reason. A git that is running holds the file, or one that was
// killed left it behind.
func (e *Error) LockFile() string {
	if found := heldLock().FindStringSubmatch(e.Stderr); found != nil {
		return found[1]
	}
	return ""
}

// StaleLocks returns the lock files at and below some places in the git directory
// that have not changed since a time.
func (r *Repo) StaleLocks(before time.Time, places ...string) (stale []string, err error) {
	for _, place := range places {
		err = errors.Join(err, filepath.WalkDir(filepath.Join(r.StateDir, filepath.FromSlash(place)), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".lock") {
				return ignoreMissing(err)
			}
			info, err := d.Info()
			if err == nil && !info.ModTime().After(before) {
				stale = append(stale, path)
			}
			return ignoreMissing(err)
		}))
	}
	return stale, err
}

// DropRefs deletes all refs below prefix, with whatever a killed git or a lost
// power supply left in their place: files that hold no object id, and lock files
// from before the given time. It is for refs that are copies of others.
func (r *Repo) DropRefs(ctx context.Context, prefix string, before time.Time) error {
	stale, err := r.StaleLocks(before, prefix)
	for _, path := range stale {
		err = errors.Join(err, ignoreMissing(os.Remove(path)))
	}
	if err != nil {
		return err
	}
	refs, err := r.Refs(ctx, prefix)
	if err != nil {
		return err
	}
	var updates []RefUpdate
	for _, ref := range refs {
		if !ref.Broken {
			updates = append(updates, RefUpdate{Name: ref.Name, Old: ref.OID})
			continue
		}
		if err := r.RemoveBrokenRef(ref.Name); err != nil {
			return err
		}
	}
	return r.UpdateRefs(ctx, updates)
}

// Ref returns what the remote has at exactly this name, "" for nothing. It
// returns *RemoteError.
func (m *Remote) Ref(ctx context.Context, name RefName) (OID, error) {
	refs, err := m.List(ctx, string(name))
	if at := slices.IndexFunc(refs, func(ref Ref) bool { return ref.Name == name }); at >= 0 {
		return refs[at].OID, nil
	}
	return "", err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
