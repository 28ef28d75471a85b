package hook

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/git-grite/git-grite/hooks"
	"github.com/git-grite/git-grite/internal/atomicfile"
)

// serverMark is in the shim of every format.
var serverMark = []byte("# git-grite hook shim")

// ServerPlace returns where the hook of a bare repository belongs: among the
// custom hooks of GitLab, which runs all of a directory and nothing in hooks/, or
// at hooks/pre-receive, where a hook that is there already is kept as old.
func ServerPlace(gitDir, hooksDir string) (path, old string) {
	if st, err := os.Stat(filepath.Join(gitDir, "custom_hooks")); err == nil && st.IsDir() {
		return filepath.Join(gitDir, "custom_hooks", "pre-receive.d", "git-grite"), ""
	}
	path = filepath.Join(hooksDir, "pre-receive")
	return path, path + ".pre-grite"
}

// InstallServer puts the pre-receive shim into its place. A hook that stands
// there is renamed and runs first; it returns *ForeignError where that name is
// taken.
func InstallServer(gitDir, hooksDir string) (Change, error) {
	path, old := ServerPlace(gitDir, hooksDir)
	c := Change{Name: "pre-receive", Path: path, Did: "installed"}
	text, err := os.ReadFile(path)
	st, statErr := os.Stat(path)
	switch {
	case bytes.Equal(text, hooks.Server) && statErr == nil && Executable(st):
		c.Did = "unchanged"
		return c, nil
	case bytes.Contains(text, serverMark):
		c.Did = "updated"
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(path); err == nil { // a dangling link
			return c, &ForeignError{Path: path, Reason: "is a symbolic link that leads nowhere; remove it first"}
		}
	case err != nil:
		return c, err
	case old == "":
		return c, &ForeignError{Path: path, Reason: "is not ours; remove it first"}
	default:
		if _, err := os.Lstat(old); err == nil {
			return c, &ForeignError{Path: path, Reason: "cannot be kept as " + old + ", which exists already; remove one of them first"}
		}
		if err := os.Rename(path, old); err != nil {
			return c, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return c, err
	}
	return c, atomicfile.Write(path, hooks.Server, 0o777)
}

// UninstallServer removes the shim and puts an older hook back.
func UninstallServer(gitDir, hooksDir string) (Change, error) {
	path, old := ServerPlace(gitDir, hooksDir)
	c := Change{Name: "pre-receive", Path: path, Did: "removed"}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.Did = "absent"
		return c, nil
	case err != nil:
		return c, err
	case !bytes.Contains(text, serverMark):
		c.Did = "not ours"
		return c, nil
	}
	if old != "" {
		if err = os.Rename(old, path); err == nil {
			c.Did = "restored"
			return c, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return c, err
		}
	}
	return c, os.Remove(path)
}

// InspectServer looks at the hook in its place.
func InspectServer(gitDir, hooksDir string) Status {
	path, old := ServerPlace(gitDir, hooksDir)
	s := Status{Name: "pre-receive", Path: path, ShimPath: path, State: Installed}
	text, err := os.ReadFile(path)
	st, statErr := os.Stat(path)
	switch {
	case err != nil:
		s.State = Missing
	case !bytes.Contains(text, serverMark):
		s.State = Foreign
	case statErr != nil || !Executable(st):
		s.State = Disabled
	case !bytes.Equal(text, hooks.Server):
		s.State = Outdated
	}
	if _, err := os.Lstat(old); err == nil {
		s.Saved = []string{old}
	}
	return s
}
