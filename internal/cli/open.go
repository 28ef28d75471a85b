package cli

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/config"
	"github.com/git-grite/git-grite/internal/git"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/refstore"
)

// session is one command at work in one repository.
type session struct {
	env    Env
	out    *printer
	repo   *git.Repo
	config config.Config
	dir    string // ours, in the common git directory
	store  *observedStore
	log    journal

	dataDir, actorName string // what the caller chose; "" for nothing
	fromFlag           bool   // chosen by a flag, not by the environment
}

// open finds the repository and reads its settings; every command but version
// begins with it.
func open(ctx context.Context, env Env, out *printer, cc *cli.Context) (*session, error) {
	if env.Dir == "" {
		return nil, errNoDirectory
	}
	repo, err := git.Open(ctx, env.Dir, env.Environ)
	if err != nil {
		return nil, err
	}
	s := newSession(env, out, repo)
	if err := repo.CheckVersionOnce(ctx, s.versionMemo()); err != nil {
		return nil, err
	}
	if d := cc.String("data-dir"); d != "" {
		s.dataDir, s.fromFlag = env.abs(d), true
	} else if a := cc.String("actor"); a != "" {
		s.dataDir, s.actorName, s.fromFlag = "", a, true
	}
	err = s.configure()
	for _, w := range s.config.Warnings {
		out.note("warning: %s", printable(w))
	}
	if err == nil && strings.HasPrefix(cc.Command.HelpName, "git grite lock ") {
		s.hintHooks(ctx)
	}
	return s, err
}

// newSession makes a session without settings, of the actor that the
// environment names.
func newSession(env Env, out *printer, repo *git.Repo) *session {
	dir := filepath.Join(repo.CommonDir, "grite")
	s := &session{
		env: env, out: out, repo: repo, dir: dir, log: journal{dir: dir, now: env.Now},
		store:     &observedStore{Store: refstore.NewLocal(repo, dir, env.Now)},
		actorName: env.getenv("GRITE_ACTOR"),
	}
	if d := env.getenv("GRITE_HOME"); d != "" {
		s.dataDir = env.abs(d)
	}
	return s
}

// configure reads the settings. What could be read is there even when it
// returns *config.Error.
func (s *session) configure() (err error) {
	s.config, err = config.Load(config.Sources{Dir: s.dir, WorkTree: s.repo.WorkTree, Policy: s.env.getenv("GRITE_LOCK_POLICY")})
	return err
}

// observedStore remembers the table that a command saw last.
type observedStore struct {
	lock.Store
	last *lock.Table
}

func (s *observedStore) Load(ctx context.Context) (*lock.Table, error) {
	t, err := s.Store.Load(ctx)
	if err == nil {
		s.last = t
	}
	return t, err
}

// manager acts on locks for an actor.
func (s *session) manager(a config.Actor) *lock.Manager {
	return &lock.Manager{Store: s.store, Owner: a.ID, Label: a.Label, Now: s.env.Now, Nonce: uuid.NewString}
}

// alone runs f while no other process of this clone decides on locks or actors.
func (s *session) alone(ctx context.Context, f func() error) error {
	end, err := s.store.Begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	s.repo.RememberVersion(s.versionMemo()) // our directory exists now
	return f()
}

func (s *session) versionMemo() string { return filepath.Join(s.dir, "git") }

// tellBroken tells the actor of locks of theirs that somebody broke, once each,
// from the table that the command saw.
func (s *session) tellBroken(a config.Actor) {
	if s.store.last == nil {
		return
	}
	now := s.env.Now()
	for _, e := range s.store.last.Entries {
		if !e.Tombstone() || e.BrokenOwner != a.ID || e.Owner == a.ID || !now.Before(e.Acquired.Add(lock.TombstoneLife)) {
			continue
		}
		if s.log.has("lost", e.BrokenNonce) {
			continue
		}
		s.out.warn("note: your lock on %s was broken by %s %s ago: %s", printable(e.Resource.String()),
			printable(e.Holder()), span(now.Sub(e.Acquired)), printable(e.Reason))
		s.log.add(entry{Event: "lost", Actor: a.ID, Resource: e.Resource.String(), Nonce: e.BrokenNonce, Other: e.Owner, Reason: e.Reason})
	}
}
