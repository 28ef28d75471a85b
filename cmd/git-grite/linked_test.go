package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestNoProtocolInside: git-grite is linked with nothing of the MCP server's, so
// that no hook starts slower, and nothing is larger, because there is one.
func TestNoProtocolInside(t *testing.T) {
	t.Parallel()
	list := func(program string) map[string]bool {
		out, err := exec.Command("go", "list", "-tags", "urfave_cli_no_docs", "-deps", program).Output()
		if err != nil {
			t.Fatal(err)
		}
		packages := map[string]bool{}
		for _, p := range strings.Fields(string(out)) {
			packages[p] = true
		}
		return packages
	}
	inside, server := list("."), list("../git-grite-mcp")
	if !server["github.com/modelcontextprotocol/go-sdk/mcp"] || !server["net/http"] {
		t.Fatal("the server is not made of what this test looks for")
	}
	for p := range inside {
		if strings.HasPrefix(p, "github.com/modelcontextprotocol/") || strings.HasPrefix(p, "github.com/google/jsonschema-go/") || p == "net/http" {
			t.Errorf("git-grite is linked with %s", p)
		}
		if !server[p] && p != "github.com/git-grite/git-grite/cmd/git-grite" {
			t.Errorf("git-grite has %s, which its MCP server has not", p)
		}
	}
}
