// Package hook knows where the hooks of a repository live, which of them are
// ours and how to install ours beside those of others, and what git tells a
// hook on its standard input. It does not know what the hooks decide.
package hook

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/git-grite/git-grite/hooks"
)

// marker is in the first lines of every shim that was ever made.
var marker = []byte("# git-grite hook shim, format ")

// saved is what an existing hook is renamed to; it keeps running from there.
const saved = ".pre-grite"

// ForeignError is a hook that cannot be chained without breaking it.
type ForeignError struct {
	Path, Reason string
}

func (e *ForeignError) Error() string { return fmt.Sprintf("%s %s", e.Path, e.Reason) }

// State is what git finds where a hook should be.
type State string

// The states of a hook.
const (
	Installed State = "installed" // our shim, in its present form
	Outdated  State = "outdated"  // our shim, in another form
	Missing   State = "missing"
	Foreign   State = "foreign"  // somebody else's hook
	Disabled  State = "disabled" // our shim, but not executable
)

// Status is one hook of a repository.
type Status struct {
	Name    string
	Path    string
	State   State
	Chained bool // an older hook runs first
}

// OK tells whether git runs our shim.
func (s Status) OK() bool { return s.State == Installed || s.State == Outdated }

// Inspect looks at the hooks in a directory.
func Inspect(dir string) []Status {
	var all []Status
	for _, name := range hooks.Names {
		all = append(all, inspect(dir, name))
	}
	return all
}

func inspect(dir, name string) Status {
	s := Status{Name: name, Path: filepath.Join(dir, name), State: Missing}
	_, err := os.Lstat(s.Path + saved)
	s.Chained = err == nil
	st, err := os.Lstat(s.Path)
	if err != nil {
		return s
	}
	s.State = Foreign
	text, err := os.ReadFile(s.Path)
	if err != nil || !st.Mode().IsRegular() || !isShim(text) {
		return s
	}
	switch {
	case !Executable(st):
		s.State = Disabled
	case bytes.Equal(text, hooks.Shim(name)):
		s.State = Installed
	default:
		s.State = Outdated
	}
	return s
}

// isShim tells whether a hook is one of ours, of whatever format.
func isShim(text []byte) bool {
	head := text[:min(len(text), 200)]
	return bytes.Contains(head, marker)
}

// Change is what was done to one hook.
type Change struct {
	Name string
	Path string
	Did  string // "installed", "updated", "unchanged", "removed", "restored", "absent"
}

// Install puts our shims into a directory, which it makes when needed. A hook
// that is there already is renamed and runs first. It returns *ForeignError,
// before anything is changed, when one cannot be chained.
func Install(dir string) ([]Change, error) {
	for _, s := range Inspect(dir) {
		if err := chainable(s); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	var changes []Change
	for _, s := range Inspect(dir) {
		did, err := install(s)
		if err != nil {
			return changes, err
		}
		changes = append(changes, Change{Name: s.Name, Path: s.Path, Did: did})
	}
	return changes, nil
}

// ownName finds hooks that decide by their own name what to do, which renaming
// them would break.
var ownName = `basename\s+(--\s+)?"?\$\{?(0|BASH_SOURCE)|\$\{0##\*/\}|\$0:t`

func chainable(s Status) error {
	if s.State != Foreign {
		return nil
	}
	if s.Chained {
		return &ForeignError{s.Path, fmt.Sprintf("is not ours and %s exists too; another tool may have replaced our hook: keep the one you need as %s, and remove the other", s.Path+saved, s.Path)}
	}
	st, err := os.Stat(s.Path)
	if err != nil {
		return nil // a dangling link: git ignores it, and so do we
	}
	if st.IsDir() {
		return &ForeignError{s.Path, "is a directory, not a hook; remove it first"}
	}
	text, err := os.ReadFile(s.Path)
	if err != nil {
		return err
	}
	if regexp.MustCompile(ownName).Match(text) {
		return &ForeignError{s.Path, fmt.Sprintf("decides by its own name what to do, so that it cannot be renamed; add this line to it instead: git-grite hook %s -- \"$@\" || exit", s.Name)}
	}
	return nil
}

func install(s Status) (did string, err error) {
	switch s.State {
	case Installed:
		return "unchanged", nil
	case Foreign:
		// A link first, so that there is no moment without a hook.
		if err := os.Link(s.Path, s.Path+saved); err != nil {
			if err := os.Rename(s.Path, s.Path+saved); err != nil {
				return "", err
			}
		}
		did = "installed"
	case Missing:
		did = "installed"
	default:
		did = "updated"
	}
	return did, writeShim(s.Path, hooks.Shim(s.Name))
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

// Uninstall removes our shims from a directory and puts back what they
// replaced. It touches only files with our marker.
func Uninstall(dir string) ([]Change, error) {
	var changes []Change
	for _, s := range Inspect(dir) {
		c := Change{Name: s.Name, Path: s.Path, Did: "absent"}
		var err error
		switch {
		case s.State == Missing && !s.Chained:
		case s.State == Foreign:
			c.Did = "not ours"
		case s.Chained:
			c.Did, err = "restored", os.Rename(s.Path+saved, s.Path)
		default:
			c.Did, err = "removed", os.Remove(s.Path)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return changes, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}
