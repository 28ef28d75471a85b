package git

// belowGit reports false: there is no cheap way to know.
func belowGit() bool { return false }
