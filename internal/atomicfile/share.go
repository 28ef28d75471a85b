package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrLink is returned, wrapped, where a symbolic link stands in the place of a
// file or directory of ours. What it leads to is not ours to write.
var ErrLink = errors.New("is a symbolic link, and git-grite writes through none")

// NoLinks returns ErrLink, wrapped, when one of the paths is a symbolic link.
func NoLinks(paths ...string) error {
	for _, path := range paths {
		if st, err := os.Lstat(path); err == nil && st.Mode()&os.ModeSymlink != 0 {
			return fmt.Errorf("%s %w", path, ErrLink)
		}
	}
	return nil
}

// Mkdir makes a directory, and those above it that are missing. Where a directory
// is shared with others (see [Share]), so are those that are made in it.
func Mkdir(path string) error {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return nil
	}
	if above := filepath.Dir(path); above != path {
		if err := Mkdir(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o777); err != nil {
		if st, statErr := os.Stat(path); statErr == nil && st.IsDir() {
			return nil // another process was quicker
		}
		return err
	}
	Share(path, 0o777)
	return nil
}

// Share gives a file or directory that was just made the permissions of its
// directory, as far as most allows, where that is shared: its group may write
// there, or is inherited by what is made in it. Git gives both to the directories
// of a repository with core.sharedRepository, so that whatever is made below one
// of these is the group's too. The umask holds everywhere else.
func Share(path string, most os.FileMode) {
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil || !shared(dir) {
		return
	}
	st, err := os.Lstat(path)
	if err != nil || st.Mode()&os.ModeSymlink != 0 {
		return
	}
	mode := dir.Mode().Perm() & most
	if st.IsDir() {
		mode |= os.ModeSetgid
	}
	if mode != st.Mode()&(os.ModePerm|os.ModeSetgid) {
		_ = os.Chmod(path, mode) // one that cannot be shared is still good
	}
}

func shared(dir os.FileInfo) bool {
	return dir.Mode()&os.ModeSetgid != 0 || dir.Mode()&0o020 != 0
}

// LockMode is the permissions of a file in dir that processes lock. Every user who
// can read a file can lock it, for as long as they like, so that only those who may
// write in the directory may read it.
func LockMode(dir string) os.FileMode {
	mode := os.FileMode(0o600)
	st, err := os.Stat(dir)
	if err != nil {
		return mode
	}
	for _, others := range []os.FileMode{0o060, 0o006} {
		if st.Mode()&others&0o022 != 0 {
			mode |= others
		}
	}
	return mode
}
