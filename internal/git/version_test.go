package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestVersionMemo holds that the version is asked once for all names of one git,
// and never written through a link.
func TestVersionMemo(t *testing.T) {
	r := gittest.New(t)
	traced, processes := r.Trace(0)
	memo := filepath.Join(t.TempDir(), "git")
	check := func() int {
		t.Helper()
		if err := open(t, traced).CheckVersionOnce(context.Background(), memo); err != nil {
			t.Fatal(err)
		}
		return len(processes())
	}
	if n := check() + check(); n != 1 {
		t.Errorf("%d processes for two questions", n)
	}
	t.Setenv("PATH", r.Git("--exec-path")+string(os.PathListSeparator)+os.Getenv("PATH")) // as below "git grite"
	if n := check(); n != 0 {
		t.Errorf("%d processes below git", n)
	}
	precious := filepath.Join(t.TempDir(), "precious")
	if err := errors.Join(os.WriteFile(precious, []byte("precious"), 0o666), os.Remove(memo), os.Symlink(precious, memo)); err != nil {
		t.Fatal(err)
	}
	check()
	if text, err := os.ReadFile(precious); err != nil || string(text) != "precious" {
		t.Errorf("written through a link: %q, error %v", text, err)
	}
}

func TestRecent(t *testing.T) {
	for version, want := range map[string]bool{"2.31": true, "2.31.0": true, "2.39.5": true, "3.0.0": true, "2.54.0.windows.1": true, "2.30.9": false, "1.99": false, "x": false, "2.x": false} {
		if recent(version) != want {
			t.Errorf("%s: %v", version, !want)
		}
	}
}
