// Package hook knows where the hooks of a repository are, which of them are ours,
// how to install ours without breaking others, and what git writes to a hook's
// standard input. It does not know what the hooks decide.
package hook

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/git-grite/git-grite/hooks"
)

// marker is in the first lines of every shim that was ever made.
var marker = []byte("# git-grite hook shim, format ")

// slots are the suffixes of a hook that ours replaced and runs. The second is for
// the hook of a program that moved ours away while the first was taken.
var slots = []string{".pre-grite", ".pre-grite-2"}

// State is what git finds where it looks for a hook.
type State string

// The states of a hook.
const (
	Installed State = "installed" // our shim, in its present form
	Outdated  State = "outdated"  // our shim, in another form; it works
	Called    State = "called"    // another hook calls git-grite
	Missing   State = "missing"
	Foreign   State = "foreign"  // another program's hook, or the user's
	Disabled  State = "disabled" // not executable, so that git ignores it
	Dangling  State = "dangling" // a symbolic link to nothing, which git ignores
	Renamed   State = "renamed"  // our shim was moved away and is not run
	Shadowed  State = "shadowed" // core.hooksPath has git look elsewhere
)

// Status is one hook of a work tree.
type Status struct {
	Name     string
	Path     string // where git looks for it, or would
	State    State
	By       string   // the program that made the hook at Path, when it is another one that we know
	ShimPath string   // where our shim is or would be: Path, or what the hook at Path runs
	Moved    []string // shims of ours in other places
	Saved    []string // older hooks that our shim runs first
}

// OK reports whether git runs our hook.
func (s Status) OK() bool {
	return s.State == Installed || s.State == Outdated || s.State == Called
}

// InspectPlace looks at the hooks that git would run in a work tree; top is "" in
// a bare repository.
func InspectPlace(p Place, top string) []Status {
	if p.Dir == "" {
		var all []Status
		for _, name := range hooks.Names {
			all = append(all, Status{Name: name, State: Shadowed})
		}
		return all
	}
	all := Inspect(p.Dir, top)
	for i := range all {
		if s := &all[i]; p.Fault != nil && (s.State == Missing || s.State == Foreign) {
			s.State = Shadowed
		}
	}
	return all
}

// Inspect looks at the hooks in a directory.
func Inspect(dir, top string) []Status {
	var all []Status
	for _, name := range hooks.Names {
		all = append(all, inspect(dir, name, top))
	}
	return all
}

func inspect(dir, name, top string) Status {
	s := Status{Name: name, Path: filepath.Join(dir, name)}
	s.ShimPath = s.Path
	front := lookAt(s.Path)
	maker := makerOf(front.text)
	if maker != nil {
		s.By = maker.name
		if maker.runs && front.executable {
			s.ShimPath += maker.suffix
		}
	}
	for _, m := range managers {
		if at := s.Path + m.suffix; m.suffix != "" && at != s.ShimPath && lookAt(at).shim {
			s.Moved = append(s.Moved, at)
		}
	}
	for _, slot := range slots {
		if lookAt(s.Path + slot).exists {
			s.Saved = append(s.Saved, s.Path+slot)
		}
	}
	ours := front
	if s.ShimPath != s.Path {
		ours = lookAt(s.ShimPath)
	}
	switch {
	case !front.exists:
		s.State = Missing
	case front.dangling:
		s.State = Dangling
	case ours.shim && !ours.executable:
		s.State = Disabled
	case ours.shim && bytes.Equal(ours.text, hooks.Shim(name)):
		s.State = Installed
	case ours.shim:
		s.State = Outdated
	case front.executable && calls(front, s.Path, name, top):
		s.State = Called
	case len(s.Moved) > 0:
		s.State = Renamed
	default:
		s.State = Foreign
	}
	return s
}

// Chain lists the older hooks that our shim runs first, given the first of them:
// those that are there and that git would run.
func Chain(first string) []string {
	var all []string
	for _, slot := range slots {
		path := first + strings.TrimPrefix(slot, slots[0])
		if st, err := os.Stat(path); err == nil && !st.IsDir() && Executable(st) {
			all = append(all, path)
		}
	}
	return all
}

// file is what is at a path.
type file struct {
	exists, regular, link, dangling, dir bool
	executable                           bool
	shim                                 bool // one of ours, in any format
	text                                 []byte
	mode                                 os.FileMode
}

func lookAt(path string) file {
	st, err := os.Lstat(path)
	if err != nil {
		return file{}
	}
	f := file{exists: true, regular: st.Mode().IsRegular(), link: st.Mode()&os.ModeSymlink != 0}
	if st, err = os.Stat(path); err != nil {
		f.dangling = true
		return f
	}
	f.dir, f.executable, f.mode = st.IsDir(), Executable(st), st.Mode().Perm()
	if st.Mode().IsRegular() { // a fifo or a device would not end
		f.text, _ = os.ReadFile(path) // what cannot be read is not ours
	}
	f.shim = f.regular && bytes.Contains(f.text[:min(len(f.text), 200)], marker)
	return f
}
