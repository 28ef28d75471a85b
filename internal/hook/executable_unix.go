//go:build unix

package hook

import "os"

// Executable reports whether git would run a hook with this mode.
func Executable(st os.FileInfo) bool { return st.Mode()&0o111 != 0 }
