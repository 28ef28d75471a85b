//go:build unix

package git

import "syscall"

// readSmall reads a file of at most a few hundred bytes, as those of refs are.
// os.ReadFile would ask for its size and offer it to the network poller, which
// doubles the cost of reading a thousand of them.
func readSmall(path string) ([]byte, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	text := make([]byte, 512)
	for {
		n, err := syscall.Read(fd, text)
		if err == syscall.EINTR {
			continue
		}
		return text[:max(n, 0)], err
	}
}
