//go:build unix

package hook

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/git-grite/git-grite/hooks"
)

const theirs = "#!/bin/sh\necho theirs\n"

func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// TestInstallAndBack puts ours in the place of each kind of hook and takes it
// away again. Whatever was there is run meanwhile and is the same afterwards.
func TestInstallAndBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		make   func(t *testing.T, dir, path string)
		did    string
		back   string
		linked string // what the hook is a link to
	}{
		"nothing":        {make: func(*testing.T, string, string) {}, did: "installed", back: "removed"},
		"a hook":         {make: func(t *testing.T, dir, path string) { write(t, path, theirs, 0o750) }, did: "installed", back: "restored"},
		"not executable": {make: func(t *testing.T, dir, path string) { write(t, path, theirs, 0o640) }, did: "installed", back: "restored"},
		"a link": {linked: "../tracked", make: func(t *testing.T, dir, path string) {
			write(t, filepath.Join(dir, "../tracked"), theirs, 0o755)
			link(t, "../tracked", path)
		}, did: "installed", back: "restored"},
		"a dangling link": {linked: "../nothing", make: func(t *testing.T, dir, path string) { link(t, "../nothing", path) }, did: "installed", back: "restored"},
		"one of format 1": {make: func(t *testing.T, dir, path string) {
			write(t, path, "#!/bin/sh\n# git-grite hook shim, format 1\nexit 0\n", 0o755)
		}, did: "updated", back: "removed"},
		"one of format 2": {make: func(t *testing.T, dir, path string) {
			write(t, path, strings.Replace(string(hooks.Shim("pre-commit")), "format 3", "format 2", 1), 0o755)
			write(t, path+".pre-grite", theirs, 0o755)
		}, did: "updated", back: "restored"},
		"a later format": {make: func(t *testing.T, dir, path string) {
			write(t, path, "#!/bin/sh\n# git-grite hook shim, format 99\n", 0o755)
		}, did: "updated", back: "removed"},
		"an interrupted try": {make: func(t *testing.T, dir, path string) { write(t, path, theirs, 0o755); os.Link(path, path+".pre-grite") }, did: "installed", back: "restored"},
		"one interrupted copy": {make: func(t *testing.T, dir, path string) {
			write(t, path, theirs, 0o755)
			write(t, path+".pre-grite", theirs, 0o755)
		}, did: "installed", back: "restored"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "hooks")
			path := filepath.Join(dir, "pre-commit")
			tt.make(t, dir, path)
			before, _ := os.ReadFile(path)
			mode := lookAt(path).mode
			outside, _ := os.ReadFile(filepath.Join(dir, "../tracked"))
			changes, err := Install(dir, "")
			if err != nil || changes[0].Did != tt.did {
				t.Fatalf("install: %v, %v", changes, err)
			}
			if f := lookAt(path); !f.shim || f.link || !f.executable || !bytes.Equal(f.text, hooks.Shim("pre-commit")) {
				t.Errorf("installed: %+v", f)
			}
			if again, err := Install(dir, ""); err != nil || again[0].Did != "unchanged" {
				t.Errorf("again: %v, %v", again, err)
			}
			if tt.back == "restored" && tt.did == "installed" {
				if kept := lookAt(path + ".pre-grite"); !bytes.Equal(kept.text, before) || kept.mode != mode || kept.link != (tt.linked != "") {
					t.Errorf("kept: %+v", kept)
				}
			}
			changes, err = Uninstall(dir, "")
			if err != nil || changes[0].Did != tt.back {
				t.Fatalf("uninstall: %v, %v", changes, err)
			}
			f := lookAt(path)
			if tt.did == "installed" && (f.exists != (tt.back == "restored") || !bytes.Equal(f.text, before) || f.mode != mode) {
				t.Errorf("afterwards: %+v", f)
			}
			if tt.linked != "" {
				if target, _ := os.Readlink(path); target != tt.linked {
					t.Errorf("the link is to %q", target)
				}
			}
			if now, _ := os.ReadFile(filepath.Join(dir, "../tracked")); !bytes.Equal(now, outside) {
				t.Error("written through the link")
			}
			if left := names(t, dir); slices.ContainsFunc(left, func(n string) bool { return n != "pre-commit" }) {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// TestNeverWithoutAHook looks all the time whether there is a hook while ours is
// installed and removed, whatever kind of file the older one is: a process that
// is killed at any moment leaves what is seen then.
func TestNeverWithoutAHook(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(t *testing.T, path string){
		"file": func(t *testing.T, path string) { write(t, path, theirs, 0o755) },
		"link": func(t *testing.T, path string) {
			write(t, filepath.Join(filepath.Dir(path), "../tracked"), theirs, 0o755)
			link(t, "../tracked", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "hooks")
			path := filepath.Join(dir, "pre-commit")
			place(t, path)
			var done atomic.Bool
			looked := make(chan int)
			go func() {
				missed := 0
				for !done.Load() {
					if st, err := os.Stat(path); err != nil || !Executable(st) {
						missed++
					}
				}
				looked <- missed
			}()
			for range 300 {
				if _, err := Install(dir, ""); err != nil {
					t.Fatal(err)
				}
				if _, err := Uninstall(dir, ""); err != nil {
					t.Fatal(err)
				}
			}
			done.Store(true)
			if missed := <-looked; missed > 0 {
				t.Errorf("%d looks found no hook", missed)
			}
		})
	}
}

// TestDuplicateWithoutHardLinks copies, as on a file system that has none.
func TestDuplicateWithoutHardLinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hook")
	write(t, path, theirs, 0o751)
	if err := writeNew(path+".copy", lookAt(path)); err != nil {
		t.Fatal(err)
	}
	if f := lookAt(path + ".copy"); string(f.text) != theirs || f.mode != 0o751 {
		t.Errorf("copied: %+v", f)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(t *testing.T, path string){
		"a hook that goes by its name": func(t *testing.T, path string) { write(t, path, "#!/bin/sh\nrun \"$(basename \"$0\")\"\n", 0o755) },
		"two links to one file": func(t *testing.T, path string) {
			write(t, filepath.Join(filepath.Dir(path), "../all"), theirs, 0o755)
			link(t, "../all", path)
			link(t, "../all", filepath.Join(filepath.Dir(path), "commit-msg"))
		},
		"a saved one is there": func(t *testing.T, path string) {
			write(t, path, theirs, 0o755)
			write(t, path+".pre-grite", "#!/bin/sh\nanother\n", 0o755)
		},
		"a directory": func(t *testing.T, path string) { write(t, path+"/x", "", 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "hooks")
			make(t, filepath.Join(dir, "pre-commit"))
			before := names(t, dir)
			_, err := Install(dir, "")
			var foreign *ForeignError
			if !errors.As(err, &foreign) {
				t.Fatalf("install: %v", err)
			}
			if after := names(t, dir); !slices.Equal(before, after) {
				t.Errorf("changed from %v to %v", before, after)
			}
		})
	}
}
