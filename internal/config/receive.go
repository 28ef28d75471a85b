package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/git-grite/git-grite/internal/guard"
	"github.com/git-grite/git-grite/internal/lock"
)

// Receive is what a server lets be pushed.
type Receive struct {
	Policy   guard.Policy
	Branches []string // patterns of the branches that are judged; none: the one that HEAD names

	MaxTTL    time.Duration // of a lease
	MaxLocks  int           // unexpired ones of one owner
	ClockSkew time.Duration // how long past its expiry a lock is kept for its owner, by the server's clock
	Allow     []string      // other refs of ours that may be pushed; a final /* stands for all below

	Timeout time.Duration // for all of it
	Fail    string        // "open" or "closed": what happens when the push could not be judged

	Trust  string              // "first-use", or "listed" for those in Actors only
	Actors map[string][]string // of each login: ids or labels

	Warnings []string // unknown keys, one sentence each
}

// ReceivePath is the server's configuration file below our directory dir.
func ReceivePath(dir string) string { return filepath.Join(dir, "receive.toml") }

// receiveFile is the file's form; see settings.
type receiveFile struct {
	Receive struct {
		Policy    policyValue   `toml:"policy"`
		Branches  patternsValue `toml:"branches"`
		MaxTTL    ttlValue      `toml:"max_ttl"`
		MaxLocks  countValue    `toml:"max_locks"`
		ClockSkew durationValue `toml:"clock_skew"`
		Allow     namesValue    `toml:"allow"`
		Timeout   durationValue `toml:"timeout"`
		Fail      failValue     `toml:"fail"`
		Trust     trustValue    `toml:"trust"`
		Actors    actorsValue   `toml:"actors"`
	} `toml:"receive"`
}

// LoadReceive reads the server's configuration from our directory in its bare
// repository. A missing file is the defaults. The error is *Error for a mistake,
// beside which the result is the defaults.
func LoadReceive(dir string) (Receive, error) {
	r := Receive{
		Policy: guard.Warn, MaxTTL: lock.MaxTTL, MaxLocks: 1000, Timeout: 4 * time.Second, Fail: "open", Trust: "first-use",
		// What other clients keep there: issues.
		Allow: []string{"refs/grite/wal", "refs/grite/snapshots/*"},
	}
	f := file{path: ReceivePath(dir), name: ReceivePath(dir)}
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, &Error{File: f.name, Fault: "cannot be read: " + err.Error()}
	}
	var s receiveFile
	meta, err := toml.Decode(string(text), &s)
	if err != nil {
		return r, f.fault(string(text), err)
	}
	for _, key := range meta.Undecoded() {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s: unknown key %s", f.name, key))
	}
	set(&r.Policy, guard.Policy(s.Receive.Policy))
	set(&r.MaxTTL, time.Duration(s.Receive.MaxTTL))
	set(&r.MaxLocks, int(s.Receive.MaxLocks))
	set(&r.Fail, string(s.Receive.Fail))
	set(&r.Trust, string(s.Receive.Trust))
	set(&r.Timeout, s.Receive.Timeout.d)
	r.ClockSkew, r.Branches, r.Actors = s.Receive.ClockSkew.d, s.Receive.Branches, s.Receive.Actors
	if meta.IsDefined("receive", "allow") {
		r.Allow = s.Receive.Allow
	}
	return r, nil
}

type (
	countValue  int
	namesValue  []string
	failValue   string
	trustValue  string
	actorsValue map[string][]string
)

func (v *countValue) UnmarshalTOML(value any) error {
	n, ok := value.(int64)
	if !ok || n < 1 || n > 1e6 {
		return fmt.Errorf("must be a number from 1 to 1000000, not %v", value)
	}
	*v = countValue(n)
	return nil
}

func (v *namesValue) UnmarshalTOML(value any) (err error) {
	*v, err = texts(value, `a list such as ["refs/grite/wal"]`)
	return err
}

func (v *failValue) UnmarshalTOML(value any) error {
	s, err := oneOf(value, "open", "closed")
	*v = failValue(s)
	return err
}

func (v *trustValue) UnmarshalTOML(value any) error {
	s, err := oneOf(value, "first-use", "listed")
	*v = trustValue(s)
	return err
}

func (v *actorsValue) UnmarshalTOML(value any) error {
	table, ok := value.(map[string]any)
	if !ok {
		return errors.New(`must be a table such as alice = ["alice@example.com"]`)
	}
	*v = actorsValue{}
	for login, names := range table {
		list, err := texts(names, `a list of actors such as alice = ["alice@example.com"]`)
		if err != nil {
			return err
		}
		(*v)[login] = list
	}
	return nil
}

func texts(value any, want string) ([]string, error) {
	items, ok := value.([]any)
	if !ok {
		return nil, errors.New("must be " + want)
	}
	list := make([]string, 0, len(items))
	for _, item := range items {
		s, err := text(item, want)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}
