// Package config reads the settings of a clone, the team's settings and the
// actors, with their precedence, and says where in which file a mistake stands.
// Who uses the values is no concern of it: they leave it as plain values.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

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

	HookFetch   string // "never", "push" or "commit"
	HookTimeout time.Duration

	DefaultActor lock.Owner // "" when none is set
	Present      bool       // the clone or the team has a configuration
	Warnings     []string   // unknown keys and the like, one sentence each
}

// Error is a mistake in a setting.
type Error struct {
	File  string // or the name of an environment variable
	Line  int    // from 1; 0 when unknown
	Key   string // "" when the file as a whole is no TOML
	Fault string
}

func (e *Error) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Key != "" {
		return fmt.Sprintf("%s: %s: %s", where, e.Key, e.Fault)
	}
	return fmt.Sprintf("%s: %s", where, e.Fault)
}

// TeamFile is the tracked file at the top of the work tree.
const TeamFile = ".grite.toml"

// Sources says where settings come from.
type Sources struct {
	Dir      string // our directory in the common git directory
	WorkTree string // "" in a bare repository
	Policy   string // GRITE_LOCK_POLICY, "" when it is not set
}

// Load reads the settings: the environment over the clone's config.toml over
// the team's .grite.toml over the defaults. The error is *Error for a mistake;
// the Config is usable all the same, with what could be read.
func Load(src Sources) (Config, error) {
	c := Config{
		Policy: guard.Warn, Remote: "auto", TTL: 15 * time.Minute, ClockSkew: 30 * time.Second,
		Offline: "refuse", HookFetch: "push", HookTimeout: 10 * time.Second,
	}
	var faults []error
	if src.WorkTree != "" {
		team := file{path: filepath.Join(src.WorkTree, TeamFile), name: TeamFile, team: true}
		faults = append(faults, team.apply(&c))
	}
	clone := file{path: ClonePath(src.Dir), name: ClonePath(src.Dir)}
	faults = append(faults, clone.apply(&c))
	if src.Policy != "" {
		p, err := guard.ParsePolicy(src.Policy)
		if err != nil {
			faults = append(faults, &Error{File: "GRITE_LOCK_POLICY", Fault: err.Error()})
		} else {
			c.Policy = p
		}
	}
	for _, err := range faults {
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

// ClonePath is the clone's configuration file below our directory dir.
func ClonePath(dir string) string { return filepath.Join(dir, "config.toml") }

// The file's form. Every value has a type of its own because only those give
// errors with positions, and because a plain time.Duration would take the
// integer 5 for five nanoseconds.
type settings struct {
	DefaultActor actorValue    `toml:"default_actor"`
	LockPolicy   policyValue   `toml:"lock_policy"`
	Lockable     patternsValue `toml:"lockable"`
	Lock         struct {
		Remote    remoteValue   `toml:"remote"`
		TTL       ttlValue      `toml:"ttl"`
		ClockSkew durationValue `toml:"clock_skew"`
		Offline   offlineValue  `toml:"offline"`
	} `toml:"lock"`
	Hook struct {
		Fetch   fetchValue    `toml:"fetch"`
		Timeout durationValue `toml:"timeout"`
	} `toml:"hook"`
}

// teamKeys are the settings that a team may share; the others are about one
// clone, and files that come with a checkout are not to be trusted with them.
var teamKeys = []string{"lock_policy", "lockable", "lock", "lock.remote", "lock.ttl"}

type file struct {
	path, name string
	team       bool
}

// apply lays what the file says over c.
func (f file) apply(c *Config) error {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil
	}
	if err != nil {
		return &Error{File: f.name, Fault: "cannot be read: " + err.Error()}
	}
	c.Present = true
	var s settings
	meta, err := toml.Decode(string(text), &s)
	if err != nil {
		return f.fault(string(text), err)
	}
	for _, key := range meta.Undecoded() {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s: unknown key %s", f.name, key))
	}
	for _, key := range meta.Keys() {
		k := strings.ToLower(key.String())
		if f.team && !slices.Contains(teamKeys, k) && known(k) {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s: %s is set in each clone only and is ignored here", f.name, key))
		}
	}
	set(&c.Policy, guard.Policy(s.LockPolicy))
	if meta.IsDefined("lockable") {
		c.Lockable = s.Lockable
	}
	set(&c.Remote, string(s.Lock.Remote))
	set(&c.TTL, time.Duration(s.Lock.TTL))
	if f.team {
		return nil
	}
	set(&c.DefaultActor, lock.Owner(s.DefaultActor))
	if s.Lock.ClockSkew.set {
		c.ClockSkew = s.Lock.ClockSkew.d
	}
	set(&c.Offline, string(s.Lock.Offline))
	set(&c.HookFetch, string(s.Hook.Fetch))
	if s.Hook.Timeout.set {
		c.HookTimeout = s.Hook.Timeout.d
	}
	return nil
}

// known tells whether key is one of settings' keys and not a table.
func known(key string) bool {
	return slices.Contains([]string{"default_actor", "lock.clock_skew", "lock.offline", "hook.fetch", "hook.timeout"}, key)
}

func set[T comparable](to *T, value T) {
	var zero T
	if value != zero {
		*to = value
	}
}

// fault says where in the file the decoder stopped.
func (f file) fault(text string, err error) error {
	var p toml.ParseError
	if !errors.As(err, &p) {
		return &Error{File: f.name, Fault: err.Error()}
	}
	e := &Error{File: f.name, Line: p.Position.Line, Key: p.LastKey, Fault: p.Message}
	if _, err := toml.Decode(text, &map[string]any{}); err != nil {
		e.Key, e.Fault = "", "is not valid TOML: "+p.Message
	}
	return e
}
