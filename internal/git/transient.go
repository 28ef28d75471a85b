package git

import (
	"errors"
	"slices"
	"strings"
)

// passing are what git and what it starts write to stderr about failures that
// may be gone in a moment (git 2.39, curl 7.88, OpenSSH 9.2): a connection that
// broke, a server or gateway that is overloaded or restarting, a listing of refs
// while others delete some. None of them is a refusal.
var passing = []string{
	"Connection reset", "Connection closed by", "Empty reply from server", "Recv failure", "Send failure", "Broken pipe",
	"hung up unexpectedly", "early EOF", "unexpected disconnect", "expected 'packfile'", "expected flush after ref listing",
	"transfer closed with", "HTTP/2 stream", "not our ref",
	"error: 429", "error: 502", "error: 503", "error: 504", "HTTP 429", "HTTP 502", "HTTP 503", "HTTP 504",
}

// Transient reports whether the same request may succeed in a moment.
func (e *RemoteError) Transient() bool {
	var failed *Error
	return errors.As(e.Err, &failed) && slices.ContainsFunc(passing, func(s string) bool { return strings.Contains(failed.Stderr, s) })
}

// Unsent reports whether a push ended before it sent anything: over HTTP git asks
// for the refs first, and says so when that fails (git 2.39, remote-curl.c).
func (e *RemoteError) Unsent() bool {
	var failed *Error
	return errors.As(e.Err, &failed) && strings.Contains(failed.Stderr, "unable to access '")
}

// localFailures is what git writes about refs of this clone that it cannot lock, write or
// follow to an object (git 2.39).
var localFailures = []string{"cannot lock ref", "unable to update local ref", "bad object", "did not send all necessary objects"}

// Local reports whether a fetch failed on refs of this clone rather than on the
// remote.
func (e *RemoteError) Local() bool {
	var failed *Error
	return errors.As(e.Err, &failed) && slices.ContainsFunc(localFailures, func(s string) bool { return strings.Contains(failed.Stderr, s) })
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
