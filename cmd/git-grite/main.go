// Command git-grite is "git grite": leases on paths, issues and the whole
// repository, kept as git refs. See docs/guide.md.
package main

import (
	"context"
	"os"

	"github.com/git-grite/git-grite/internal/cli"
	"github.com/git-grite/git-grite/internal/signals"
)

func main() {
	cli.CollectLate()
	ctx, stop := signals.Context(context.Background())
	defer stop()
	os.Exit(cli.Main(ctx, cli.SystemEnv()))
}
