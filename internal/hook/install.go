package hook

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/git-grite/git-grite/hooks"
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
// renamed and runs first; a program that runs what it finds itself keeps its
// place. It returns *ForeignError, before anything is changed, when one cannot
// be chained. No saved hook is ever overwritten but by its own newer form.
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
	if err := writeShim(s.Seat, hooks.Shim(s.Name)); err != nil {
		return "", err
	}
	return did, remove(s.Moved)
}

// misplaced tells whether our shim runs a hook of a program that would rather
// run ours: should that program install its hook once more, it would run itself.
func (s Status) misplaced() bool {
	for _, old := range s.Saved {
		f := lookAt(old)
		if m := makerOf(f.text); m != nil && m.runs && f.executable && s.Seat == s.Path {
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

// ownName finds hooks that decide by their own name what to do, which renaming
// them would break.
var ownName = regexp.MustCompile(`basename\s+(--\s+)?"?\$\{?(0|BASH_SOURCE)|\$\{0##\*/\}|\$0:t|basename\(\s*(\$0|__FILE__|__file__|sys\.argv)|sys\.argv\[0\]|process\.argv\[1\]`)

// slot returns what the hook at the seat of ours is to be renamed to, "" when
// nothing stands there.
func (s Status) slot() (string, error) {
	there := lookAt(s.Seat)
	if s.State == Called || !there.exists || there.shim {
		return "", nil
	}
	refuse := func(reason string) (string, error) {
		return "", &ForeignError{Path: s.Seat, Reason: reason, Lines: []Line{{s.Seat, CallLine(s.Name)}}}
	}
	if there.dir {
		return "", &ForeignError{Path: s.Seat, Reason: "is a directory, not a hook; remove it first"}
	}
	if ownName.Match(there.text) || there.link && s.sharedTarget() {
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
	return refuse(fmt.Sprintf("is not ours and %s exists too; another tool may have replaced our hook: keep the one you need as %s and remove the other, or add a line to it", s.Path+slots[0], s.Seat))
}

// sharedTarget tells whether another hook is a link to the same file, which then
// has nothing but its name to go by.
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

// keep renames the hook at the seat without a moment in which there is none. A
// link to a symbolic link is not one everywhere, so those are simply renamed.
// What the hook's program had set aside stays beside it, where that program
// finds it again when it removes its hook.
func (s Status) keep(slot string) error {
	there := lookAt(s.Seat)
	if there.link || os.Link(s.Seat, slot) != nil {
		if err := os.Rename(s.Seat, slot); err != nil {
			return err
		}
	}
	m := makerOf(there.text)
	if m == nil || m.suffix == "" || m.runs {
		return nil
	}
	return setAside(s.Path+m.suffix, slot+m.suffix)
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

// writeShim replaces a hook by rename; a running commit sees the old or the new.
func writeShim(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o755)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
