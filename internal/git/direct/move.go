package direct

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Move changes or, where next is "", deletes a ref whose value is old, "" for one
// that is to be made, and reports whether it did. It keeps to what git does, in git's order (git 2.39,
// refs/files-backend.c): the lock file of the ref first, the old value read below
// it, and the lock file of packed-refs while a loose ref is removed, so that nobody
// packs it at that moment. Whatever is not the plain case is left to git, untouched:
// a lock that somebody holds, another value, a symbolic link or ref, a ref with a
// log, a ref to delete that is packed, a directory that has to be made, a
// reference-transaction hook in the ordinary place. With durable a new value is on
// the disk before it is seen, as git has it unless core.fsync says otherwise.
func (f *Refs) Move(name RefName, old, next OID, mode Sharing, durable bool) bool {
	file := f.File(name)
	for _, unusual := range []string{filepath.Join("logs", filepath.FromSlash(string(name))), "hooks/reference-transaction"} {
		if _, err := os.Lstat(filepath.Join(f.Dir, unusual)); !absent(err) {
			return false
		}
	}
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return false
	}
	var text []byte
	if next != "" {
		text = []byte(next + "\n")
	}
	_, err = lock.Write(text)
	if durable && next != "" {
		err = errors.Join(err, lock.Sync())
	}
	err = errors.Join(err, lock.Close())
	mode.Apply(file + ".lock")
	moved := false
	switch loose, stands := f.stands(name, old); {
	case err != nil || !stands:
	case next != "":
		moved = os.Rename(file+".lock", file) == nil
	default:
		moved = loose && f.remove(name)
	}
	if !moved || next == "" {
		_ = os.Remove(file + ".lock")
	}
	return moved
}

// stands reports whether the value of a ref is old, and whether it is in a file of
// its own.
func (f *Refs) stands(name RefName, old OID) (loose, stands bool) {
	st, err := os.Lstat(f.File(name))
	if absent(err) && old == "" {
		return false, f.free(name)
	}
	if absent(err) {
		packed, err := f.resolve(name, 0)
		return false, err == nil && packed == old
	}
	if err != nil || !st.Mode().IsRegular() {
		return false, false
	}
	oid, symref, err := f.readLoose(name)
	return true, err == nil && symref == "" && oid == old && old != ""
}

// free reports whether packed-refs has neither a ref, nor one in whose directory
// it would be, nor one in its own.
func (f *Refs) free(name RefName) bool {
	text, err := f.readPacked()
	if err != nil || len(packedRefs(text, string(name))) > 0 {
		return false
	}
	for dir := path.Dir(string(name)); dir != "refs" && dir != "."; dir = path.Dir(dir) {
		if bytes.Contains(text, []byte(" "+dir+"\n")) {
			return false
		}
	}
	return true
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
