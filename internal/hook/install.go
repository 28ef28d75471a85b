package hook

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/git-grite/git-grite/hooks"
	"github.com/git-grite/git-grite/internal/atomicfile"
)

// ForeignError is a hook that cannot be chained without breaking it.
type ForeignError struct {
	Path, Reason string
	Lines        []Line // to add to it instead
}

func (e *ForeignError) Error() string { return fmt.Sprintf("%s %s", e.Path, e.Reason) }

// Change is what was done to one hook.
type Change struct {
	Name string
	Path string
	Did  string // "installed", "updated", "unchanged", "removed", "restored", "absent", "not ours"
	By   string // the program whose hook ours was put beside, when we know it
}

// Install puts our shims into a directory, which it makes when needed; top is
// the work tree's, "" in a bare repository. A hook that is there already is
// renamed and runs first; a program that runs what it finds keeps its place.
// Shims of older formats are replaced. It returns *ForeignError, before anything
// is changed, when a hook cannot be chained. A saved hook is overwritten only by
// a newer version of itself. Whenever it is stopped, git finds the old hook or
// our shim, which runs it.
func Install(dir, top string) ([]Change, error) {
	for _, s := range Inspect(dir, top) {
		if _, err := s.slot(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	var changes []Change
	for _, s := range Inspect(dir, top) {
		did, err := s.install()
		if err == nil && s.misplaced() {
			did, err = "updated", s.replace(dir, top)
		}
		if err != nil {
			return changes, err
		}
		changes = append(changes, Change{Name: s.Name, Path: s.Path, Did: did, By: s.By})
	}
	return changes, nil
}

func (s Status) install() (did string, err error) {
	switch s.State {
	case Called:
		return "unchanged", nil
	case Installed:
		return "unchanged", remove(s.Moved)
	case Outdated, Disabled:
		did = "updated"
	default:
		did = "installed"
	}
	slot, err := s.slot()
	if err != nil {
		return "", err
	}
	if slot != "" {
		if err := s.keep(slot); err != nil {
			return "", err
		}
	}
	if err := atomicfile.Write(s.ShimPath, hooks.Shim(s.Name), 0o777); err != nil {
		return "", err
	}
	return did, remove(s.Moved)
}

// misplaced reports whether our shim runs a hook of a program that would rather
// run ours: if that program installed its hook again, it would run itself.
func (s Status) misplaced() bool {
	for _, old := range s.Saved {
		f := lookAt(old)
		if m := makerOf(f.text); m != nil && m.runs && f.executable && s.ShimPath == s.Path {
			return true
		}
	}
	return false
}

func (s Status) replace(dir, top string) error {
	s = inspect(dir, s.Name, top)
	if _, err := s.uninstall(); err != nil {
		return err
	}
	_, err := inspect(dir, s.Name, top).install()
	return err
}

// ownName finds hooks that decide by their own name what to do, which would break
// when they are renamed.
var ownName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`basename\s+(--\s+)?"?\$\{?(0|BASH_SOURCE)|\$\{0##\*/\}|\$0:t|basename\(\s*(\$0|__FILE__|__file__|sys\.argv)|sys\.argv\[0\]|process\.argv\[1\]`)
})

// slot returns what the hook in the place of ours is to be renamed to, "" when
// there is none.
func (s Status) slot() (string, error) {
	there := lookAt(s.ShimPath)
	if s.State == Called || !there.exists || there.shim {
		return "", nil
	}
	refuse := func(reason string) (string, error) {
		return "", &ForeignError{Path: s.ShimPath, Reason: reason, Lines: []Line{{s.ShimPath, CallLine(s.Name)}}}
	}
	if there.dir {
		return "", &ForeignError{Path: s.ShimPath, Reason: "is a directory, not a hook; remove it first"}
	}
	if ownName().Match(there.text) || there.link && s.sharedTarget() {
		return refuse("decides by its own name what to do, so that it cannot be renamed; add a line to it instead")
	}
	for _, slot := range slots {
		if old := lookAt(s.Path + slot); old.exists && supersedes(there, old) {
			return s.Path + slot, nil
		}
	}
	for i, slot := range slots {
		// The second is used only where it is clear who moved ours away and
		// what the first one is.
		if !lookAt(s.Path+slot).exists && (i == 0 || len(s.Moved) > 0) {
			return s.Path + slot, nil
		}
	}
	return refuse(fmt.Sprintf("is not ours and %s exists too; another tool may have replaced our hook: keep the one you need as %s and remove the other, or add a line to it", s.Path+slots[0], s.ShimPath))
}

// sharedTarget reports whether another hook is a link to the same file, which
// then has only its name to go by.
func (s Status) sharedTarget() bool {
	entries, _ := os.ReadDir(filepath.Dir(s.Path)) // a directory that cannot be read has no hooks
	for _, e := range entries {
		other := filepath.Join(filepath.Dir(s.Path), e.Name())
		if other != s.Path && e.Type()&os.ModeSymlink != 0 && real(other) == real(s.Path) && filepath.Ext(other) == "" {
			return true
		}
	}
	return false
}

// keep copies the hook in the place of ours to the slot, so that there is no moment without
// one: git finds the old hook until our shim replaces it. What the hook's program
// had set aside goes with it, where that program finds it again when it removes
// its hook.
func (s Status) keep(slot string) error {
	there := lookAt(s.ShimPath)
	if err := duplicate(s.ShimPath, slot, there); err != nil {
		return err
	}
	m := makerOf(there.text)
	if m == nil || m.suffix == "" || m.runs {
		return nil
	}
	return setAside(s.Path+m.suffix, slot+m.suffix)
}

// duplicate makes a second name for a hook, replacing what has it: the same file
// where the file system has hard links, else a copy; of a symbolic link another.
func duplicate(from, to string, f file) error {
	tmp, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".")
	if err != nil {
		return err
	}
	name := tmp.Name()
	if err := errors.Join(tmp.Close(), os.Remove(name)); err != nil {
		return err
	}
	defer os.Remove(name) // left by a rename between two names of one file, which does nothing
	switch target, linkErr := os.Readlink(from); {
	case f.link && linkErr != nil:
		return linkErr
	case f.link:
		err = os.Symlink(target, name)
	case os.Link(from, name) == nil:
	default:
		err = writeNew(name, f)
	}
	if err != nil {
		return err
	}
	return os.Rename(name, to)
}

// writeNew writes a file with the text and the permissions of another.
func writeNew(path string, f file) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
	if err != nil {
		return err
	}
	_, err = out.Write(f.text)
	return errors.Join(err, out.Chmod(f.mode), out.Close())
}

// setAside renames what another program set aside, when there is something and
// the new name is free. Our own shim is nothing.
func setAside(from, to string) error {
	if f := lookAt(from); !f.exists || f.shim || lookAt(to).exists {
		return nil
	}
	return os.Rename(from, to)
}

func remove(paths []string) error {
	for _, path := range paths {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
