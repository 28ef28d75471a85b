//go:build unix

package config

import (
	"os"
	"syscall"
)

func inode(st os.FileInfo) int64 {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return int64(sys.Ino &^ (1 << 63)) // TOML has no larger integers
	}
	return 0
}
