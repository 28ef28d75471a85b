package cli

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
)

// version is set by the Makefile and install.sh; a build by "go install" knows
// the version of its module instead.
var version string

func newVersion() *command {
	return &command{name: "version", usage: "show the version", run: runVersion}
}

func runVersion(context.Context, *call) (result, error) {
	return result{data: map[string]string{"version": Version()}, text: func(w io.Writer) {
		fmt.Fprintf(w, "git-grite version %s\n", Version())
	}}, nil
}

// Version is the version of the program.
func Version() string {
	v := version
	if info, ok := debug.ReadBuildInfo(); ok && v == "" {
		v = info.Main.Version
	}
	if v == "" || v == "(devel)" {
		v = "unreleased"
	}
	return v
}
