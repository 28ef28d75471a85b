package refstore

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/git-grite/git-grite/internal/lock"
)

// Ledger is the book of what a remote granted to one actor of this clone: a file
// for each lock, replaced by rename. It is a lock.Ledger.
type Ledger struct {
	dir    string // of the actor, below our directory in the common git directory
	remote string
}

// NewLedger opens the ledger of an actor with a remote; dir is our directory in
// the common git directory.
func NewLedger(dir string, owner lock.Owner, remote string) *Ledger {
	return &Ledger{dir: filepath.Join(dir, "actors", string(owner)), remote: remote}
}

// page is one file of the ledger.
type page struct {
	Remote string          `json:"remote"`
	OID    string          `json:"oid"`
	Next   string          `json:"next,omitempty"`
	Record json.RawMessage `json:"record"`
}

// Queue takes the actor's file lock, so that two processes of one actor never
// see each other half-way. It returns *BusyError.
func (b *Ledger) Queue(ctx context.Context) (end func(), err error) {
	return lockFileFor(ctx, filepath.Join(b.dir, "lock"), remoteTimeout)
}

// Held returns what this remote granted.
func (b *Ledger) Held() (map[string]lock.Holding, error) {
	held, _, err := b.read()
	return held, err
}

// Stray returns what other remotes granted, by key, when the
// clone has asked another one before.
func (b *Ledger) Stray() (map[string]lock.Holding, error) {
	_, stray, err := b.read()
	return stray, err
}

// read reads all pages. One that cannot be read is as good as none: the lock is
// then not held, and taken anew when it is wanted.
func (b *Ledger) read() (held, stray map[string]lock.Holding, err error) {
	dir := filepath.Join(b.dir, "held")
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	held, stray = map[string]lock.Holding{}, map[string]lock.Holding{}
	for _, f := range files {
		if strings.Contains(f.Name(), ".") {
			continue // being written
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			continue
		}
		var p page
		if json.Unmarshal(text, &p) != nil {
			continue
		}
		l, key, err := decode(p.Record)
		l.Remote = p.Remote
		switch {
		case err != nil || key != f.Name():
		case p.Remote == b.remote:
			held[key] = lock.Holding{Lock: l, Version: p.OID, Next: p.Next}
		default:
			stray[key] = lock.Holding{Lock: l, Version: p.OID, Next: p.Next}
		}
	}
	return held, stray, nil
}

// Enter writes a holding in the place of an older one with its key.
func (b *Ledger) Enter(h lock.Holding) error {
	text, err := json.Marshal(page{Remote: b.remote, OID: h.Version, Next: h.Next, Record: encode(h.Lock)})
	if err != nil {
		return err
	}
	dir := filepath.Join(b.dir, "held")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, h.Resource.Key()), append(text, '\n'))
}

// Strike takes a holding out. It is no error when there is none.
func (b *Ledger) Strike(key string) error {
	err := os.Remove(filepath.Join(b.dir, "held", key))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
