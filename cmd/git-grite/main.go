// Command git-grite is "git grite": leases on paths, issues and the whole
// repository, kept as git refs. See docs/guide.md.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/git-grite/git-grite/internal/cli"
	"github.com/git-grite/git-grite/internal/signals"
)

func main() {
	debug.SetGCPercent(400) // most commands end before collecting would pay
	ctx, stop := signals.Context(context.Background())
	defer stop()
	os.Exit(cli.Main(ctx, cli.SystemEnv()))
}
