package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/git-grite/git-grite/internal/cli"
	"github.com/git-grite/git-grite/internal/gittest"
)

// serve is set in the environment of the processes that are servers.
const serve = "GRITE_TEST_SERVE_MCP"

func TestMain(m *testing.M) {
	if os.Getenv(serve) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// connect starts a server in a repository, as an agent does.
func connect(t *testing.T, r *gittest.Repo, env ...string) *mcp.ClientSession {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Dir, cmd.Env = r.Dir, append(append(r.Env, env...), serve+"=1")
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.CommandTransport{Command: cmd}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

// object is what a tool returned.
type object struct {
	OK   bool
	Data struct {
		Lock       struct{ Resource, Label, Nonce string }
		Locks      []struct{ Resource, Label string }
		Collisions []struct{ Path string }
	}
	Error struct{ Code string }
}

func call(t *testing.T, s *mcp.ClientSession, tool string, args map[string]any) object {
	t.Helper()
	o, err := try(t.Context(), s, tool, args)
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	return o
}

func try(ctx context.Context, s *mcp.ClientSession, tool string, args map[string]any) (o object, err error) {
	res, err := s.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return o, err
	}
	text, err := json.Marshal(res.StructuredContent)
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	return o, err
}

func TestServer(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	s := connect(t, r)
	if len(instructions) > 800 || s.InitializeResult().Instructions != instructions {
		t.Errorf("%d characters of instructions, %q", len(instructions), s.InitializeResult().Instructions)
	}
	tools, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := json.Marshal(tools); len(tools.Tools) != 5 || len(text) > 4096 {
		t.Errorf("%d tools in %d bytes", len(tools.Tools), len(text))
	}
	if o := call(t, s, "lock_acquire", map[string]any{"resources": []string{"src/"}, "ttl": "30m", "reason": "why"}); !o.OK || o.Data.Lock.Resource != "path:src/" || !strings.HasPrefix(o.Data.Lock.Label, "mcp/") {
		t.Errorf("acquire: %+v", o)
	}
	if o := call(t, s, "lock_renew", map[string]any{"mine": true}); !o.OK || len(o.Data.Locks) != 1 {
		t.Errorf("renew: %+v", o)
	}
	if o := call(t, s, "lock_status", nil); !o.OK || len(o.Data.Locks) != 1 {
		t.Errorf("status: %+v", o)
	}
	other := connect(t, r) // another session in the same clone is somebody else
	if o := call(t, other, "lock_acquire", map[string]any{"resources": []string{"src/a.go"}}); o.OK || o.Error.Code != "conflict" {
		t.Errorf("acquire by the other: %+v", o)
	}
	if o := call(t, other, "lock_check", map[string]any{"paths": []string{"src/a.go", "free"}}); o.OK || len(o.Data.Collisions) != 1 {
		t.Errorf("check by the other: %+v", o)
	}
	if o := call(t, s, "lock_acquire", map[string]any{"resources": []string{"--json", "-x"}, "actor": "carol"}); !o.OK || len(o.Data.Locks) != 2 || o.Data.Locks[0].Label != "carol" {
		t.Errorf("odd names: %+v", o)
	}
	if o := call(t, s, "lock_release", map[string]any{"mine": true}); !o.OK || len(o.Data.Locks) != 1 {
		t.Errorf("release: %+v", o)
	}
	elsewhere := gittest.New(t)
	if o := call(t, s, "lock_acquire", map[string]any{"resources": []string{"a"}, "directory": elsewhere.Dir}); !o.OK {
		t.Errorf("elsewhere: %+v", o)
	}
	if o := call(t, s, "lock_status", map[string]any{"directory": filepath.Dir(elsewhere.Dir) + "/none"}); o.OK || o.Error.Code != "environment" {
		t.Errorf("nowhere: %+v", o)
	}
	if _, err := try(t.Context(), s, "lock_acquire", map[string]any{"resources": "src/"}); err == nil {
		if res, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: "lock_acquire", Arguments: map[string]any{"resources": "src/"}}); err == nil && !res.IsError {
			t.Error("arguments of a wrong type are taken")
		}
	}
}

// TestServersRace: of two sessions that want one path, one gets it.
func TestServersRace(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	a, b := connect(t, r), connect(t, r)
	for range 5 {
		got := make(chan bool, 2)
		for _, s := range []*mcp.ClientSession{a, b} {
			go func() {
				o, err := try(t.Context(), s, "lock_acquire", map[string]any{"resources": []string{"one"}})
				got <- err == nil && o.OK
			}()
		}
		if first, second := <-got, <-got; first == second {
			t.Fatalf("granted: %v, %v", first, second)
		}
		call(t, a, "lock_release", map[string]any{"mine": true})
		call(t, b, "lock_release", map[string]any{"mine": true})
	}
}

// TestCancelledCall: a call that is cancelled while it waits leaves nothing.
func TestCancelledCall(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	holder, s := connect(t, r), connect(t, r)
	call(t, holder, "lock_acquire", map[string]any{"resources": []string{"a"}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := try(ctx, s, "lock_acquire", map[string]any{"resources": []string{"a"}, "wait": "1h"}); err == nil {
		t.Error("the call was not cancelled")
	}
	call(t, holder, "lock_release", map[string]any{"mine": true})
	for range 20 { // the one that waited would have it at its next look
		if o := call(t, holder, "lock_status", nil); len(o.Data.Locks) != 0 {
			t.Fatalf("after cancelling: %+v", o)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestGarbage: whatever comes on standard input, only the protocol is on
// standard output.
func TestGarbage(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{"", "\n", "{", "null\n", "[]\n", strings.Repeat("[", 100000), "\xff\xfe\n", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"rm"}}` + "\n"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, self)
		cmd.Dir, cmd.Env, cmd.Stdin = r.Dir, append(r.Env, serve+"=1"), strings.NewReader(in)
		out, _ := cmd.Output()
		if ctx.Err() != nil {
			t.Errorf("%.20q hangs", in)
		}
		cancel()
		for line := range strings.Lines(string(out)) {
			var message struct{ JSONRPC string }
			if json.Unmarshal([]byte(line), &message) != nil || message.JSONRPC != "2.0" {
				t.Errorf("%.20q: on stdout: %q", in, line)
			}
		}
	}
}

// TestSessionActor: a session that the environment names is not renamed.
func TestSessionActor(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	if o := call(t, connect(t, r, "GRITE_ACTOR=agent-7"), "lock_acquire", map[string]any{"resources": []string{"a"}}); o.Data.Lock.Label != "agent-7" {
		t.Errorf("%+v", o)
	}
	if !cli.NamesActor(cli.Env{Environ: []string{"CLAUDE_CODE_SESSION_ID=3f2a"}}) {
		t.Error("a session of Claude Code is not seen")
	}
}
