package keep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/git-grite/git-grite/internal/atomicfile"
)

// Kept is a lock that is renewed in the background, and why for how long.
type Kept struct {
	Resource    string `json:"resource"`
	Nonce       string `json:"nonce"` // of the grant that is kept, and of no other
	TTLMS       int64  `json:"ttl_ms"`
	AskedUnixMS int64  `json:"asked_unix_ms"` // when the request was sent that granted or last renewed it
	// It is kept while the process runs, until the time has come, or, where both
	// are given, until the first of the two.
	PID         int    `json:"pid,omitempty"`
	Start       string `json:"start,omitempty"` // of the process: its id alone may be another's by now
	UntilUnixMS int64  `json:"until_unix_ms,omitempty"`
	Signal      string `json:"signal,omitempty"` // for the process when the lock is lost, as "TERM"
}

// ProcessStart returns when a process was started, in a form that only says
// whether it is still the same one; "" when there is none.
func ProcessStart(pid int) string { return startOf(pid) }

func (k Kept) ttl() time.Duration { return time.Duration(k.TTLMS) * time.Millisecond }

// over reports whether nothing needs the lock any more.
func (k Kept) over(now time.Time) bool {
	return k.PID != 0 && startOf(k.PID) != k.Start || k.UntilUnixMS != 0 && now.UnixMilli() >= k.UntilUnixMS
}

// Dir is where the keeper of one actor has its files: what it keeps, one file
// per lock, its state, and the file lock that says that it runs.
type Dir string

func (d Dir) kept() string  { return filepath.Join(string(d), "keep") }
func (d Dir) state() string { return filepath.Join(string(d), "keeper.json") }
func (d Dir) lock() string  { return filepath.Join(string(d), "keeper.lock") }

func (d Dir) file(resource string) string {
	sum := sha256.Sum256([]byte(resource))
	return filepath.Join(d.kept(), hex.EncodeToString(sum[:8])+".json")
}

// Add has a lock kept from now on. When Running reports that no keeper runs
// afterwards, the caller has to start one.
func (d Dir) Add(k Kept) error {
	if err := os.MkdirAll(d.kept(), 0o777); err != nil {
		return err
	}
	return writeJSON(d.file(k.Resource), k)
}

// Remove has a lock no longer kept, where it is still the grant of that nonce,
// or any with "". The lock itself is left as it is.
func (d Dir) Remove(resource, nonce string) error {
	if nonce != "" {
		if k, err := readKept(d.file(resource)); err == nil && k.Nonce != nonce {
			return nil
		}
	}
	if err := os.Remove(d.file(resource)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// List returns what is to be kept. Files that are no such thing are left out.
func (d Dir) List() ([]Kept, error) {
	entries, err := os.ReadDir(d.kept())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Kept
	for _, e := range entries {
		path := filepath.Join(d.kept(), e.Name())
		if k, err := readKept(path); err == nil && d.file(k.Resource) == path {
			all = append(all, k)
		}
	}
	return all, err
}

func readKept(path string) (k Kept, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(text, &k); err != nil {
		return k, err
	}
	if k.Resource == "" || k.TTLMS <= 0 || k.TTLMS > 1<<40 || k.PID < 0 || k.PID == 0 && k.UntilUnixMS == 0 {
		return k, errors.New("no lock that is kept")
	}
	return k, nil
}

// State is what a keeper says of itself.
type State struct {
	PID           int    `json:"pid"`
	StartedUnixMS int64  `json:"started_unix_ms"`
	RenewedUnixMS int64  `json:"renewed_unix_ms,omitempty"` // when the last good renewal was sent
	Error         string `json:"error,omitempty"`           // of the last renewal, when it failed
}

// Ours reports whether this process may keep what is kept here: the files may be
// those of another user.
func (d Dir) Ours() bool {
	f, err := os.OpenFile(d.lock(), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// Running returns the state of the keeper that runs, and whether one does.
func (d Dir) Running() (State, bool) {
	if _, err := os.Lstat(d.lock()); err != nil {
		return State{}, false
	}
	f := flock.New(d.lock(), flock.SetPermissions(0o666))
	defer f.Close()
	if free, err := f.TryRLock(); free || err != nil {
		return State{}, false
	}
	var s State
	text, err := os.ReadFile(d.state())
	if err == nil {
		_ = json.Unmarshal(text, &s) // it is being written for the first time
	}
	return s, true
}

// Log is a file that keepers write to, a line at a time. It is put aside as
// FILE.1 when it is longer than 256 KiB.
type Log struct {
	Path string
	Now  func() time.Time
}

const logSize = 256 << 10

func (l Log) line(text string) {
	st, err := os.Lstat(l.Path)
	switch {
	case err == nil && !st.Mode().IsRegular():
		return // somebody put a link there; what it names is not ours to write
	case err == nil && st.Size() > logSize:
		_ = os.Rename(l.Path, l.Path+".1")
	}
	f, err := os.OpenFile(l.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return // there is nowhere left to say so
	}
	defer f.Close()
	text = strings.ReplaceAll(text, "\n", " ")
	_, _ = f.WriteString(l.Now().UTC().Format(time.RFC3339) + " " + text + "\n")
}

// Stop has nothing kept any more, ends the keeper that runs, if one does, and
// returns when it has ended. The locks are left as they are.
func (d Dir) Stop(ctx context.Context) error {
	kept, err := d.List()
	for _, k := range kept {
		if err == nil {
			err = d.Remove(k.Resource, "")
		}
	}
	if err != nil {
		return err
	}
	asked := 0
	for {
		s, runs := d.Running()
		if !runs {
			return nil
		}
		if s.PID > 0 && s.PID != asked {
			if p, err := os.FindProcess(s.PID); err == nil && terminate(p) == nil {
				asked = s.PID
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func writeJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(text, '\n'), 0o666)
}
