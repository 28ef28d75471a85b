package git

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// passing are what git and what it starts write to stderr about failures that
// may be gone in a moment (git 2.39, curl 7.88, OpenSSH 9.2): a connection that
// broke, a server or gateway that is overloaded or restarting, a listing of refs
// while others delete some. None of them is a refusal.
var passing = []string{
	"Connection reset", "Connection closed by", "Empty reply from server", "Recv failure", "Send failure", "Broken pipe",
	"hung up unexpectedly", "early EOF", "unexpected disconnect", "expected 'packfile'", "expected flush after", "expected response end packet",
	"transfer closed with", "HTTP/2 stream", "not our ref",
	"error: 429", "error: 502", "error: 503", "error: 504", "HTTP 429", "HTTP 502", "HTTP 503", "HTTP 504",
}

// Transient reports whether the same request may succeed in a moment.
func (e *RemoteError) Transient() bool {
	var failed *Error
	return errors.As(e.Err, &failed) && (failed.noGreeting() ||
		slices.ContainsFunc(passing, func(s string) bool { return strings.Contains(failed.Stderr, s) }))
}

// noGreeting reports whether a remote ended before it had listed its refs. Git then
// asks for the right to read; a remote that refuses says why, before that.
func (e *Error) noGreeting() bool {
	return strings.Contains(e.Stderr, "hung up upon initial contact") || strings.HasPrefix(e.Stderr, "fatal: Could not read from remote repository")
}

// Unsent reports whether a push ended before it sent anything: over HTTP git asks
// for the refs first, and says so when that fails (git 2.39, remote-curl.c).
func (e *RemoteError) Unsent() bool {
	var failed *Error
	return errors.As(e.Err, &failed) && (failed.noGreeting() || strings.Contains(failed.Stderr, "unable to access '"))
}

// localFailures is what git writes about refs of this clone that it cannot lock, write or
// follow to an object, and about objects that it cannot write (git 2.39).
var localFailures = []string{"cannot lock ref", "unable to update local ref", "cannot update ref", "bad object", "did not send all necessary objects",
	"failed to write object", "unable to create temporary file", "unable to write"}

// Local reports whether a fetch failed on refs of this clone rather than on the
// remote.
func (e *RemoteError) Local() bool {
	var failed *Error
	return errors.As(e.Err, &failed) && (failed.LockFile() != "" ||
		slices.ContainsFunc(localFailures, func(s string) bool { return strings.Contains(failed.Stderr, s) }))
}

// Version0 is the remote spoken to in version 0 of git's protocol, in which a
// fetch over HTTP takes two requests instead of three: a fault that comes back
// regularly, such as every third request, would hit each repeat of the same.
func (m *Remote) Version0() *Remote {
	old := *m
	old.settings = append(slices.Clone(m.settings), [2]string{"protocol.version", "0"})
	old.env = nil
	return &old
}

// ask runs a git that only reads from the remote, up to five times.
func (m *Remote) ask(ctx context.Context, args ...string) (out []byte, err error) {
	at := m
	for try := 0; ; try++ {
		if out, err = at.run(ctx, args...); err == nil || try == 4 || !(&RemoteError{m.Name, err}).Transient() {
			return out, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond << try):
		}
		if at = m; try%2 == 0 {
			at = m.Version0()
		}
	}
}
