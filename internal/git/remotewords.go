package git

import "strings"

// local reports whether a URL surely is not for ssh.
func local(url string) bool {
	scheme, _, ok := strings.Cut(url, "://")
	if ok {
		return !strings.Contains(scheme, "ssh")
	}
	colon, slash := strings.IndexByte(url, ':'), strings.IndexByte(url, '/')
	return colon < 0 || slash >= 0 && slash < colon
}

// reason picks from git's stderr the line that says why, without its prefix.
func reason(stderr string) string {
	lines := strings.Split(stderr, "\n")
	for _, prefix := range []string{"fatal: ", "error: ", "ssh: "} {
		for _, line := range lines {
			if why, ok := strings.CutPrefix(line, prefix); ok && why != "Could not read from remote repository." {
				return why
			}
		}
	}
	return lines[0]
}

// remoteWords are the lines that the server itself wrote.
func remoteWords(stderr string) string {
	var said []string
	for line := range strings.Lines(stderr) {
		if words, ok := strings.CutPrefix(strings.TrimSpace(line), "remote: "); ok {
			said = append(said, strings.TrimSpace(words))
		}
	}
	return strings.Join(said, "; ")
}
