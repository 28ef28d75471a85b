package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/receive"
	"github.com/git-grite/git-grite/internal/refstore"
	"github.com/git-grite/git-grite/internal/sign"
	"github.com/git-grite/git-grite/internal/wire"
)

// runReceive runs "receive", which the pre-receive shim of a server calls:
//
//	git-grite receive [--chain OLD] [--] ARG …
//
// The older hook runs first and has the last word when it refuses. Like the other
// hooks this one fails on conflicts and not on infrastructure, unless the server's
// configuration says so.
func runReceive(ctx context.Context, env Env, args []string) (code int) {
	out := &printer{env: env}
	closed := false
	defer func() {
		if fault := recover(); fault != nil {
			out.say("git-grite: this push was not checked, because of a fault in git-grite: %v", fault)
			code = 0
			if closed {
				code = 1
			}
		}
	}()
	run := hookRun{name: "pre-receive"}
	if len(args) > 1 && args[0] == "--chain" {
		run.chain, args = args[1], args[2:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	run.args = args
	if code := run.runChain(ctx, &env); code != 0 {
		return code
	}
	repo, err := git.Open(ctx, env.Dir, env.Environ)
	if err != nil {
		out.say("git-grite: this push was not checked: %s", oneLine(err))
		return 0
	}
	server, err := newServer(repo, env.Now)
	closed = server.Rules.Fail == "closed"
	if err != nil {
		out.say("git-grite: %s; the defaults apply", wire.Printable(err.Error()))
	}
	updates, err := receive.ReadUpdates(env.Stdin)
	if err != nil {
		out.say("git-grite: this push was not checked: %s", oneLine(err))
		if closed {
			return 1
		}
		return 0
	}
	v := server.Judge(ctx, updates, receive.PusherOf(env.getenv, principals(server.Dir, env.Now)))
	for _, line := range v.Lines() {
		out.say("%s", line)
	}
	if v.Refused() {
		return 1
	}
	return 0
}

// newServer reads the configuration of a repository that is pushed to. Beside an
// error, which is *config.Error, the server has the defaults.
func newServer(repo *git.Repo, now func() time.Time) (*receive.Server, error) {
	dir := filepath.Join(repo.CommonDir, "grite")
	rules, err := config.LoadReceive(dir)
	local := refstore.NewLocal(repo, dir, now)
	return &receive.Server{Repo: repo, Dir: dir, Rules: rules, Now: now, Locks: func(ctx context.Context) ([]lock.Entry, error) {
		v, err := local.Load(ctx, true)
		if err != nil {
			return nil, err
		}
		return v.Entries, nil
	}}, err
}

// principals finds who has an ssh key, by the server's allowed signers. A file
// that is damaged in part names those that it does name.
func principals(dir string, now func() time.Time) func(key string) []string {
	return func(key string) []string {
		text, err := os.ReadFile(filepath.Join(dir, "allowed_signers"))
		if err != nil {
			return nil
		}
		allowed, _ := sign.ParseAllowed(text, time.Local)
		return allowed.PrincipalsOf(key, now())
	}
}

// checkServer lists what is wrong with the configuration of a server.
func checkServer(repo *git.Repo, now func() time.Time) (faults []string) {
	server, err := newServer(repo, now)
	if err != nil {
		faults = append(faults, err.Error())
	}
	faults = append(faults, server.Rules.Warnings...)
	text, err := os.ReadFile(filepath.Join(server.Dir, "allowed_signers"))
	if err == nil {
		_, err = sign.ParseAllowed(text, time.Local)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		faults = append(faults, fmt.Sprintf("allowed_signers: %v", err))
	}
	return faults
}
