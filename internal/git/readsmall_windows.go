package git

import "os"

// readSmall reads a file of at most a few hundred bytes, as those of refs are.
func readSmall(path string) ([]byte, error) { return os.ReadFile(path) }
