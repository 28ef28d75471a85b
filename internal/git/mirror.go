package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// DropRefs deletes all refs below prefix, with whatever a killed git or a lost
// power supply left in their place: files that hold no object id, and lock files
// from before the given time. It is for refs that are copies of others.
func (r *Repo) DropRefs(ctx context.Context, prefix string, before time.Time) error {
	top := filepath.Join(r.StateDir, filepath.FromSlash(prefix))
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".lock") {
			return ignoreMissing(err)
		}
		info, err := d.Info()
		if err != nil || info.ModTime().After(before) {
			return ignoreMissing(err)
		}
		return ignoreMissing(os.Remove(path))
	})
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
	for _, ref := range refs {
		if ref.Name == name {
			return ref.OID, nil
		}
	}
	return "", err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
