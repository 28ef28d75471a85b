package gittest

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Trace makes git report the processes that it starts. Processes returns the
// command lines of those that were started directly by a program under test
// since the last call; git processes started by git are not counted. To count
// what a program does that git itself started (a hook, "git grite"), depth is
// the number of git processes above it.
func (r *Repo) Trace(depth int) (traced *Repo, processes func() []string) {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), "trace")
	return r.With("GIT_TRACE2_EVENT=" + file), func() []string {
		return readTrace(r.t, file, depth)
	}
}

func readTrace(t testing.TB, file string, depth int) []string {
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file)
	defer f.Close()
	var started []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var event struct {
			Event string   `json:"event"`
			SID   string   `json:"sid"`
			Argv  []string `json:"argv"`
		}
		if json.Unmarshal(lines.Bytes(), &event) != nil || event.Event != "start" {
			continue
		}
		if strings.Count(event.SID, "/") == depth {
			started = append(started, strings.Join(event.Argv, " "))
		}
	}
	return started
}
