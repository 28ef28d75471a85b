// Package journal keeps what a clone did and saw, one JSON object per line of a
// file. It is for people to read later and decides nothing but whether a loss
// was told already, so that failing to write it is no failure of a command. A
// line of another version, or one that a full disk cut short, is passed over.
package journal

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"time"

	"github.com/git-grite/git-grite/internal/atomicfile"
	"github.com/git-grite/git-grite/internal/lock"
)

// Journal is the journal of one clone.
type Journal struct {
	path string
	now  func() time.Time
}

// New returns the journal in a file. When that is large it is put aside under
// its name with ".1" added.
func New(path string, now func() time.Time) Journal { return Journal{path, now} }

// maxSize is when the journal is put aside, in bytes.
const maxSize = 1 << 20

// Add appends events. One write per call, so that lines of concurrent processes
// do not mix.
func (j Journal) Add(events ...Event) {
	if len(events) == 0 {
		return
	}
	var text bytes.Buffer
	for _, e := range events {
		if e.TimeUnixMS == 0 {
			e.TimeUnixMS = j.now().UnixMilli()
		}
		line, err := json.Marshal(e)
		if err == nil {
			text.Write(append(line, '\n'))
		}
	}
	st, err := os.Lstat(j.path)
	switch {
	case err == nil && !st.Mode().IsRegular():
		return // somebody put a link there; what it names is not ours to write
	case err == nil && st.Size() > maxSize:
		_ = os.Rename(j.path, j.path+".1")
		st = nil
	}
	f, err := os.OpenFile(j.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return
	}
	defer f.Close()
	if st == nil {
		atomicfile.Share(j.path, 0o666)
	}
	_, _ = f.Write(text.Bytes())
}

// AddAll appends the same event for each lock.
func (j Journal) AddAll(name string, locks []lock.Lock) {
	events := make([]Event, 0, len(locks))
	for _, l := range locks {
		events = append(events, Of(name, l))
	}
	j.Add(events...)
}

// read reads the events of these names, oldest first, all of them without any. Most
// lines need not be parsed then.
func (j Journal) read(names ...string) []Event {
	var all []Event
	wanted := func(line []byte) bool {
		return len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return bytes.Contains(line, []byte(`"`+name+`"`)) })
	}
	for _, path := range []string{j.path + ".1", j.path} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for line := range bytes.Lines(text) {
			var e Event
			if !wanted(line) || json.Unmarshal(line, &e) != nil || e.Event == "" {
				continue
			}
			if len(names) == 0 || slices.Contains(names, e.Event) {
				all = append(all, e)
			}
		}
	}
	return all
}

// Events returns what happened, oldest first: everything but what was told of it.
func (j Journal) Events() []Event {
	return slices.DeleteFunc(j.read(), func(e Event) bool { return e.Event == told })
}

// Only returns the events of one name, oldest first.
func (j Journal) Only(name string) []Event { return j.read(name) }

// Grants returns the locks that were granted, oldest first.
func (j Journal) Grants() []Event { return j.Only("granted") }
