//go:build unix

package atomicfile

import (
	"io/fs"
	"math"
	"syscall"
)

// Read is os.ReadFile for a small file on a disk. That would ask for its size and
// offer it to the network poller, which doubles the cost of reading a thousand
// refs, and makes each command that reads a few files of settings set up that
// poller. The error is *fs.PathError.
func Read(path string) ([]byte, error) { return read(path, math.MaxInt, false) }

// ReadSome reads the first limit bytes of a file.
func ReadSome(path string, limit int) ([]byte, error) { return read(path, limit, false) }

// ReadLine reads the first limit bytes of a file that has one line: a read that ends
// with that is all of it. Asking for the end once more is a quarter of the cost.
func ReadLine(path string, limit int) ([]byte, error) { return read(path, limit, true) }

func read(path string, limit int, line bool) ([]byte, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	for err == syscall.EINTR {
		fd, err = syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer syscall.Close(fd)
	first := 512
	if line {
		first = 128 // an object id fits
	}
	text := make([]byte, min(limit, first))
	for n := 0; ; {
		m, err := syscall.Read(fd, text[n:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		}
		if n += m; m == 0 || n == limit || line && n < len(text) && text[n-1] == '\n' {
			return text[:n], nil
		}
		if n == len(text) {
			text = append(text, make([]byte, min(limit-n, 7*n))...)
		}
	}
}
