package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
)

// Key is a setting.
type Key struct {
	Name    string // such as lock.ttl
	Type    string // string, list, duration or bool
	Default string // as a person writes it; "" for none
	Allowed []string
	Team    bool   // may be set in the team's file
	Help    string // one line

	value func(*Config) any
}

// Keys are all settings, in the order of the documentation.
func Keys() []Key {
	base := defaults()
	keys := []Key{
		{Name: "default_actor", Type: "string", Help: "the actor of this clone, by its id", value: func(c *Config) any { return &c.DefaultActor }},
		{Name: "lock_policy", Type: "string", Allowed: []string{"off", "warn", "require"}, Team: true, Help: "what hooks do about changes to paths that others have locked", value: func(c *Config) any { return &c.Policy }},
		{Name: "lockable", Type: "list", Team: true, Help: "patterns of paths that must be held to be changed", value: func(c *Config) any { return &c.Lockable }},
		{Name: "lock.remote", Type: "string", Help: `where locks are granted: "auto", "none" or the name of a remote`, value: func(c *Config) any { return &c.Remote }},
		{Name: "lock.ttl", Type: "duration", Team: true, Help: "how long a lease lasts when --ttl is not given", value: func(c *Config) any { return &c.TTL }},
		{Name: "lock.clock_skew", Type: "duration", Help: "how long after its end a lock of another machine is left alone", value: func(c *Config) any { return &c.ClockSkew }},
		{Name: "lock.offline", Type: "string", Allowed: []string{"refuse", "allow"}, Help: "what acquire does when the remote cannot be reached", value: func(c *Config) any { return &c.Offline }},
		{Name: "lock.sign", Type: "string", Allowed: []string{"off", "auto", "always"}, Help: "whether records are signed with git's ssh key", value: func(c *Config) any { return &c.Sign }},
		{Name: "lock.vouch", Type: "string", Allowed: []string{"off", "mark", "require"}, Help: "how locks of others count that no allowed key has signed", value: func(c *Config) any { return &c.Vouch }},
		{Name: "hook.fetch", Type: "string", Allowed: []string{"never", "push", "auto", "commit"}, Help: "when hooks look at the remote first", value: func(c *Config) any { return &c.HookFetch }},
		{Name: "hook.max_age", Type: "duration", Help: "with hook.fetch = \"auto\", how old a view a commit is judged by", value: func(c *Config) any { return &c.HookMaxAge }},
		{Name: "hook.commit_timeout", Type: "duration", Help: "how long pre-commit waits for the remote", value: func(c *Config) any { return &c.HookCommitTimeout }},
		{Name: "hook.timeout", Type: "duration", Help: "how long a hook may take in all", value: func(c *Config) any { return &c.HookTimeout }},
		{Name: "agent.identity", Type: "string", Allowed: []string{"auto", "off"}, Help: "whether each session of a coding agent is an actor of its own", value: func(c *Config) any { return &c.AgentIdentity }},
		{Name: "agent.acquire", Type: "bool", Allowed: []string{"true", "false"}, Help: "whether a path that must be held is locked for an agent that is about to edit it", value: func(c *Config) any { return &c.AgentAcquire }},
	}
	for i, k := range keys {
		keys[i].Default = k.of(&base)
	}
	return keys
}

// of is the value of a setting, as a person writes it.
func (k Key) of(c *Config) string {
	switch v := k.value(c).(type) {
	case *string:
		return *v
	case *lock.Owner:
		return string(*v)
	case *guard.Policy:
		return string(*v)
	case *time.Duration:
		return FormatDuration(*v)
	case *bool:
		return strconv.FormatBool(*v)
	case *[]string:
		quoted := make([]string, len(*v))
		for i, s := range *v {
			quoted[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	panic("a setting of an unknown type")
}

// FindKey returns the setting with a name. The error is *Error without a file, with
// the nearest name where there is one.
func FindKey(name string) (Key, error) {
	keys := Keys()
	if at := slices.IndexFunc(keys, func(k Key) bool { return k.Name == strings.ToLower(name) }); at >= 0 {
		return keys[at], nil
	}
	fault := "there is no such setting"
	if near := nearestKey(name); near != "" {
		fault += fmt.Sprintf("; did you mean %s?", near)
	}
	return Key{}, &Error{Key: name, Fault: fault}
}

// Setting is the value that a setting has and where it comes from.
type Setting struct {
	Key
	Value string
	From  string // a file, an environment variable, or Default
}

// Default is where the value of a setting comes from that nobody has set.
const Default = "default"

// Settings are all settings with their values.
func (c Config) Settings() []Setting {
	var all []Setting
	for _, k := range Keys() {
		s := Setting{Key: k, Value: k.of(&c), From: Default}
		if from := c.from[k.Name]; from != "" {
			s.From = from
		}
		all = append(all, s)
	}
	return all
}

// nearestKey is the setting that a misspelt name most likely means, or "".
func nearestKey(name string) string {
	var names []string
	last := name[strings.LastIndexByte(name, '.')+1:]
	for _, k := range Keys() {
		names = append(names, k.Name)
		if k.Name[strings.LastIndexByte(k.Name, '.')+1:] == strings.ToLower(last) {
			return k.Name
		}
	}
	return Nearest(name, names)
}

// Nearest returns the one of names that is closest to a misspelt one, or "" when
// none is close.
func Nearest(name string, names []string) string {
	const longest = 64 // the word may be somebody else's
	best, least := "", max(1, min(3, len(name)/3))+1
	for _, n := range names {
		if len(n) <= longest && len(name) <= longest {
			if d := distance(strings.ToLower(name), strings.ToLower(n)); d < least {
				best, least = n, d
			}
		}
	}
	return best
}

// distance counts the letters that are missing, too many, wrong or swapped with
// their neighbour (optimal string alignment).
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			wrong := 1
			if a[i-1] == b[j-1] {
				wrong = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+wrong)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
