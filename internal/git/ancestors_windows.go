package git

// belowHook reports false: there is no cheap way to know.
func belowHook() bool { return false }
