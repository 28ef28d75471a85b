package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/git-grite/git-grite/internal/agent"
)

// mcpProgram is a program of its own, because what it is linked with would cost
// every hook a fifth of its start.
const mcpProgram = "git-grite-mcp"

func newMCP() *command {
	return &command{name: "mcp", usage: "serve locks to coding agents over the Model Context Protocol, on stdin and stdout", run: runMCP}
}

// errNoMCP is returned when the server is not installed.
var errNoMCP = errors.New(mcpProgram + " was not found beside git-grite or on PATH; install.sh installs both")

func runMCP(ctx context.Context, c *call) (result, error) {
	program, err := findMCP()
	if err != nil {
		return result{}, err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = c.Stdin, c.Stdout, c.Stderr, c.Environ, c.Dir
	if err := cmd.Run(); err != nil { // it has said why
		return result{}, fmt.Errorf("%s: %w", mcpProgram, err)
	}
	return result{silent: true}, nil // stdout is the protocol's
}

func findMCP() (string, error) {
	name := mcpProgram
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if st, err := os.Stat(beside); err == nil && st.Mode().IsRegular() {
			return beside, nil
		}
	}
	program, err := exec.LookPath(name)
	if err != nil {
		return "", errNoMCP
	}
	return program, nil
}

// NamesActor reports whether an environment says who acts: a person by
// GRITE_ACTOR or GRITE_HOME, or a coding agent by its session.
func NamesActor(env Env) bool {
	_, session := agent.FromEnvironment(env.getenv)
	return session || env.getenv("GRITE_ACTOR") != "" || env.getenv("GRITE_HOME") != ""
}
