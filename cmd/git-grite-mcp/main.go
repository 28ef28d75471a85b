// Command git-grite-mcp serves the locks of a repository to coding agents over
// the Model Context Protocol, on standard input and output. It is a program of
// its own so that no hook pays for the protocol's libraries; "git grite mcp"
// starts it.
package main

import (
	"context"
	"log"
	"os"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/git-grite/git-grite/internal/cli"
	"github.com/git-grite/git-grite/internal/signals"
)

func main() {
	ctx, stop := signals.Context(context.Background())
	defer stop()
	if err := newServer(cli.SystemEnv()).Run(ctx, &mcp.StdioTransport{}); err != nil && ctx.Err() == nil {
		log.SetFlags(0)
		log.Print("git-grite-mcp: ", err) // to standard error
		os.Exit(1)
	}
}
