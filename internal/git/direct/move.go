package direct

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Move changes or, where next is "", deletes a ref whose value is old, and reports
// whether it did. It keeps to what git does, in git's order (git 2.39,
// refs/files-backend.c): the lock file of the ref first, the old value read below
// it, and the lock file of packed-refs while a loose ref is removed, so that nobody
// packs it at that moment. Whatever is not the plain case is left to git, untouched:
// a lock that somebody holds, another value, a symbolic link or ref, a ref with a
// log, a ref to delete that is packed, a reference-transaction hook in the ordinary
// place.
func (f *Refs) Move(name RefName, old, next OID, mode Sharing) bool {
	path := f.File(name)
	for _, unusual := range []string{filepath.Join("logs", filepath.FromSlash(string(name))), "hooks/reference-transaction"} {
		if _, err := os.Lstat(filepath.Join(f.Dir, unusual)); !absent(err) {
			return false
		}
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return false
	}
	var text []byte
	if next != "" {
		text = []byte(next + "\n")
	}
	_, err = lock.Write(text)
	err = errors.Join(err, lock.Close())
	mode.Apply(path + ".lock")
	moved := false
	switch loose, stands := f.stands(name, old); {
	case err != nil || !stands:
	case next != "":
		moved = os.Rename(path+".lock", path) == nil
	default:
		moved = loose && f.remove(name)
	}
	if !moved || next == "" {
		_ = os.Remove(path + ".lock")
	}
	return moved
}

// stands reports whether the value of a ref is old, and whether it is in a file of
// its own.
func (f *Refs) stands(name RefName, old OID) (loose, stands bool) {
	st, err := os.Lstat(f.File(name))
	if absent(err) {
		packed, err := f.resolve(name, 0)
		return false, err == nil && packed == old && old != ""
	}
	if err != nil || !st.Mode().IsRegular() {
		return false, false
	}
	oid, symref, err := f.readLoose(name)
	return true, err == nil && symref == "" && oid == old
}

// remove deletes the file of a ref whose lock the caller holds, unless packed-refs
// has the ref as well.
func (f *Refs) remove(name RefName) bool {
	packed := filepath.Join(f.Dir, "packed-refs")
	if st, err := os.Lstat(packed); err == nil && st.Mode()&fs.ModeSymlink != 0 {
		return false // its lock file is where the link leads
	}
	lock, err := os.OpenFile(packed+".lock", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return false
	}
	lock.Close()
	defer os.Remove(packed + ".lock")
	text, err := f.readPacked()
	if err != nil || bytes.Contains(text, []byte(" "+name+"\n")) {
		return false
	}
	return os.Remove(f.File(name)) == nil
}
