//go:build managers

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/git-grite/git-grite/internal/gittest"
)

// TestClientOfTheSDK has the official client, which is written in another
// language, talk to two servers of one clone.
func TestClientOfTheSDK(t *testing.T) {
	t.Parallel()
	managers := os.Getenv("GRITE_MANAGERS")
	if managers == "" {
		t.Fatal("GRITE_MANAGERS is not set; run make test-managers")
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-tags", "urfave_cli_no_docs", "-o", bin, "../git-grite", ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	script, err := filepath.Abs("testdata/client.cjs")
	if err != nil {
		t.Fatal(err)
	}
	remote := gittest.NewRemote(t)
	r := remote.Clone(t, remote.Dir).With("GRITE_MANAGERS="+managers, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	res := r.Run("", "node", script)
	var saw struct {
		Errors, Raced, Tools          []string
		Server, Instructions          string
		ToolsBytes                    int
		Acquire, Renew, Status, Check object
		Conflict, Release, Left       object
		Cancelled, Unknown, Wrong     string
	}
	if err := json.Unmarshal([]byte(res.Stdout), &saw); err != nil || res.Code != 0 {
		t.Fatalf("exit %d: %v: %s%s", res.Code, err, res.Stdout, res.Stderr)
	}
	// The Go SDK answers a cancelled call too, and clients have to ignore that.
	late := func(e string) bool {
		return strings.Contains(e, "unknown message ID") && strings.Contains(e, "canceled")
	}
	if saw.Errors = slices.DeleteFunc(saw.Errors, late); saw.Server != "git-grite" || saw.Instructions != instructions || len(saw.Errors) > 0 {
		t.Errorf("%s: %s; %v", saw.Server, saw.Instructions, saw.Errors)
	}
	if strings.Join(saw.Tools, " ") != "lock_acquire lock_check lock_release lock_renew lock_status" || saw.ToolsBytes > 4096 {
		t.Errorf("%v in %d bytes", saw.Tools, saw.ToolsBytes)
	}
	for name, o := range map[string]object{"acquire": saw.Acquire, "renew": saw.Renew, "status": saw.Status, "release": saw.Release} {
		if !o.OK || len(o.Data.Locks) != 1 || o.Data.Locks[0].Resource != "path:src/" || !strings.HasPrefix(o.Data.Locks[0].Label, "mcp/") {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if saw.Check.OK || len(saw.Check.Data.Collisions) != 1 || saw.Conflict.OK || saw.Conflict.Error.Code != "conflict" {
		t.Errorf("check: %+v; conflict: %+v", saw.Check, saw.Conflict)
	}
	if saw.Cancelled != "cancelled" || saw.Unknown != "refused" || saw.Wrong != "refused" {
		t.Errorf("%s, %s, %s", saw.Cancelled, saw.Unknown, saw.Wrong)
	}
	if len(saw.Raced) != 5 || slices.ContainsFunc(saw.Raced, func(s string) bool { return s != "conflict granted" }) {
		t.Errorf("raced: %v", saw.Raced)
	}
	if !saw.Left.OK || len(saw.Left.Data.Locks) > 0 {
		t.Errorf("left: %+v", saw.Left)
	}
}
