package atomicfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestRead reads files of sizes about those of the buffer.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, size := range []int{0, 1, 127, 128, 129, 511, 512, 513, 4096, 4097, 100000} {
		want := bytes.Repeat([]byte("line\n"), size/5+1)[:size]
		if err := os.WriteFile(path, want, 0o666); err != nil {
			t.Fatal(err)
		}
		for name, read := range map[string]func() ([]byte, error){
			"all":  func() ([]byte, error) { return Read(path) },
			"some": func() ([]byte, error) { return ReadSome(path, 600) },
			"line": func() ([]byte, error) { return ReadLine(path, 600) },
		} {
			want := want
			if name != "all" {
				want = want[:min(size, 600)]
			}
			if got, err := read(); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s of %d bytes: %d, %v", name, size, len(got), err)
			}
		}
	}
	var at *fs.PathError
	if _, err := Read(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &at) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Read(dir); err == nil {
		t.Error("a directory was read")
	}
}
