// Package atomicfile replaces files so that no reader sees half of one, and so
// that nothing is left in its place when the writer is stopped.
package atomicfile

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Write puts data into the file at path, whose directory exists: into a new file
// next to it, which is then renamed. perm is subject to the umask or, in a
// directory that others share, to its permissions; see [Share]. A symbolic link
// at path is replaced, and what it points to is left alone.
func Write(path string, data []byte, perm os.FileMode) error {
	f, err := create(path, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		Share(f.Name(), perm)
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// create makes the new file. os.CreateTemp would leave the umask out of account.
func create(path string, perm os.FileMode) (*os.File, error) {
	for try := 0; ; try++ {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf("%s.%08x.tmp", filepath.Base(path), rand.Uint32()))
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
		if !os.IsExist(err) || try == 100 {
			return f, err
		}
	}
}

// CheckWritable tries to write into a directory and returns the system's error: git
// tells of a full disk or missing permission in prose only.
func CheckWritable(dir string) error {
	f, err := os.CreateTemp(dir, "tmp_")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	f.Close()
	os.Remove(f.Name())
	return err
}
