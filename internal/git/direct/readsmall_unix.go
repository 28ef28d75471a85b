//go:build unix

package direct

import (
	"io/fs"
	"syscall"
)

// readSmall reads the first limit bytes of a file. os.ReadFile would ask for its
// size and offer it to the network poller, which doubles the cost of reading a
// thousand refs. Of a ref, a read that ends with the line is all of it: asking for
// the end once more is a quarter of the cost. The error is *fs.PathError.
func readSmall(path string, limit int) ([]byte, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	for err == syscall.EINTR {
		fd, err = syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer syscall.Close(fd)
	first := 512
	if limit == maxRef {
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
		if n += m; m == 0 || n == limit || limit == maxRef && n < len(text) && text[n-1] == '\n' {
			return text[:n], nil
		}
		if n == len(text) {
			text = append(text, make([]byte, min(limit-n, 7*n))...)
		}
	}
}
