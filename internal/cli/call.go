package cli

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/agent"
	"github.com/git-grite/git-grite/internal/clone"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/tracker"
	"github.com/git-grite/git-grite/internal/wire"
)

// call is one command at work.
type call struct {
	Env
	out            *printer
	name           string   // such as "git grite lock acquire"
	args           []string // positional
	actor, dataDir string   // of the flags that all commands take
}

// options are what a clone has to be told about this process.
func (e Env) options(form journal.Form) clone.Options {
	o := clone.Options{
		Dir: e.Dir, Environ: e.Environ, Now: e.Now, Prompts: e.Prompts && form != journal.JSON, Form: form,
		Policy: e.getenv("GRITE_LOCK_POLICY"),
		Host:   e.Host,
		Who:    clone.Who{Name: e.getenv("GRITE_ACTOR"), User: e.getenv("USER")},
	}
	if d := e.getenv("GRITE_HOME"); d != "" {
		o.Who.DataDir = e.abs(d)
	}
	e.session(&o.Who)
	return o
}

// session finds the session of a coding agent that this process belongs to.
// What a hook of ours wrote into GRITE_ACTOR may be that of a session further
// up, from whose shell this one was started: it counts unless the environment
// names another session.
func (e Env) session(who *clone.Who) {
	here, ok := agent.FromEnvironment(e.getenv)
	if told, isSession := agent.ParseName(who.Name); isSession {
		who.Name = ""
		if !ok || told.Host == here.Host && told.Session == here.Session {
			here, ok = told, true
		}
	}
	if ok {
		e.belongs(who, here)
	}
}

// belongs makes somebody act as a session. Of Claude Code's it is known which
// process it is.
func (e Env) belongs(who *clone.Who, id agent.Identity) {
	who.Session, who.Label, who.Process = id.String(), id.Label(), 0
	if id.Host == "claude" && e.getenv("CLAUDE_CODE_SESSION_ID") == id.Session {
		who.Process, _ = strconv.Atoi(e.getenv("CLAUDE_PID"))
	}
}

// open finds the repository and reads its settings.
// Beside *config.Error the clone is usable.
func (c *call) open(ctx context.Context) (*clone.Clone, error) { return c.openFor(ctx, c.out.form()) }

// inClone makes the run of a command of what it does in the clone that it was
// called in, and withLocks that of one that deals with locks.
func inClone(run func(context.Context, *call, *clone.Clone) (result, error)) func(context.Context, *call) (result, error) {
	return opened((*call).open, run)
}

func withLocks(run func(context.Context, *call, *clone.Clone) (result, error)) func(context.Context, *call) (result, error) {
	return opened((*call).openLocks, run)
}

func opened(open func(*call, context.Context) (*clone.Clone, error), run func(context.Context, *call, *clone.Clone) (result, error)) func(context.Context, *call) (result, error) {
	return func(ctx context.Context, c *call) (result, error) {
		cl, err := open(c, ctx)
		if err != nil {
			return result{}, err
		}
		return run(ctx, c, cl)
	}
}

// openAnyway is open for the commands that go on where the settings cannot be
// used, which are then the second result.
func (c *call) openAnyway(ctx context.Context) (cl *clone.Clone, broken *config.Error, err error) {
	if cl, err = c.open(ctx); cl != nil && errors.As(err, &broken) {
		err = nil
	}
	return cl, broken, err
}

// openFor is open for results that are told in another form than that of the
// command.
func (c *call) openFor(ctx context.Context, form journal.Form) (*clone.Clone, error) {
	o := c.options(form)
	switch {
	case c.dataDir != "":
		o.Who.DataDir, o.Who.Flag = c.abs(c.dataDir), true
	case c.actor != "":
		o.Who.DataDir, o.Who.Name, o.Who.Flag = "", c.actor, true
		if told, ok := agent.ParseName(c.actor); ok {
			o.Who.Name = ""
			c.belongs(&o.Who, told)
		}
	}
	cl, err := clone.Open(ctx, o)
	if cl != nil {
		c.out.see(ctx, cl)
		c.out.settings(cl)
	}
	return cl, err
}

// openLocks is open for the commands that deal with locks: where the clone is
// set up and git does not run our hooks, they say so, and they start keepers
// that are missing.
func (c *call) openLocks(ctx context.Context) (*clone.Clone, error) {
	cl, err := c.open(ctx)
	if err == nil {
		c.hintHooks(ctx, cl)
		if err := c.attend(ctx, cl); err != nil {
			c.out.note(wire.NotDone, "%s", wire.Printable(err.Error()))
		}
	}
	return cl, err
}

// resources reads the resources that the caller names: those of --resource and
// the positional arguments. An issue of the tracker may be named by the beginning
// of its id. A malformed pattern is the path of a file when there
// is one of exactly that name, or a lock on it.
func (c *call) resources(ctx context.Context, cl *clone.Clone, flags texts, view *clone.View) ([]lock.Resource, error) {
	names := []string(flags)
	for _, arg := range c.args {
		name, err := positional(cl.Repo, arg)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	resources := make([]lock.Resource, 0, len(names))
	for i, name := range names {
		r, err := lock.ParseResource(name, cl.Repo.Prefix)
		if errors.Is(err, lock.ErrMalformed) {
			literal, literalErr := lock.ParseLiteral(name, cl.Repo.Prefix)
			if literalErr == nil && (cl.Repo.HasFile(literal.Name()) || view.Has(literal)) {
				r, err = literal, nil
			}
		}
		if err == nil {
			r, err = tracker.Resource(ctx, cl, r)
		}
		var fault *lock.ResourceError
		if errors.As(err, &fault) && i >= len(flags) {
			fault.Text = c.args[i-len(flags)] // as it was typed
		}
		if err != nil {
			return nil, err
		}
		resources = append(resources, r)
	}
	return resources, nil
}

// positional is the resource that an argument names: one with a namespace is
// that resource, an absolute path is one in the work tree, and everything else
// is relative to the current directory.
func positional(repo *git.Repo, arg string) (string, error) {
	space, _, _ := strings.Cut(arg, ":")
	switch lock.Namespace(space) {
	case lock.Path, lock.Issue, lock.Repo:
		if space != arg {
			return arg, nil
		}
	}
	switch {
	case arg == "":
		return "", usagef("an empty PATH names nothing; write a file, a directory or a pattern")
	case !filepath.IsAbs(arg):
		return "path:./" + arg, nil
	}
	inside, ok := within(repo.WorkTree, arg)
	if !ok {
		return "", usagef("%q is not in this work tree, %s", arg, repo.WorkTree)
	}
	return "path:" + inside, nil
}

// within is an absolute path seen from the top of a work tree. Its directory may
// be reached through symbolic links.
func within(top, path string) (string, bool) {
	slash := ""
	if strings.HasSuffix(path, "/") {
		slash = "/"
	}
	path = filepath.Clean(path)
	candidates := []string{path}
	for dir, rest := filepath.Dir(path), filepath.Base(path); dir != filepath.Dir(dir); dir, rest = filepath.Dir(dir), filepath.Join(filepath.Base(dir), rest) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			candidates = append(candidates, filepath.Join(real, rest))
			break
		}
	}
	for _, p := range candidates {
		rel, err := filepath.Rel(top, p)
		if err == nil && rel != "." && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel) + slash, true
		}
	}
	return "", false
}

// openExisting is openLocks for a command about locks that exist already, whose
// resources it reads, or none for --mine.
func (c *call) openExisting(ctx context.Context, flags texts, mine bool) (*clone.Clone, []lock.Resource, error) {
	cl, err := c.openLocks(ctx)
	if err != nil {
		return nil, nil, err
	}
	resources, err := c.existing(ctx, cl, flags, mine)
	return cl, resources, err
}

// existing reads the resources of locks that exist already, or none for --mine.
func (c *call) existing(ctx context.Context, cl *clone.Clone, flags texts, mine bool) ([]lock.Resource, error) {
	resources, err := c.resources(ctx, cl, flags, nil)
	if errors.Is(err, lock.ErrMalformed) {
		// Perhaps the file is gone and its lock is not.
		view, lookErr := cl.Look(ctx, clone.Ask{})
		if lookErr != nil {
			return nil, lookErr
		}
		resources, err = c.resources(ctx, cl, flags, &view)
	}
	if err != nil {
		return nil, err
	}
	if mine && len(resources) > 0 {
		return nil, usagef("--mine means all locks you hold: name no resource with it")
	}
	if mine {
		return nil, nil
	}
	return resources, c.named(resources)
}

// named refuses a command without any resource.
func (c *call) named(resources []lock.Resource) error {
	if len(resources) > 0 {
		return nil
	}
	return &usageError{message: c.name + " needs a PATH, such as src/, or a --resource, such as issue:ID or repo:NAME", hint: c.name + " -h"}
}

// ttl reads --ttl, 0 for the configured default.
func ttl(o optional) (time.Duration, error) {
	if !o.given {
		return 0, nil
	}
	d, err := lock.ParseTTL(o.text)
	if err != nil {
		return 0, usagef("--ttl %v", err)
	}
	return d, nil
}

// recordText reads a flag that becomes part of a record.
func recordText(flag, s string) (string, error) {
	if err := config.CheckText(flag, s); err != nil {
		return "", usagef("%v", err)
	}
	return s, nil
}

// until writes when a lease ends: on a terminal how long that is from now, too.
func (c *call) until(t time.Time) string {
	if c.Terminal {
		return wire.Until(t, c.Now())
	}
	return wire.Timestamp(t)
}

// reader is whom the objects of a result are made for.
func (c *call) reader(who clone.Identity) wire.Reader {
	return wire.Reader{Owner: who.ID, Now: c.Now()}
}
