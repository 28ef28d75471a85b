package atomicfile

import (
	"io"
	"os"
)

// Read reads a file.
func Read(path string) ([]byte, error) { return os.ReadFile(path) }

// ReadSome reads the first limit bytes of a file.
func ReadSome(path string, limit int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(limit)))
}

// ReadLine reads the first limit bytes of a file that has one line.
func ReadLine(path string, limit int) ([]byte, error) { return ReadSome(path, limit) }
