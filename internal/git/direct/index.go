package direct

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
)

// Lacks reports whether the index surely has neither path nor anything below it.
// Versions 2 and 3 hold each path in full, with NUL behind it
// (gitformat-index(5)). Version 4 compresses them, and the extensions of split and
// sparse indexes leave some out; what those have is git's to say, and so is a path
// whose letters git may spell otherwise on macOS.
func (r *Repo) Lacks(path string) bool {
	for i := range len(path) {
		if path[i] >= 0x80 {
			return false
		}
	}
	index, err := os.ReadFile(filepath.Join(r.GitDir, "index"))
	if err != nil {
		return absent(err)
	}
	if len(index) < 12 || string(index[:4]) != "DIRC" || binary.BigEndian.Uint32(index[4:]) > 3 ||
		bytes.Contains(index, []byte("link")) || bytes.Contains(index, []byte("sdir")) {
		return false
	}
	return !bytes.Contains(index, []byte(path+"/")) && !bytes.Contains(index, []byte(path+"\x00"))
}
