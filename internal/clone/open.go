// Package clone is what one actor does with the locks of one clone, wherever
// they are kept: on the remote that arbitrates, or in the clone itself. It finds
// the repository, the settings, the arbiter and the actor, carries out the verbs
// of locking, and reports which locks the actor lost meanwhile. It takes plain
// requests and returns plain results: flags, words and exit codes are cli's,
// paths that are about to be committed are check's.
package clone

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/journal"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/protocol"
	"github.com/git-grite/git-grite/internal/refstore"
	"github.com/git-grite/git-grite/internal/vouch"
)

// Options are what a clone has to be told about the process that opens it.
type Options struct {
	Dir     string   // absolute; where the process stands
	Environ []string // handed to git
	Now     func() time.Time
	Prompts bool         // git may ask for a password on the terminal
	Policy  string       // GRITE_LOCK_POLICY, "" when it is not set
	Form    journal.Form // how the process tells what is reported to it
	Host    string       // the name of this machine
	Who     Who
}

// Who says which actor the caller chose; the zero Who chooses none.
type Who struct {
	DataDir string // of --data-dir or GRITE_HOME, absolute
	Name    string // of --actor or GRITE_ACTOR: an id or a label
	Flag    bool   // chosen by a flag, not by the environment
	User    string // the system's name of the user, for the label of a new actor

	// Session is the session of a coding agent that the process belongs to, and
	// Label what people call it; "" for none. A DataDir or Name goes first.
	Session, Label string
	Process        int // of that session, 0 when it is not known
}

// Clone is a repository with its settings and its locks.
type Clone struct {
	Repo   *git.Repo
	Config config.Config

	now     func() time.Time
	prompts bool
	form    journal.Form
	who     Who
	host    string
	files   files
	journal journal.Journal
	local   *refstore.Local
	vouch   vouch.Rules

	sources config.Sources

	place  config.Clone // what the clone is known by
	placed bool         // that is written down
	copied bool         // it was found to be a copy just now

	fixed  *Identity        // the actor, when it was found already; see As
	yield  func(lock.Lost)  // see Yielding
	asked  bool             // the arbiter was looked for
	remote *refstore.Remote // the arbiter, nil where this clone is
}

// ErrNoDirectory is returned when the current directory was deleted.
var ErrNoDirectory = errors.New("the current directory does not exist any more")

// Open finds the repository and reads its settings. Beside *config.Error it
// returns a Clone that works with what could be read; other errors are those of
// [git.Open] and [git.Repo.CheckVersionOnce], and atomicfile.ErrLink. Nothing is
// sent, and nothing is written but that the clone was moved or copied.
func Open(ctx context.Context, o Options) (*Clone, error) {
	if o.Dir == "" {
		return nil, ErrNoDirectory
	}
	repo, err := git.Open(ctx, o.Dir, o.Environ)
	if err != nil {
		return nil, err
	}
	f := filesOf(repo)
	if err := atomicfile.NoLinks(f.dir, f.actors(), f.private); err != nil {
		return nil, err
	}
	c := &Clone{
		Repo: repo, now: o.Now, prompts: o.Prompts, form: o.Form, who: o.Who, host: o.Host, files: f,
		journal: journal.New(f.journal(), o.Now), local: refstore.NewLocal(repo, f.dir, o.Now),
	}
	if err := repo.CheckVersionOnce(ctx, f.gitVersion()); err != nil {
		return nil, err
	}
	if err := c.settle(ctx, o.Host); err != nil {
		return nil, err
	}
	c.sources = config.Sources{Dir: f.dir, WorkTree: repo.WorkTree, Policy: o.Policy}
	c.Config, err = config.Load(c.sources)
	c.vouch = vouch.Rules{Sign: c.Config.Sign, Vouch: c.Config.Vouch, Repo: repo, Dir: f.dir, Environ: o.Environ, Prompts: o.Prompts, Now: o.Now}
	c.local.Sign = c.vouch.Signer()
	return c, err
}

// TeamOf takes the team's settings from a commit instead of the work tree: a
// range of commits is not judged by what it changes in them. It returns
// *config.Error, beside which the settings are usable.
func (c *Clone) TeamOf(ctx context.Context, commit string) error {
	text, err := c.Repo.FileIn(ctx, commit, config.TeamFile, config.MaxTeamFile)
	if err != nil {
		return err
	}
	c.sources.Team = &config.Team{Name: commit + ":" + config.TeamFile, Text: text}
	c.Config, err = config.Load(c.sources)
	return err
}

// Dir is our directory in the common git directory. It need not exist.
func (c *Clone) Dir() string { return c.files.dir }

// Log returns what this clone did and saw, oldest first.
func (c *Clone) Log() []journal.Event { return c.journal.Events() }

// Now is the time by the clock that leases are counted with.
func (c *Clone) Now() time.Time { return c.now() }

// alone runs f while no other process of this clone decides on locks or actors.
func (c *Clone) alone(ctx context.Context, f func() error) error {
	end, err := c.local.Queue(ctx)
	if err != nil {
		return err
	}
	defer end()
	c.Repo.RememberVersion(c.files.gitVersion()) // our directory exists now
	if err := c.writePlace(); err != nil {
		return err
	}
	return f()
}

// Configure has a file of settings changed, the clone's or the team's, while no
// other process of this clone does. change reports whether it changed the file.
func (c *Clone) Configure(ctx context.Context, team bool, change func(path string) (bool, error)) (path string, changed bool, err error) {
	path = config.ClonePath(c.files.dir)
	if team {
		if path = filepath.Join(c.Repo.WorkTree, config.TeamFile); c.Repo.WorkTree == "" {
			return "", false, &config.Error{File: config.TeamFile, Fault: "stands at the top of a work tree, and this repository has none"}
		}
	}
	err = c.alone(ctx, func() error {
		changed, err = change(path)
		return err
	})
	return path, changed, err
}

// ArbiterName is the remote that arbitrates, "" when this clone does: what
// lock.remote names or, for "auto", origin, else the only remote. Never by
// branch: everybody has to ask the same one. It returns *config.Error.
func (c *Clone) ArbiterName(ctx context.Context) (string, error) {
	switch c.Config.Remote {
	case "none":
		return "", nil
	case "auto":
	default:
		return c.Config.Remote, nil
	}
	remotes, err := c.Repo.Remotes(ctx)
	if err != nil || len(remotes) == 0 {
		return "", err
	}
	names := make([]string, 0, len(remotes))
	for _, r := range remotes {
		names = append(names, r.Name)
	}
	switch {
	case slices.Contains(names, "origin"):
		return "origin", nil
	case len(names) == 1:
		return names[0], nil
	}
	return "", &config.Error{File: config.ClonePath(c.files.dir), Key: "lock.remote",
		Fault: fmt.Sprintf("there are several remotes (%s) and no origin; name the one that everybody's locks are kept on, or \"none\"", strings.Join(names, ", "))}
}

// Arbiter finds the remote that arbitrates, nil where this clone does, once in
// the life of a Clone. It returns *config.Error. Nothing is sent.
func (c *Clone) Arbiter(ctx context.Context) (*refstore.Remote, error) {
	if c.asked {
		return c.remote, nil
	}
	name, err := c.ArbiterName(ctx)
	if err != nil {
		return nil, err
	}
	if name != "" {
		if c.remote, err = c.open(ctx, name); err != nil {
			return nil, err
		}
	}
	c.asked = true
	return c.remote, nil
}

// WithoutArbiter makes the clone go on with its own locks alone, for hooks whose
// arbiter cannot be told.
func (c *Clone) WithoutArbiter() { c.remote, c.asked = nil, true }

// open opens the store of a remote.
func (c *Clone) open(ctx context.Context, name string) (*refstore.Remote, error) {
	remote, err := refstore.OpenRemote(ctx, c.Repo, name, c.prompts, c.local)
	if errors.Is(err, git.ErrNoRemote) {
		return nil, &config.Error{File: "lock.remote", Fault: fmt.Sprintf("there is no remote %q in this clone: git remote -v lists them", name)}
	}
	return remote, err
}

// sight is an arbiter as the actor of one verb sees it.
type sight struct {
	me     Identity
	remote *refstore.Remote // nil for this clone
	grants *refstore.Grants // of the remote to the actor
	view   *lock.View       // of the last look; nil when there was none
}

func (c *Clone) sight(me Identity, remote *refstore.Remote) sight {
	return sight{me: me, remote: remote, grants: c.grants(me.Actor, remote)}
}

// shared acts for an actor on the locks of a remote.
func (c *Clone) shared(at sight) *protocol.Shared {
	s := &protocol.Shared{Actor: c.protocolActor(at.me.Actor, c.Config.ClockSkew), Store: c.vouch.Store(at.remote, at.me.ID),
		Grants: at.grants, Queue: at.grants.Queue, Yield: c.yield}
	if c.Config.Vouch != "require" { // those in line wait for records that do not count
		s.Line = at.remote.Line()
	}
	return s
}

// solo acts on the locks of this clone for an actor: all of them where the clone
// is the arbiter, else those that no sync has confirmed.
func (c *Clone) solo(a config.Actor) *protocol.Solo {
	s := &protocol.Solo{Actor: c.protocolActor(a, 0), Store: c.local, Queue: c.local.Queue}
	if c.remote != nil {
		s.Store = c.vouch.Store(c.local.Beside(c.remote), a.ID)
	}
	return s
}

func (c *Clone) protocolActor(a config.Actor, skew time.Duration) protocol.Actor {
	return protocol.Actor{Owner: a.ID, Label: a.Label, Skew: skew, Now: c.now, Nonce: config.NewNonce}
}

// grants are what a remote granted to an actor of this clone, and what others
// did before; the remote is nil where the clone is the arbiter.
func (c *Clone) grants(a config.Actor, remote *refstore.Remote) *refstore.Grants {
	var arbiter refstore.Arbiter
	if remote != nil {
		arbiter = remote.Arbiter()
	}
	return refstore.NewGrants(c.files.dir, a.ID, arbiter)
}

// Signatures reports what keeps lock.sign and lock.vouch from working.
func (c *Clone) Signatures(ctx context.Context) []error { return c.vouch.Faults(ctx) }
