package refstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/filelock"
	"github.com/git-grite/git-grite/internal/lock"
)

// Arbiter is a remote that grants locks. It is known by the URL that is pushed
// to: the name of a remote may change.
type Arbiter struct {
	Name string
	URL  string
}

// key distinguishes arbiters in file names.
func (a Arbiter) key() string {
	sum := sha256.Sum256([]byte(a.URL))
	return hex.EncodeToString(sum[:4])
}

// Grants remembers what an arbiter granted to one actor of this clone, in a file
// for each lock that is replaced by rename. It is a protocol.Grants, for one verb:
// the files are read once, and once more when it had to wait for its turn.
type Grants struct {
	dir     string // of the actor, below our directory in the common git directory
	arbiter Arbiter
	known   map[string]Elsewhere // by file name; nil until it is read
}

// NewGrants opens what the arbiter granted to an actor; dir is our directory in
// the common git directory.
func NewGrants(dir string, owner lock.Owner, arbiter Arbiter) *Grants {
	return &Grants{dir: filepath.Join(dir, "actors", string(owner)), arbiter: arbiter}
}

// grant is one file. Those of older versions have the name of the remote alone,
// and Next.
type grant struct {
	URL     string          `json:"url,omitempty"`
	Remote  string          `json:"remote"`
	OID     string          `json:"oid"`
	Verify  bool            `json:"verify,omitempty"`
	Pending []pending       `json:"pending,omitempty"`
	Next    string          `json:"next,omitempty"`
	Record  json.RawMessage `json:"record"`
}

type pending struct {
	OID           string `json:"oid"`
	ExpiresUnixMS int64  `json:"expires_unix_ms"`
	TTLMS         int64  `json:"ttl_ms"`
}

// Queue takes the actor's file lock, so that two processes of one actor never
// see each other half-way. A push that outlives a killed process does not hold
// it: it may hang for long, and is no worse than any request that arrives late.
// It returns *BusyError.
func (g *Grants) Queue(ctx context.Context) (end func(), err error) {
	l, err := filelock.Take(ctx, filepath.Join(g.dir, "lock"), remoteTimeout)
	g.known = nil // others may have changed it meanwhile
	return l.End, err
}

// Held returns what this arbiter granted, by key.
func (g *Grants) Held() (map[string]lock.Holding, error) {
	held := map[string]lock.Holding{}
	err := g.read()
	for _, e := range g.known {
		if g.granted(e) {
			e.Remote = g.arbiter.Name
			held[e.Resource.Key()] = e.Holding
		}
	}
	return held, err
}

// Elsewhere is a lock that another arbiter granted.
type Elsewhere struct {
	lock.Holding
	Arbiter Arbiter // without a URL where an older version wrote it
}

// Elsewhere returns what other arbiters granted to this actor.
func (g *Grants) Elsewhere() (others []Elsewhere, err error) {
	err = g.read()
	for _, e := range g.known {
		if !g.granted(e) {
			others = append(others, e)
		}
	}
	return others, err
}

// granted reports whether a lock was granted by this arbiter.
func (g *Grants) granted(e Elsewhere) bool {
	if e.Arbiter.URL == "" {
		return e.Arbiter.Name == g.arbiter.Name
	}
	return e.Arbiter.URL == g.arbiter.URL
}

// read reads every grant of the actor, unless it has. A file that is no grant
// counts as none: the lock is not held then, and is taken again when it is wanted.
func (g *Grants) read() error {
	if g.known != nil {
		return nil
	}
	dir := filepath.Join(g.dir, "held")
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	known := make(map[string]Elsewhere, len(files))
	for _, file := range files {
		if strings.Contains(file.Name(), ".") {
			continue // being written
		}
		path := filepath.Join(dir, file.Name())
		text, err := atomicfile.Read(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // dropped meanwhile
		}
		if err != nil {
			return err
		}
		e, ok := readGrant(text)
		if key, _, _ := strings.Cut(file.Name(), "-"); ok && key == e.Resource.Key() {
			known[file.Name()] = e
		}
	}
	g.known = known
	return nil
}

func readGrant(text []byte) (e Elsewhere, ok bool) {
	var p grant
	if json.Unmarshal(text, &p) != nil {
		return e, false
	}
	l, key, err := Decode(p.Record)
	if err != nil || key != l.Resource.Key() {
		return e, false
	}
	l.Remote = p.Remote
	e = Elsewhere{lock.Holding{Lock: l, Version: p.OID, Verify: p.Verify || p.URL == ""}, Arbiter{p.Remote, p.URL}}
	if p.Next != "" {
		e.Pending = append(e.Pending, lock.Pending{Version: p.Next})
	}
	for _, q := range p.Pending {
		e.Pending = append(e.Pending, lock.Pending{
			Version: q.OID, Expires: fromUnixMS(q.ExpiresUnixMS), TTL: time.Duration(q.TTLMS) * time.Millisecond,
		})
	}
	return e, true
}

// Put writes a holding in the place of an older one with its key.
func (g *Grants) Put(h lock.Holding) error {
	p := grant{URL: g.arbiter.URL, Remote: g.arbiter.Name, OID: h.Version, Verify: h.Verify, Record: Encode(h.Lock)}
	for _, q := range h.Pending {
		p.Pending = append(p.Pending, pending{q.Version, unixMS(q.Expires), q.TTL.Milliseconds()})
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	held := filepath.Join(g.dir, "held")
	if err := errors.Join(atomicfile.NoLinks(g.dir, held), atomicfile.Mkdir(held)); err != nil {
		return err
	}
	key := h.Resource.Key()
	if err := atomicfile.Write(g.file(key), append(text, '\n'), 0o666); err != nil {
		g.known = nil
		return err
	}
	if e, ok := readGrant(text); ok && g.known != nil {
		g.known[g.name(key)] = e
	}
	return g.dropOld(key)
}

// Drop takes a holding out. It is no error when there is none.
func (g *Grants) Drop(key string) error {
	if err := os.Remove(g.file(key)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	delete(g.known, g.name(key))
	return g.dropOld(key)
}

// dropOld removes the file that an older version wrote for a lock of this arbiter.
func (g *Grants) dropOld(key string) error {
	old := filepath.Join(g.dir, "held", key)
	text, err := os.ReadFile(old)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if e, ok := readGrant(text); ok && e.Arbiter.Name != g.arbiter.Name {
		return nil
	}
	delete(g.known, key)
	return os.Remove(old)
}

func (g *Grants) name(key string) string { return key + "-" + g.arbiter.key() }
func (g *Grants) file(key string) string { return filepath.Join(g.dir, "held", g.name(key)) }
