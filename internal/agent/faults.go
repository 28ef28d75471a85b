package agent

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// maxFaults bounds the file of faults, in bytes.
const maxFaults = 64 << 10

// WriteFault writes down, in one line, what went wrong in a hook that must not say
// so. It makes no directory, so that nothing is written where git-grite was never
// set up, and writes through no link.
func WriteFault(path string, now time.Time, text string) {
	how := os.O_APPEND
	switch st, err := os.Lstat(path); {
	case err == nil && !st.Mode().IsRegular():
		return
	case err == nil && st.Size() > maxFaults:
		how = os.O_TRUNC
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|how, 0o666)
	if err != nil {
		return
	}
	defer f.Close()
	line := strings.Join(strings.Fields(text), " ")
	fmt.Fprintf(f, "%s %s\n", now.UTC().Format(time.RFC3339), line[:min(len(line), 1000)])
}
