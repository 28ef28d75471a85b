// Package note is what somebody who wants a locked resource asks its holder, and
// what the holder answers: the record of it, its bounds, and the refs that it is
// kept in. Anybody who can push may have written one. Who asks and who is told is
// decided by ask and clone.
package note

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/git-grite/git-grite/internal/lock"
)

// File is the one file in the tree of a note's commit.
const File = "note.json"

// The bounds of a note, in bytes.
const (
	MaxMessage = 500 // of the message and of the answer
	maxLabel   = 200
	maxNote    = 16 << 10
)

// Note is a question about one grant, and the answer to it.
type Note struct {
	Resource lock.Resource // that the grant is on
	Nonce    string        // of the grant: the note ends with it
	Wanted   lock.Resource // what the asker wants
	Holder   lock.Owner
	Asker    lock.Owner
	Message  string
	Asked    time.Time // millisecond precision

	HolderLabel, AskerLabel string

	Answer   string    // "" for none yet
	Answered time.Time // millisecond precision

	Version string // of its record as it was seen; no part of it
}

// AskerKey is how the name of a ref says who asks.
func AskerKey(asker lock.Owner) string { return lock.Key(string(asker)) }

// Name is the part of the note's ref below lock.NotesNamespace: the keys of the
// resource and of the asker, so that each asker has one note per lock.
func (n Note) Name() string { return n.Resource.Key() + "/" + AskerKey(n.Asker) }

// About reports whether the note is about this grant.
func (n Note) About(l lock.Lock) bool {
	return n.Nonce == l.Nonce && n.Resource.Key() == l.Resource.Key() && !l.Released()
}

// SameQuestion reports whether o is the same note, but perhaps for the answer.
func (n Note) SameQuestion(o Note) bool {
	n.Answer, o.Answer = "", ""
	return bytes.Equal(n.Encode(), o.Encode())
}

// Record is note.json, and a note as programs see it. Both texts are other people's.
type Record struct {
	Resource       string     `json:"resource"` // of the lock
	Nonce          string     `json:"nonce"`
	Wanted         string     `json:"wanted"`
	Holder         lock.Owner `json:"holder"`
	HolderLabel    string     `json:"holder_label,omitempty"`
	Asker          lock.Owner `json:"asker"`
	AskerLabel     string     `json:"asker_label,omitempty"`
	Message        string     `json:"message"`
	AskedUnixMS    int64      `json:"asked_unix_ms"`
	Answer         string     `json:"answer,omitempty"`
	AnsweredUnixMS int64      `json:"answered_unix_ms,omitempty"`
}

// Record makes the record of a note.
func (n Note) Record() Record {
	r := Record{
		Resource: n.Resource.String(), Nonce: n.Nonce, Wanted: n.Wanted.String(), Holder: n.Holder, HolderLabel: n.HolderLabel,
		Asker: n.Asker, AskerLabel: n.AskerLabel, Message: n.Message, AskedUnixMS: n.Asked.UnixMilli(), Answer: n.Answer,
	}
	if n.Answer != "" {
		r.AnsweredUnixMS = n.Answered.UnixMilli()
	}
	return r
}

// Encode writes note.json. The same note is the same text.
func (n Note) Encode() []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(n.Record()) // strings and integers can always be written
	return bytes.TrimRight(out.Bytes(), "\n")
}

// maxMillis is the end of the year 9999.
const maxMillis = 253402300799999

// Parse reads a note: its name, and what Encode wrote. An error means that it is
// damaged: it is shown to nobody, and gc removes it.
func Parse(name string, text []byte) (n Note, err error) {
	if len(text) > maxNote {
		return n, fmt.Errorf("its %s is larger than %d bytes", File, maxNote)
	}
	var r Record
	if err := json.Unmarshal(text, &r); err != nil {
		return n, fmt.Errorf("its %s is no note: %w", File, err)
	}
	for what, s := range map[string]string{"nonce": r.Nonce, "label of the holder": r.HolderLabel, "label of the asker": r.AskerLabel} {
		if err := checkText(what, s, maxLabel); err != nil {
			return n, err
		}
	}
	switch {
	case !r.Holder.Valid() || !r.Asker.Valid():
		return n, errors.New("its holder or its asker is no actor")
	case r.Nonce == "" || r.Message == "":
		return n, errors.New("it asks nothing, or about nothing")
	case min(r.AskedUnixMS, r.AnsweredUnixMS) < 0 || max(r.AskedUnixMS, r.AnsweredUnixMS) > maxMillis:
		return n, errors.New("its times are none")
	}
	if err := errors.Join(Check("message", r.Message), Check("answer", r.Answer)); err != nil {
		return n, err
	}
	n = Note{
		Nonce: r.Nonce, Holder: r.Holder, HolderLabel: r.HolderLabel, Asker: r.Asker, AskerLabel: r.AskerLabel,
		Message: r.Message, Asked: time.UnixMilli(r.AskedUnixMS), Answer: r.Answer,
	}
	if r.Answer != "" {
		n.Answered = time.UnixMilli(r.AnsweredUnixMS)
	}
	if n.Resource, err = lock.ParseRecorded(r.Resource); err != nil {
		return n, err
	}
	if n.Wanted, err = lock.ParseRecorded(r.Wanted); err != nil {
		return n, err
	}
	if n.Name() != name {
		return n, fmt.Errorf("it belongs to %s", n.Name())
	}
	return n, nil
}

// Check says what is wrong with a message or an answer.
func Check(what, s string) error { return checkText(what, s, MaxMessage) }

func checkText(what, s string, most int) error {
	switch {
	case len(s) > most:
		return fmt.Errorf("the %s is %d bytes long; %d are allowed", what, len(s), most)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }):
		return fmt.Errorf("the %s has unprintable characters: it is one line of UTF-8", what)
	}
	return nil
}

// Named reports whether a name is as Name writes it.
func Named(name string) bool {
	key, asker, ok := strings.Cut(name, "/")
	return ok && isKey(key) && isKey(asker)
}

func isKey(s string) bool { return len(s) == 16 && strings.Trim(s, "0123456789abcdef") == "" }
