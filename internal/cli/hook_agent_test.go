package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestAgentHookPanics lets the clock panic in the middle of a judgement.
func TestAgentHookPanics(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	if err := os.MkdirAll(filepath.Join(r.Dir, ".git/grite"), 0o777); err != nil {
		t.Fatal(err)
	}
	r.Write(".git/grite/config.toml", "lock_policy = \"require\"\n")
	in, _ := json.Marshal(map[string]any{"hook_event_name": "PreToolUse", "session_id": "s", "cwd": r.Dir, "tool_name": "Edit",
		"tool_input": map[string]any{"file_path": filepath.Join(r.Dir, "x")}})
	calls := 0
	for _, always := range []bool{false, true} {
		var stdout, stderr bytes.Buffer
		env := Env{Stdin: bytes.NewReader(in), Stdout: &stdout, Stderr: &stderr, Environ: r.Env, Dir: r.Dir, Now: func() time.Time {
			if calls++; calls == 1 || always {
				panic("injected")
			}
			return time.Now()
		}}
		if code := runHook(context.Background(), env, []string{"agent", "claude"}); code != 0 || stdout.Len()+stderr.Len() > 0 {
			t.Errorf("%d, %s, %s", code, &stdout, &stderr)
		}
	}
	log, err := os.ReadFile(filepath.Join(r.Dir, ".git/grite/agent.log"))
	if err != nil || strings.Count(string(log), "injected") != 1 {
		t.Errorf("%v: %q", err, log)
	}
}
