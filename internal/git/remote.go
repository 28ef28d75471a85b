package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Remote is where refs are pushed to and fetched from: always one place, the
// remote's first push URL, so that what was pushed is what is read.
type Remote struct {
	Name string
	// PushDisabled marks a remote whose push URL leads nowhere on purpose: it can
	// be read, from its fetch URL, and never be written.
	PushDisabled bool

	repo     *Repo
	url      string
	target   string      // Name or, where that would lead elsewhere, alias
	settings [][2]string // for the network children
	prompts  bool
	env      []string // of network children, nil until the first
}

// ErrNoRemote is returned, wrapped, for a remote that is not configured.
var ErrNoRemote = errors.New("no such remote")

// RemoteError is a remote that could not be reached or did not let us.
type RemoteError struct {
	Remote string
	Err    error // *Error with git's own reason, or that of a context
}

func (e *RemoteError) Error() string {
	var failed *Error
	if errors.As(e.Err, &failed) && failed.LockFile() != "" {
		return failed.Error() // the remote is not to blame
	}
	if failed != nil && failed.Stderr != "" {
		return fmt.Sprintf("remote %q: %s", e.Remote, reason(failed.Stderr))
	}
	return fmt.Sprintf("remote %q: %v", e.Remote, e.Err)
}

func (e *RemoteError) Unwrap() error { return e.Err }

// One conversation with a remote is bounded, for a server that accepts and then
// says nothing; where git may ask for a password, people need longer.
const (
	networkTimeout = time.Minute
	promptsTimeout = 5 * time.Minute
)

// OpenRemote finds a remote by its name. With prompts git may ask for a
// password on the terminal; without, whatever would ask fails at once. It
// returns ErrNoRemote (wrapped).
func (r *Repo) OpenRemote(ctx context.Context, name string, prompts bool) (*Remote, error) {
	remotes, err := r.Remotes(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(remotes, func(c RemoteConfig) bool { return c.Name == name })
	if at < 0 {
		return nil, fmt.Errorf("%w: %q", ErrNoRemote, name)
	}
	settings, err := r.settings(ctx)
	if err != nil {
		return nil, err
	}
	m := &Remote{Name: name, repo: r, target: name, prompts: prompts}
	fetch, push, several := remotes[at].effective(settings)
	top := r.WorkTree
	if top == "" {
		top = r.dir
	}
	m.url, m.PushDisabled = push, disabled(push, top)
	switch {
	case m.PushDisabled:
		m.url = fetch
	case several || fetch != push:
		m.target, m.settings = alias, [][2]string{aliased(m.url)}
	case settings.Bool("remote." + name + ".mirror"): // git refuses refspecs for it
		m.settings = [][2]string{{"remote." + name + ".mirror", "false"}}
	}
	return m, nil
}

// URL is the place that refs are pushed to and read from, as git resolves it. Of
// a remote with PushDisabled it is the one that they are read from.
func (m *Remote) URL() string { return m.url }

// Fetch makes the refs that the refspecs name here what they are there, and
// deletes those that are gone there. It changes nothing else: no tags, no
// FETCH_HEAD, no maintenance, no submodules, and no filter of a partial clone.
// Where objects are borrowed from another repository, those of the refs beside
// the fetched ones are kept here ([Repo.KeepObjects]). It returns *RemoteError.
func (m *Remote) Fetch(ctx context.Context, refspecs ...string) error {
	// Locks share no history with anything, so that there is nothing to negotiate.
	_, err := m.talk(ctx, command{mortal: true, args: append([]string{"-c", "fetch.negotiationAlgorithm=noop", "-c", "fetch.writeCommitGraph=false",
		"fetch", "-q", "--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
		"--no-recurse-submodules", "--no-filter", "--", m.target}, refspecs...)})
	if err != nil {
		return m.failed(err)
	}
	_, into, _ := strings.Cut(refspecs[0], ":")
	if parts := strings.SplitN(into, "/", 3); len(parts) == 3 {
		return m.repo.KeepObjects(ctx, parts[0]+"/"+parts[1])
	}
	return nil
}

// PushStatus is what became of one ref of a push.
type PushStatus int

// The statuses of a ref, from git's porcelain output (git 2.39).
const (
	PushUnknown PushStatus = iota // no line: the reply was lost, or never came
	PushDone                      // it is as was asked, now or already
	PushStale                     // it no longer had its Old value
	PushHeld                      // another ref of the set failed
	PushFailed                    // it moved meanwhile, or the server was busy; read it to know
	PushRefused                   // the server does not want it
)

// PushReport is what git said of each ref of a push.
type PushReport struct {
	Status map[RefName]PushStatus
	Reason string // the server's words for a PushFailed or PushRefused, with what else it said
}

// ErrNotAtomic is returned by Push when the server cannot change several refs
// all or none. Nothing was changed then.
var ErrNotAtomic = errors.New("the remote cannot change several refs at once")

// Push changes refs of the remote, each only when it still has its Old value,
// all or none of them. Git's exit status and its word "Done" say nothing about
// that; the report does. The error, *RemoteError or ErrNotAtomic, comes beside
// a report that may be all unknown: the server may have done it all the same.
func (m *Remote) Push(ctx context.Context, updates []RefUpdate) (PushReport, error) {
	args := []string{"-c", "push.negotiate=false", "-c", "push.pushOption=",
		"push", "--porcelain", "--no-verify", "--no-signed", "--no-follow-tags", "--no-recurse-submodules"}
	if len(updates) > 1 {
		args = append(args, "--atomic") // some hosts lack it, and one ref does not need it
	}
	report := PushReport{Status: make(map[RefName]PushStatus, len(updates))}
	if m.PushDisabled {
		for _, u := range updates {
			report.Status[u.Name] = PushRefused
		}
		report.Reason = "pushing is disabled here by the remote's push URL"
		return report, nil
	}
	var refspecs []string
	for _, u := range updates {
		report.Status[u.Name] = PushUnknown
		args = append(args, fmt.Sprintf("--force-with-lease=%s:%s", u.Name, u.Old))
		refspecs = append(refspecs, fmt.Sprintf("%s:%s", u.New, u.Name))
	}
	out, err := m.runPush(ctx, updates, append(append(args, "--", m.target), refspecs...))
	var failed *Error
	if errors.As(err, &failed) && strings.Contains(failed.Stderr, "does not support --atomic") {
		return report, ErrNotAtomic
	}
	if errors.Is(err, errStuck) {
		for name := range report.Status {
			report.Status[name] = PushDone
		}
		return report, nil
	}
	for line := range strings.Lines(string(out)) {
		report.read(strings.TrimSuffix(line, "\n"))
	}
	if failed != nil {
		if said := remoteWords(failed.Stderr); said != "" && report.Reason != "" {
			report.Reason += ": " + said
		}
		for _, s := range report.Status {
			if s != PushUnknown {
				return report, nil // exit 1 goes with every loss
			}
		}
	}
	return report, m.failed(err)
}

// read reads a line of "git push --porcelain": FLAG TAB SRC:DST TAB SUMMARY.
func (report *PushReport) read(line string) {
	parts := strings.SplitN(line, "\t", 3)
	if len(parts) != 3 || len(parts[0]) != 1 {
		return
	}
	name := RefName(parts[1][strings.LastIndexByte(parts[1], ':')+1:])
	if _, asked := report.Status[name]; !asked {
		return
	}
	report.Status[name] = PushDone
	if parts[0] != "!" {
		return
	}
	_, why, _ := strings.Cut(parts[2], "(")
	switch why = strings.TrimSuffix(why, ")"); why {
	case "stale info":
		report.Status[name] = PushStale
	case "atomic push failed":
		report.Status[name] = PushHeld
	case "pre-receive hook declined", "hook declined", "deny updating a hidden ref", "funny refname":
		report.Status[name], report.Reason = PushRefused, why
	default: // "failed to update ref", "atomic transaction failed", or a host's own words
		report.Status[name], report.Reason = PushFailed, why
	}
}

func (m *Remote) failed(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, ErrNoGit) {
		return err
	}
	return &RemoteError{Remote: m.Name, Err: err}
}

// run runs a git that talks to the remote.
func (m *Remote) run(ctx context.Context, args ...string) ([]byte, error) {
	return m.talk(ctx, command{args: args})
}

func (m *Remote) talk(ctx context.Context, c command) ([]byte, error) {
	if m.env == nil {
		m.env = append([]string{}, m.environment(ctx)...)
	}
	limit := networkTimeout
	if m.prompts {
		limit = promptsTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	c.env, c.detached = m.env, !m.prompts
	return m.repo.run(ctx, c)
}

// environment keeps network children from asking anything, unless they may.
func (m *Remote) environment(ctx context.Context) []string {
	env := setConfig(m.repo.env, m.settings)
	if m.prompts {
		return env
	}
	env = append(env, "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS_REQUIRE=never", "GCM_INTERACTIVE=never")
	// GIT_SSH_COMMAND would win over core.sshCommand, which may be set anywhere.
	if local(m.url) || lookup(m.repo.env, "GIT_SSH_COMMAND") != "" || lookup(m.repo.env, "GIT_SSH") != "" {
		return env
	}
	c, err := m.repo.settings(ctx)
	if _, set := c.Last("core.sshcommand"); err != nil || set {
		return env
	}
	return append(env, "GIT_SSH_COMMAND=ssh -o BatchMode=yes -o ConnectTimeout=5")
}
