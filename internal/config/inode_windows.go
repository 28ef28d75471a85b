package config

import "os"

// inode is 0: Windows tells it for an open file only, and two of host and path
// decide then.
func inode(os.FileInfo) int64 { return 0 }
