package hook

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/git"
)

// ServerTrial is what the hook of a server did with two records.
type ServerTrial struct {
	Fired         bool // git ran it at all
	TakesGood     bool
	RefusesForged bool
	Said          string // all that it and git said
}

// TryServer has git run an installed pre-receive hook as a push would, between two
// scratch repositories: the server's refs are not touched, and its configuration,
// of which ours is copied, applies. good is a record, and ref the one that it
// belongs to; forged must be refused there. The pusher has the logins that the
// environment names, which are mostly none, so that a configuration which trusts
// listed actors only refuses both and says so.
func TryServer(ctx context.Context, server *git.Repo, hookPath, ourDir string, ref git.RefName, good, forged []byte, now time.Time) (t ServerTrial, err error) {
	top, err := os.MkdirTemp("", "git-grite-try-")
	if err != nil {
		return t, err
	}
	defer os.RemoveAll(top)
	hooksDir := filepath.Join(top, "hooks")
	if err := os.Mkdir(hooksDir, 0o777); err != nil {
		return t, err
	}
	// The file by itself, so that it is found under the one name that git runs, and
	// what is chained beside it by its own path.
	shim := "#!/bin/sh\n: >" + shellWord(filepath.Join(top, "fired")) + "\nexec " + shellWord(hookPath) + " \"$@\"\n"
	if err := atomicfile.Write(filepath.Join(hooksDir, "pre-receive"), []byte(shim), 0o777); err != nil {
		return t, err
	}
	to, err := server.Scratch(ctx, filepath.Join(top, "to.git"), hooksDir)
	if err != nil {
		return t, err
	}
	from, err := server.Scratch(ctx, filepath.Join(top, "from.git"), filepath.Join(top, "none"))
	if err != nil {
		return t, err
	}
	text, err := os.ReadFile(filepath.Join(ourDir, "receive.toml"))
	if err == nil {
		ours := filepath.Join(to.CommonDir, filepath.Base(ourDir))
		if err = os.MkdirAll(ours, 0o777); err == nil {
			err = os.WriteFile(filepath.Join(ours, "receive.toml"), text, 0o666)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return t, err
	}
	var said bytes.Buffer
	push := func(record []byte) (bool, error) {
		oid, err := from.WriteCommit(ctx, git.FileCommit{Name: "lock.json", Content: record, Message: "Lock", Time: now})
		if err != nil {
			return false, err
		}
		code, err := from.PushAs(ctx, []string{"--no-signed", "--", to.CommonDir, "+" + string(oid) + ":" + string(ref)}, git.Streams{Out: &said, Err: &said})
		return code == 0, err
	}
	taken, err := push(forged)
	if err == nil {
		t.RefusesForged = !taken
		t.TakesGood, err = push(good)
	}
	_, fired := os.Stat(filepath.Join(top, "fired"))
	t.Fired, t.Said = fired == nil, said.String()
	return t, err
}

// shellWord makes one word of s for a shell.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
