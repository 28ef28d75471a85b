package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Streams are what a git that talks to the user itself reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// PushAs runs "git push" in the user's own environment and with the user's own
// streams: prompts, progress and colours are git's where these are the
// terminal. It returns git's exit code; the error is for a git that could not
// be run, or was stopped because ctx ended.
func (r *Repo) PushAs(ctx context.Context, args []string, io Streams) (exitCode int, err error) {
	cmd := r.prepare(ctx, command{args: append([]string{"push"}, args...)})
	cmd.Env = r.raw
	cmd.Stdin, cmd.Stdout, cmd.Stderr = io.In, io.Out, io.Err
	err = cmd.Run()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return -1, cause
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	case errors.Is(err, exec.ErrWaitDelay): // git itself has ended well
		return 0, nil
	case errors.Is(err, exec.ErrNotFound):
		return -1, ErrNoGit
	}
	return 0, err
}

// PushConfig returns the settings that decide what "git push" pushes and where,
// among others, all values of each, and the current branch, "" on a detached HEAD.
func (r *Repo) PushConfig(ctx context.Context) (config map[string][]string, branch string, err error) {
	all, err := r.settings(ctx)
	if err != nil {
		return nil, "", err
	}
	config = map[string][]string{}
	for _, s := range all {
		for _, section := range []string{"push.", "remote.", "branch."} {
			if strings.HasPrefix(s.Key, section) {
				config[s.Key] = append(config[s.Key], s.Value)
			}
		}
	}
	head, err := r.HeadRef(ctx)
	return config, strings.TrimPrefix(string(head), "refs/heads/"), err
}

// PushURL returns where a push to a remote that has one push URL goes; what is
// not the name of a remote is a URL itself.
func (r *Repo) PushURL(ctx context.Context, remote string) (string, error) {
	out, err := r.read(ctx, "remote", "get-url", "--push", "--", remote)
	var failed *Error
	if errors.As(err, &failed) && failed.ExitCode == 2 {
		return remote, nil
	}
	return strings.TrimSpace(string(out)), err
}

// RemoteRefs asks the repository at url how some of its refs stand; those that it
// has not are missing in the answer.
func (r *Repo) RemoteRefs(ctx context.Context, url string, names []RefName) (map[RefName]OID, error) {
	args := []string{"ls-remote", "--", url}
	for _, name := range names {
		args = append(args, string(name))
	}
	out, err := r.run(ctx, command{args: args})
	if err != nil {
		return nil, err
	}
	refs := map[RefName]OID{}
	_, listed := parseListing(out)
	for _, ref := range listed {
		refs[ref.Name] = ref.OID
	}
	return refs, nil
}

// PushesAtomically reports whether the repository at url can change several refs
// all or none. Nothing is changed: git finds out before it sends anything.
func (r *Repo) PushesAtomically(ctx context.Context, url string, u RefUpdate) bool {
	_, err := r.run(ctx, command{args: []string{"push", "--dry-run", "--quiet", "--no-verify", "--no-signed", "--atomic",
		"--", url, fmt.Sprintf("+%s:%s", u.New, u.Name)}})
	var failed *Error
	return !errors.As(err, &failed) || !strings.Contains(failed.Stderr, "does not support --atomic")
}
