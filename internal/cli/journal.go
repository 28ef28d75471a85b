package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/lock"
)

// journal is what this clone did and saw, one JSON object per line. It is for
// people to read later and decides nothing, so that failing to write it is no
// failure of a command.
type journal struct {
	dir string
	now func() time.Time
}

// entry is one line of the journal.
type entry struct {
	TimeUnixMS int64      `json:"time_unix_ms"`
	Event      string     `json:"event"` // granted, renewed, released, expired, broken, lost
	Actor      lock.Owner `json:"actor,omitempty"`
	Label      string     `json:"label,omitempty"`
	Resource   string     `json:"resource"`
	Nonce      string     `json:"nonce,omitempty"`
	Other      lock.Owner `json:"other,omitempty"` // whose lock it was, or who broke it
	Reason     string     `json:"reason,omitempty"`
}

// journalSize is when the journal is put aside, in bytes.
const journalSize = 1 << 20

func (j journal) path() string { return filepath.Join(j.dir, "log.jsonl") }
func (j journal) old() string  { return filepath.Join(j.dir, "log.jsonl.1") }

// add appends entries. One write per call, so that lines of concurrent
// processes do not mix.
func (j journal) add(entries ...entry) {
	if len(entries) == 0 {
		return
	}
	var text bytes.Buffer
	for _, e := range entries {
		if e.TimeUnixMS == 0 {
			e.TimeUnixMS = j.now().UnixMilli()
		}
		line, err := json.Marshal(e)
		if err == nil {
			text.Write(append(line, '\n'))
		}
	}
	if st, err := os.Stat(j.path()); err == nil && st.Size() > journalSize {
		_ = os.Rename(j.path(), j.old())
	}
	f, err := os.OpenFile(j.path(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Write(text.Bytes())
}

// addAll appends the same event for each lock.
func (j journal) addAll(name string, locks []lock.Lock) {
	entries := make([]entry, 0, len(locks))
	for _, l := range locks {
		entries = append(entries, event(name, l))
	}
	j.add(entries...)
}

// event makes an entry of something that happened to a lock.
func event(name string, l lock.Lock) entry {
	return entry{Event: name, Actor: l.Owner, Label: l.Label, Resource: l.Resource.String(), Nonce: l.Nonce, Reason: l.Reason}
}

// entries reads the journal, oldest first. Lines that are no entries are
// skipped: a full disk may have cut one short.
func (j journal) entries() []entry {
	var all []entry
	for _, path := range []string{j.old(), j.path()} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			var e entry
			if json.Unmarshal(lines.Bytes(), &e) == nil && e.Event != "" {
				all = append(all, e)
			}
		}
	}
	return all
}

// has tells whether an event with this nonce is in the journal.
func (j journal) has(name, nonce string) bool {
	return slices.ContainsFunc(j.entries(), func(e entry) bool { return e.Event == name && e.Nonce == nonce })
}
