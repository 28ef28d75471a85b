// Package config reads and writes the settings of a clone, and reads the team's
// settings and the actors, with their precedence. Its errors say where in which
// file a mistake is. It does not know who uses the values.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
)

// Config is what the files and the environment say together.
type Config struct {
	Policy   guard.Policy
	Lockable []string // patterns of paths that must be held to be changed

	Remote    string // "auto", "none" or the name of a remote
	TTL       time.Duration
	ClockSkew time.Duration
	Offline   string // "refuse" or "allow"
	Sign      string // "off", "auto" or "always"
	Vouch     string // "off", "mark" or "require"

	HookFetch         string // "never", "push", "auto" or "commit"
	HookMaxAge        time.Duration
	HookCommitTimeout time.Duration
	HookTimeout       time.Duration

	AgentIdentity string // "auto" or "off": whether each session of a coding agent is an actor
	AgentAcquire  bool   // take locks on lockable paths for agents that are about to edit them

	DefaultActor lock.Owner // "" when none is set
	Present      bool       // the clone or the team has a configuration
	Warnings     []Warning

	from map[string]string // where the value of a setting that is not the default comes from
}

func defaults() Config {
	return Config{
		Policy: guard.Warn, Remote: "auto", TTL: 15 * time.Minute, ClockSkew: 30 * time.Second, Offline: "refuse", Sign: "off", Vouch: "off",
		HookFetch: "auto", HookMaxAge: time.Minute, HookCommitTimeout: 1500 * time.Millisecond, HookTimeout: 10 * time.Second,
		AgentIdentity: "auto",
		from:          map[string]string{},
	}
}

// TeamFile is the tracked file at the top of the work tree.
const TeamFile = ".grite.toml"

// Sources says where settings come from.
type Sources struct {
	Dir      string // our directory in the common git directory
	WorkTree string // "" in a bare repository
	Policy   string // GRITE_LOCK_POLICY, "" when it is not set
	Team     *Team  // the team's settings in place of those in the work tree; nil for those
}

// Team is the text of the team's settings from elsewhere than the work tree, such
// as a commit.
type Team struct {
	Name string // for messages, such as "main:.grite.toml"
	Text []byte // nil when there is no such file, or none that is a regular one
}

// Load reads the settings: the environment over the clone's config.toml over
// the team's .grite.toml over the defaults. The error is *Error for a mistake;
// the Config is usable all the same, with what could be read.
func Load(src Sources) (Config, error) {
	c := defaults()
	faults := []error{src.applyTeam(&c)}
	clone := file{path: ClonePath(src.Dir), name: ClonePath(src.Dir)}
	faults = append(faults, clone.read(&c))
	if src.Policy != "" {
		p, err := guard.ParsePolicy(src.Policy)
		if err != nil {
			faults = append(faults, &Error{File: "GRITE_LOCK_POLICY", Fault: err.Error()})
		} else {
			c.Policy, c.from["lock_policy"] = p, "GRITE_LOCK_POLICY"
		}
	}
	for _, err := range faults {
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

// applyTeam lays the team's settings over c. A file that is none, or is beyond
// the bounds, is a warning and counts as absent: it comes with a checkout, and
// must not stop anybody's commit.
func (src Sources) applyTeam(c *Config) error {
	f := file{name: TeamFile, team: true}
	var text []byte
	switch {
	case src.Team != nil:
		f.name, text = src.Team.Name, src.Team.Text
	case src.WorkTree != "":
		var err error
		if text, err = readTeam(filepath.Join(src.WorkTree, TeamFile)); err != nil {
			c.warn(Warning{Kind: TeamFileFault, File: f.name, Message: fmt.Sprintf("%s is ignored: %v", f.name, err)})
			return nil
		}
	}
	if text == nil {
		return nil
	}
	err := f.apply(c, text)
	var bound *boundError
	if errors.As(err, &bound) {
		c.warn(Warning{Kind: TeamFileFault, File: f.name, Message: fmt.Sprintf("%s is ignored: %v", f.name, bound)})
		return nil
	}
	c.Present = true
	return err
}

// readTeam reads the team's file, which has to be a regular one: a link to a
// device would never end, and one to standard input would take what git says to
// a hook. No file is nil without an error.
func readTeam(path string) ([]byte, error) {
	st, err := os.Lstat(path)
	if err != nil {
		return nil, nil // a work tree in which nothing can be found has no settings
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxTeamFile+1))
}

// ClonePath is the clone's configuration file below our directory dir.
func ClonePath(dir string) string { return filepath.Join(dir, "config.toml") }

// settings is the form of a file. Every value has its own type because only those
// give errors with positions, and because a plain time.Duration would read the
// integer 5 as five nanoseconds.
type settings struct {
	DefaultActor actorValue    `toml:"default_actor"`
	LockPolicy   policyValue   `toml:"lock_policy"`
	Lockable     patternsValue `toml:"lockable"`
	Lock         struct {
		Remote    remoteValue   `toml:"remote"`
		TTL       ttlValue      `toml:"ttl"`
		ClockSkew durationValue `toml:"clock_skew"`
		Offline   offlineValue  `toml:"offline"`
		Sign      signValue     `toml:"sign"`
		Vouch     vouchValue    `toml:"vouch"`
	} `toml:"lock"`
	Hook struct {
		Fetch         fetchValue    `toml:"fetch"`
		MaxAge        durationValue `toml:"max_age"`
		CommitTimeout timeoutValue  `toml:"commit_timeout"`
		Timeout       timeoutValue  `toml:"timeout"`
	} `toml:"hook"`
	Agent struct {
		Identity identityValue `toml:"identity"`
		Acquire  boolValue     `toml:"acquire"`
	} `toml:"agent"`
}

type file struct {
	path, name string
	team       bool
}

// read lays the clone's file over c.
func (f file) read(c *Config) error {
	text, err := atomicfile.Read(f.path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil
	}
	if err != nil {
		return &Error{File: f.name, Fault: "cannot be read: " + err.Error()}
	}
	c.Present = true
	if err := f.apply(c, text); err != nil {
		return f.fault(string(text), err)
	}
	return nil
}

// apply lays what a text says over c. The error is *Error or *boundError.
func (f file) apply(c *Config, text []byte) error {
	if f.team && len(text) > MaxTeamFile {
		return &boundError{1, fmt.Sprintf("it is larger than %d KiB", MaxTeamFile>>10)}
	}
	if _, err := scan(string(text)); err != nil {
		if e, ok := err.(*Error); ok {
			e.File = f.name
		}
		return err
	}
	var s settings
	meta, err := toml.Decode(string(text), &s)
	if err != nil {
		return f.fault(string(text), err)
	}
	f.warnings(c, meta)
	for _, k := range Keys() {
		if (k.Team || !f.team) && defined(meta, k.Name) {
			c.from[k.Name] = f.name
		}
	}
	set(&c.Policy, guard.Policy(s.LockPolicy))
	if meta.IsDefined("lockable") {
		c.Lockable = s.Lockable
	}
	set(&c.TTL, time.Duration(s.Lock.TTL))
	if f.team {
		return nil
	}
	set(&c.DefaultActor, lock.Owner(s.DefaultActor))
	set(&c.Remote, string(s.Lock.Remote))
	set(&c.Offline, string(s.Lock.Offline))
	set(&c.Sign, string(s.Lock.Sign))
	set(&c.Vouch, string(s.Lock.Vouch))
	set(&c.HookFetch, string(s.Hook.Fetch))
	s.Lock.ClockSkew.set(&c.ClockSkew)
	s.Hook.MaxAge.set(&c.HookMaxAge)
	set(&c.HookCommitTimeout, time.Duration(s.Hook.CommitTimeout))
	set(&c.HookTimeout, time.Duration(s.Hook.Timeout))
	set(&c.AgentIdentity, string(s.Agent.Identity))
	set(&c.AgentAcquire, bool(s.Agent.Acquire))
	return nil
}

func set[T comparable](to *T, value T) {
	var zero T
	if value != zero {
		*to = value
	}
}
