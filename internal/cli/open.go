package cli

import (
	"context"
	"path/filepath"
	"time"

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
	local  *refstore.Local
	remote *refstore.Remote // nil until connect, and where this clone is the arbiter
	log    journal

	last      *lock.View // what the arbiter's table was when it was looked at last
	lastFresh time.Time  // when that look began, when the arbiter was asked
	skewTold  bool

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
	return s, err
}

// openLocks is open for the commands that deal with locks: it finds their
// arbiter too.
func openLocks(ctx context.Context, env Env, out *printer, cc *cli.Context) (*session, error) {
	s, err := open(ctx, env, out, cc)
	if err != nil {
		return s, err
	}
	s.hintHooks(ctx)
	return s, s.connect(ctx)
}

// newSession makes a session without settings, of the actor that the
// environment names.
func newSession(env Env, out *printer, repo *git.Repo) *session {
	dir := filepath.Join(repo.StateDir, "grite")
	s := &session{
		env: env, out: out, repo: repo, dir: dir, log: journal{dir: dir, now: env.Now},
		local:     refstore.NewLocal(repo, dir, env.Now),
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

// alone runs f while no other process of this clone decides on locks or actors.
func (s *session) alone(ctx context.Context, f func() error) error {
	end, err := s.local.Queue(ctx)
	if err != nil {
		return err
	}
	defer end()
	s.repo.RememberVersion(s.versionMemo()) // our directory exists now
	return f()
}

func (s *session) versionMemo() string { return filepath.Join(s.dir, "git") }
